"""The whole product as a user starts it: `python -m apim.runtime up` on free ports, in a new home."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from apim.runtime.embedded import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 240
STOP_SECONDS = 60
# What tells a child of the supervisor from the others on its command line.
COMMANDS = {
    "web": "apim.wsgi:application",
    "authorizer": "apim.gateway.authorizer:app",
    "worker": "worker",
    "scheduler": "beat",
    "shipper": "apim.gateway.shipper",
    "redis": "redis-server",
    "envoy": "--file-flush-interval-msec",
}


class Stack:
    """One running `make up`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.web = f"http://localhost:{free_port()}"
        self.gateway = f"http://127.0.0.1:{free_port()}"
        self.log = home.parent / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        env.pop("DJANGO_SETTINGS_MODULE", None)
        env |= {
            "APIM_HOME": str(self.home),
            "APIM_WEB_PORT": self.web.rpartition(":")[2],
            "APIM_GATEWAY_PORT": self.gateway.rpartition(":")[2],
            "APIM_AUTHORIZER_PORT": str(free_port()),
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "apim.runtime", "up"],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._is_ready, READY_SECONDS, lambda: self.log.read_text()[-4000:])

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-4000:]
        return "apim is ready" in self.log.read_text()

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(STOP_SECONDS)

    @property
    def admin_password(self) -> str:
        return json.loads((self.home / "secrets.json").read_text())["APIM_ADMIN_PASSWORD"]

    def pid_of(self, name: str) -> int | None:
        """The supervisor's child that runs the named process."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for pid in children.read_text().split():
            with contextlib.suppress(OSError):
                if COMMANDS[name] in Path(f"/proc/{pid}/cmdline").read_text().split("\0") or any(
                    COMMANDS[name] in part
                    for part in Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:4]
                ):
                    return int(pid)
        return None

    def kill(self, name: str) -> None:
        """SIGKILL the process and wait until the supervisor has started another."""
        old = self.pid_of(name)
        assert old is not None, f"{name} does not run"
        os.kill(old, signal.SIGKILL)
        eventually(lambda: self.pid_of(name) not in {None, old}, 30, lambda: f"{name} is gone")

    def manage(self, *arguments: str, **environment: str) -> str:
        """Run manage.py with the environment of the web process and more; return what it prints."""
        environ = Path(f"/proc/{self.pid_of('web')}/environ").read_bytes().decode()
        env = dict(line.split("=", 1) for line in environ.split("\0") if "=" in line)
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=ROOT,
            env=env | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        return self.manage("shell", "--no-imports", "-c", code).strip()


def eventually(condition, seconds: float, why=lambda: "") -> None:
    """Poll until the condition holds; fail with `why()` when the deadline has passed."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {why()}"
        time.sleep(0.05)


@contextlib.contextmanager
def running_stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="apim-e2e-") as folder:
        stack = Stack(Path(folder) / "home")
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked, so that a test sees what the gateway forwarded."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "headers": dict(self.headers.items())}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Keep quiet."""


class _EchoServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: object, _client_address: object) -> None:
        """A gateway may reset a connection that it keeps alive."""


@contextlib.contextmanager
def echo_upstream() -> Iterator[str]:
    """A real HTTP upstream on loopback; yields its base URL."""
    server = _EchoServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tides_document(upstream: str) -> str:
    """A small OpenAPI document whose upstream really answers."""
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Tides", "version": "1.0.0", "summary": "High and low water."},
            "servers": [{"url": upstream}],
            "paths": {
                "/tides/{station}": {
                    "get": {
                        "operationId": "getTides",
                        "summary": "Tides of a station",
                        "parameters": [
                            {
                                "name": "station",
                                "in": "path",
                                "required": True,
                                "schema": {"type": "string"},
                            }
                        ],
                        "responses": {"200": {"description": "The tides"}},
                    }
                }
            },
        }
    )
