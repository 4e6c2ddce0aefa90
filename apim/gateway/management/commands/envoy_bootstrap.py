"""Writes the file that Envoy starts with."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apim.env import env_int, env_str
from apim.gateway.envoy.bootstrap import BootstrapSettings, build_bootstrap
from apim.gateway.envoy.upstreams import UpstreamInvalid


class Command(BaseCommand):
    help = (
        "Print Envoy's bootstrap as JSON, or write it to a file that only its owner reads: it "
        "holds the gateway's and the authorizer's token."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path)
        parser.add_argument("--gateway-token", default=env_str("APIM_GATEWAY_TOKEN", ""))
        parser.add_argument("--web-url", default=_address("APIM_WEB_URL", "APIM_WEB_PORT", 8000))
        parser.add_argument(
            "--authorizer-url",
            default=_address("APIM_AUTHORIZER_URL", "APIM_AUTHORIZER_PORT", 8001),
        )
        parser.add_argument(
            "--admin-port", type=int, default=env_int("APIM_ENVOY_ADMIN_PORT", 9901)
        )
        parser.add_argument(
            "--admin-address", default=env_str("APIM_ENVOY_ADMIN_ADDRESS", "") or "127.0.0.1"
        )
        parser.add_argument("--node-id", default=f"envoy-{socket.gethostname()}"[:100])

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["gateway_token"]:
            raise CommandError("Say the gateway's token: APIM_GATEWAY_TOKEN or --gateway-token.")
        try:
            bootstrap = build_bootstrap(
                BootstrapSettings(
                    gateway_token=options["gateway_token"],
                    authorizer_token=settings.APIM_AUTHORIZER_TOKEN,
                    web_url=options["web_url"],
                    authorizer_url=options["authorizer_url"],
                    admin_address=options["admin_address"],
                    admin_port=options["admin_port"],
                    trusted_ca=settings.APIM_ENVOY_TRUSTED_CA,
                    node_id=options["node_id"],
                )
            )
        except UpstreamInvalid as error:
            raise CommandError(str(error)) from error
        text = json.dumps(bootstrap, indent=2)
        if options["output"] is None:
            self.stdout.write(text)
        else:
            _write_private(options["output"], text)


def _address(url_variable: str, port_variable: str, port: int) -> str:
    given = env_str(url_variable, "")
    return given or f"http://127.0.0.1:{env_int(port_variable, port)}"


def _write_private(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
