"""Real processes for the gateway's tests: authorizer, web, Envoy and an upstream that echoes."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from apim.gateway.envoy.validation import find_binary
from apim.runtime.embedded import free_port
from apim.runtime.processtree import die_with_parent
from tests.deadline import eventually

ROOT = Path(__file__).resolve().parents[3]
AUTHORIZER_TOKEN = "insecure-test-authorizer-token-0123456789"
STOP_SECONDS = 10


class Process:
    """One child with its log file; stopped by `stop`, killed by `kill`."""

    def __init__(self, command, *, log, env=None):
        self.log = log
        with log.open("ab") as out:
            self.child = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(),  # noqa: PLW1509
            )

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.child.kill()
        self.child.wait()

    def wait_for(self, url, *, seconds=120):
        def answers():
            assert self.child.poll() is None, self.log.read_text()[-3000:]
            try:
                return httpx.get(url, timeout=2).status_code == 200
            except httpx.TransportError:
                return False

        try:
            eventually(answers, seconds=seconds)
        except AssertionError:
            self.kill()
            raise


def _granian(interface, app, port, *options):
    command = [sys.executable, "-m", "granian", "--interface", interface, app, "--no-ws"]
    return [*command, "--host", "127.0.0.1", "--port", str(port), *options]


class Authorizer(Process):
    def __init__(
        self,
        folder,
        *,
        redis_url,
        name="authorizer",
        port=None,
        app="apim.gateway.authorizer:app",
        **env,
    ):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        variables = {
            "REDIS_URL": redis_url,
            "APIM_KEY_PEPPER": "insecure-test-pepper-0123456789-0123456789",
            "APIM_AUTHORIZER_TOKEN": AUTHORIZER_TOKEN,
            "APIM_PUBLIC_URL": "http://portal.test",
            **env,
        }
        command = _granian("asgi", app, self.port)
        super().__init__(command, log=folder / f"{name}.log", env=variables)
        self.wait_for(f"{self.url}/readyz")
        self.client = httpx.Client(
            base_url=self.url, headers={"x-apim-authorizer-token": AUTHORIZER_TOKEN}
        )

    def check(self, path, headers=None, method="GET"):
        return self.client.request(method, f"/gateway/v1/check{path}", headers=headers or {})

    def stop(self):
        self.client.close()
        super().stop()


class Web(Process):
    def __init__(self, folder, *, database_url, redis_url, port=None, **env):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        variables = {
            "DJANGO_SETTINGS_MODULE": "apim.settings.test",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            **env,
        }
        command = _granian("wsgi", "apim.wsgi:application", self.port, "--blocking-threads", "4")
        super().__init__(command, log=folder / "web.log", env=variables)
        self.wait_for(f"{self.url}/healthz")


class Envoy(Process):
    """Started from a bootstrap; `port` is the listener that discovery will open."""

    def __init__(self, folder, *, bootstrap, admin_port, port, workers=1):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        file = folder / f"envoy-{admin_port}.json"
        file.write_text(json.dumps(bootstrap))
        command = [str(find_binary()), "-c", str(file), "--file-flush-interval-msec", "50"]
        command += ["--disable-hot-restart", "--log-level", "warning"]
        command += ["--concurrency", str(workers)]
        super().__init__(command, log=folder / "envoy.log")
        self.wait_for(f"{self.admin_url}/ready")
        self.client = httpx.Client(base_url=self.url)

    def get(self, path, headers=None, **options):
        return self.client.get(path, headers=headers or {}, **options)

    def status(self, path, headers=None):
        """Return the status, or 0 while nothing listens."""
        try:
            return self.get(path, headers).status_code
        except httpx.TransportError:
            return 0

    def stop(self):
        self.client.close()
        super().stop()


class Relay:
    """Stands before the authorizer, keeps what is asked, and can be cut or fall silent."""

    def __init__(self, port):
        self.text = b""
        self._target = port
        self._is_cut = self._is_stalled = False
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Close what is open and what is opened."""
        self._is_cut = True
        for one in self._open:
            _shut(one)

    def stall(self):
        """Take questions and pass none on."""
        self._is_stalled = True

    def mend(self):
        """Connections that were stalled are closed: what they swallowed is gone."""
        was_stalled, self._is_cut, self._is_stalled = self._is_stalled, False, False
        if was_stalled:
            for one in self._open:
                _shut(one)

    def stop(self):
        self.cut()
        _shut(self._listener)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                asking, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                asking.close()
                continue
            try:
                answering = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # nobody listens there at the moment
                asking.close()
                continue
            self._open += [asking, answering]
            for source, target, is_question in (
                (asking, answering, True),
                (answering, asking, False),
            ):
                threading.Thread(
                    target=self._pump, args=(source, target, is_question), daemon=True
                ).start()

    def _pump(self, source, target, is_question):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_question:
                    self.text += data
                if not self._is_stalled:
                    target.sendall(data)
        _shut(source)
        _shut(target)


def _shut(one):
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


class Upstream:
    """Answers with what it was asked; counts its calls."""

    def __init__(self):
        self.calls = 0
        self.spans = []  # key, begin and end of each call
        self.seconds = 0.0  # that an answer takes
        self.keys = Counter()  # calls by the key that the gateway named
        self.answer_headers = {}
        self.release = threading.Event()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self):
                began = time.monotonic()
                if upstream.seconds:
                    time.sleep(upstream.seconds)
                told = self.headers.get("x-apim-call") or ""
                key = told.partition("key=")[2].partition(",")[0]
                upstream.spans.append((key, began, time.monotonic()))
                upstream.calls += 1
                upstream.keys[self.headers.get("x-apim-key")] += 1
                if self.path.endswith("/slow"):
                    upstream.release.wait(10)
                length = int(self.headers.get("content-length") or 0)
                asked = self.rfile.read(length).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                told = {"path": self.path, "headers": headers, "body": asked}
                body = json.dumps(told).encode()
                self.send_response(200)
                for name, value in upstream.answer_headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the base class's names

            def log_message(self, *_args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
