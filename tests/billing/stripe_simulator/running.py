"""The simulator in the test process: the ASGI application behind a small threaded HTTP server.

In the same process, so that it starts at once and follows a test's time travel; the server of
`make up` has a test of its own (test_process.py). `clock(frozen_at=…)` stops its time.
"""

import asyncio
import http.client
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import stripe

from billing.stripe_simulator.app import Options, Simulator

KEY = "sk_test_simulator"


class RunningSimulator:
    """`client` is the real SDK; `order` is the control API, for what Stripe does by itself."""

    def __init__(self, **options) -> None:
        self.simulator = Simulator(Options(secret_key=KEY, **options))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._messages = asyncio.Queue()
        self._life = asyncio.run_coroutine_threadsafe(self._live(), self._loop)
        self._tell("lifespan.startup")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._call))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = self.client_of(KEY)

    def client_of(self, key, **options):
        options = {"max_network_retries": 0, **options}
        addresses = {"api": self.url, "meter_events": self.url}
        return stripe.StripeClient(key, base_addresses=addresses, **options)

    def order(self, path, method="POST", **given):
        """Call the control API: `order("fail_payments", times=2)`."""
        status, answer = self.request(method, f"/_simulator/{path}", json.dumps(given))
        assert status == 200, answer
        return json.loads(answer)

    def clock(self, **given):
        return self.order("clock", **given)

    def settle(self):
        """Wait until every webhook that is due was tried; return all deliveries."""
        return self.order("settle")["data"]

    def request(self, method, path, body=None, **headers):
        """Return (status, text) of a plain HTTP request with the secret key."""
        answer = self.raw(method, path, body, **headers)
        return answer.status, answer.text

    def raw(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Authorization": f"Bearer {KEY}", **named})
            answer = connection.getresponse()
            answer.text = answer.read().decode()
            return answer
        finally:
            connection.close()

    def inside(self, read):
        """Return what `read(world)` finds, between two requests."""

        async def look():
            found = read(self.simulator.world)
            self.simulator.world.store.rollback()
            return found

        return asyncio.run_coroutine_threadsafe(look(), self._loop).result(30)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._tell("lifespan.shutdown")
        self._life.result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _tell(self, kind) -> None:
        self._loop.call_soon_threadsafe(self._messages.put_nowait, {"type": kind})

    async def _live(self) -> None:
        async def send(_message) -> None:
            pass

        await self.simulator({"type": "lifespan"}, self._messages.get, send)

    def _call(self, scope, body):
        """Run one request in the loop; return its status, headers and body."""
        messages = []

        async def receive():
            return {"type": "http.request", "body": body}

        async def send(message) -> None:
            messages.append(message)

        asyncio.run_coroutine_threadsafe(self.simulator(scope, receive, send), self._loop).result(
            30
        )
        start, end = messages
        return start["status"], start["headers"], end["body"]


def _handler(call):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def answer(self) -> None:
            parts = urlsplit(self.path)
            scope = {
                "type": "http",
                "method": self.command,
                "path": parts.path,
                "query_string": parts.query.encode(),
                "headers": [(n.lower().encode(), v.encode()) for n, v in self.headers.items()],
            }
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = call(scope, body)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name.decode(), value.decode())
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815  the names that the base class calls

        def log_message(self, *_):
            pass

    return Handler


@contextmanager
def running(**options):
    simulator = RunningSimulator(**options)
    try:
        yield simulator
    finally:
        simulator.close()
