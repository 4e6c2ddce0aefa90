"""A private installation on free ports: the processes of `make up`, plus an upstream and anchors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from apim.gateway.envoy.names import type_url
from apim.runtime import processes
from apim.runtime.embedded import EmbeddedPostgres, EmbeddedRedis, envoy_binary, free_port
from apim.runtime.processtree import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[1]
AUTHORIZER_TOKEN = "benchmark-authorizer-token-0123456789"
GATEWAY_TOKEN = "gwt_benchmark0123456789012345678901234567890"
QUOTA = 10**9
READY_SECONDS = 60


class Stage:
    """Open with `with`; everything that was started is stopped at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.access_log = folder / "access.log"
        self.gateway_token = GATEWAY_TOKEN
        self.secret = ""
        self.path = ""
        self.world: dict[str, Any] = {}
        self._has_worker = False
        self._children: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []
        self._pids: dict[str, int] = {}
        self._starts: dict[str, Callable[[], subprocess.Popen[bytes]]] = {}
        self._ports = {
            name: free_port()
            for name in (
                "web",
                "authorizer",
                "gateway",
                "plain",
                "asking",
                "admin",
                "upstream",
                "hello",
            )
        }
        self.web_url = self._url("web")
        self.authorizer_url = self._url("authorizer")
        self.gateway_url = self._url("gateway")
        self.plain_url = self._url("plain")
        # The same Envoy, asking a server that answers yes to everything.
        self.asking_url = self._url("asking")
        self.hello_url = self._url("hello")
        self.admin_url = self._url("admin")
        self.upstream_url = self._url("upstream")
        self.database_url = ""
        self.redis_url = ""

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        for child, stop_signal in reversed(self._children):
            child.send_signal(stop_signal)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._children.clear()

    def start(
        self,
        name: str,
        command: list[str],
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> subprocess.Popen[bytes]:
        """Start one more process of the stage; its output goes to `<name>.log`."""
        self._starts[name] = lambda: self.start(name, command, env, stop_signal)
        with (self.folder / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - no threads here yet
                start_new_session=True,
            )
        self._children.append((child, stop_signal))
        self._pids[name] = child.pid
        return child

    def process(self, name: str) -> int:
        """The id of a process that was started under this name."""
        return self._pids[name]

    def kill(self, name: str) -> None:
        """End the process and its children as a crash would; start it again with `start_again`."""
        pid = self._pids[name]
        os.killpg(pid, signal.SIGKILL)
        [ended] = [entry for entry in self._children if entry[0].pid == pid]
        ended[0].wait()
        self._children.remove(ended)

    def start_again(self, name: str) -> None:
        self._starts[name]()

    def module(self, name: str, command: list[str], env: Mapping[str, str] | None = None) -> None:
        self.start(name, [sys.executable, "-m", *command], env)

    def worker(self) -> None:
        """Start both workers, scheduler and shipper, once, which only some benchmarks need."""
        if self._has_worker:
            return
        self._has_worker = True
        self.module("worker", processes.worker_command(concurrency=1))
        self.module("usage-worker", processes.usage_worker_command())
        schedule = str(self.folder / "schedule")
        self.module("scheduler", processes.scheduler_command(schedule_file=schedule))
        self.module(
            "shipper",
            processes.shipper_command(),
            {
                "APIM_SHIPPER_FILE": str(self.access_log),
                "APIM_SHIPPER_URL": f"{self.web_url}/gateway/v1/usage/envoy",
                "APIM_SHIPPER_TOKEN": self.gateway_token,
                "APIM_SHIPPER_CHECKPOINT": str(self.folder / "shipper.checkpoint"),
            },
        )

    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}

    def managed(self, tail: str = "/x") -> str:
        """URL of a call through the gateway, key checked and limits counted."""
        return f"{self.gateway_url}{self.managed_path(tail)}"

    def managed_path(self, tail: str = "/x") -> str:
        return f"{self.path}{tail}"

    # Opening

    def _open(self) -> None:
        self._services()
        self._environment()
        self._rows()
        host = "127.0.0.1"
        web = processes.web_command(host=host, port=self._ports["web"], workers=1)
        self.module("web", web)
        authorizer = processes.authorizer_command(host=host, port=self._ports["authorizer"])
        self.module("authorizer", authorizer)
        hello = processes.authorizer_command(host=host, port=self._ports["hello"])
        hello[hello.index("apim.gateway.authorizer:app")] = "benchmarks.hello:app"
        self.module("hello", hello)
        wait_for(self.hello_url)
        wait_for(f"{self.web_url}/healthz")
        wait_for(f"{self.authorizer_url}/readyz")
        self.envoy("upstream", _upstream(self._ports["upstream"]))
        self.envoy("envoy", self._bootstrap())
        wait_for(self.managed(), self.bearer())
        wait_for(self.plain_url)

    def _services(self) -> None:
        postgres = EmbeddedPostgres(
            data_folder=self.folder / "postgres", port=free_port(), durable=True
        )
        redis = EmbeddedRedis(folder=self.folder / "redis", port=free_port(), durable=True)
        for name, server in (("postgres", postgres), ("redis", redis)):
            server.prepare()
            self.start(name, server.command(), stop_signal=server.stop_signal)
            server.wait_ready()
        postgres.ensure_database()
        self.database_url, self.redis_url = postgres.url(), redis.url()

    def _environment(self) -> None:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="apim.settings.local",
            APIM_HOME=str(self.folder / "home"),
            DATABASE_URL=self.database_url,
            REDIS_URL=self.redis_url,
            SECRET_KEY="benchmark-secret-key-0123456789-0123456789",
            APIM_KEY_PEPPER="benchmark-pepper-0123456789-0123456789",
            APIM_AUTHORIZER_TOKEN=AUTHORIZER_TOKEN,
            APIM_PUBLIC_URL=self.web_url,
            APIM_GATEWAY_URL=self.gateway_url,
            APIM_GATEWAY_LISTEN_ADDRESS="127.0.0.1",
            APIM_GATEWAY_PORT=str(self._ports["gateway"]),
            APIM_ENVOY_ACCESS_LOG=str(self.access_log),
            LOG_LEVEL="WARNING",
        )

    def _rows(self) -> None:
        import django  # noqa: PLC0415 - settings read the environment when they load

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415

        call_command("migrate", interactive=False, verbosity=0)
        from benchmarks import rows  # noqa: PLC0415

        self.world = rows.make_world(
            upstream_url=self.upstream_url, gateway_token=self.gateway_token, quota=QUOTA
        )
        self.secret = self.world["secret"]
        self.path = self.world["version"].listen_path

    def _bootstrap(self) -> dict[str, Any]:
        from apim.gateway.envoy.bootstrap import (  # noqa: PLC0415
            BootstrapSettings,
            build_bootstrap,
        )
        from apim.gateway.envoy.upstreams import build_cluster, parse_upstream  # noqa: PLC0415

        bootstrap = build_bootstrap(
            BootstrapSettings(
                gateway_token=self.gateway_token,
                authorizer_token=AUTHORIZER_TOKEN,
                web_url=self.web_url,
                authorizer_url=self.authorizer_url,
                admin_address="127.0.0.1",
                admin_port=self._ports["admin"],
                trusted_ca="/etc/ssl/certs/ca-certificates.crt",
            )
        )
        for name, url in (("plain", self.upstream_url), ("hello", self.hello_url)):
            cluster = build_cluster(name, parse_upstream(url), "")
            del cluster["@type"]
            bootstrap["static_resources"]["clusters"].append(cluster)
        route = {"match": {"prefix": "/"}, "route": {"cluster": "plain"}}
        bootstrap["static_resources"]["listeners"] = [
            _listener(self._ports["plain"], route),
            _listener(self._ports["asking"], route, _asking()),
        ]
        return bootstrap

    def envoy(self, name: str, bootstrap: dict[str, Any]) -> None:
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(bootstrap))
        command = processes.envoy_command(binary=str(envoy_binary()), bootstrap=str(file))
        self.start(name, command)


def _upstream(port: int) -> dict[str, Any]:
    """Envoy itself as the upstream: nothing answers faster, so the gateway is the bottleneck."""
    route = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": '{"tide":"high"}'}},
    }
    return {"static_resources": {"listeners": [_listener(port, route)]}}


def _asking() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": type_url("envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"),
            "http_service": {
                "server_uri": {"uri": "http://hello", "cluster": "hello", "timeout": "1s"}
            },
        },
    }


def _listener(port: int, route: dict[str, Any], *filters: dict[str, Any]) -> dict[str, Any]:
    """A listener that only routes, after the filters if any are given. It logs nothing."""
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": type_url("envoy.extensions.filters.http.router.v3.Router")},
    }
    manager = {
        "@type": type_url(
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
        ),
        "stat_prefix": "plain",
        "http_filters": [*filters, router],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    return {
        "name": f"plain-{port}",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def wait_for(url: str, headers: Mapping[str, str] | None = None) -> None:
    """Return once `url` answers 200. Raises RuntimeError after READY_SECONDS."""
    give_up_at = time.monotonic() + READY_SECONDS
    while time.monotonic() < give_up_at:
        try:
            if httpx.get(url, headers=dict(headers or {}), timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer 200 within {READY_SECONDS} s")
