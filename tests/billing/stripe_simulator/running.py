"""The simulator in a thread of the test process, under the same server as in `make up`.

In the same process, so that it follows a test's time travel; `clock(frozen_at=…)` stops its time.
"""

import asyncio
import http.client
import json
import threading
from contextlib import contextmanager

import stripe
from granian.constants import Interfaces
from granian.server.embed import Server

from apim.runtime.embedded import free_port
from billing.stripe_simulator.app import Options, Simulator
from tests.deadline import eventually

KEY = "sk_test_simulator"


class RunningSimulator:
    """`client` is the real SDK; `order` is the control API, for what Stripe does by itself."""

    def __init__(self, **options) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.simulator = Simulator(Options(secret_key=KEY, **options))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        eventually(self._answers)
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
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Authorization": f"Bearer {KEY}", **named})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _answers(self):
        try:
            return self.request("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def _serve(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._server = Server(
                self.simulator,
                address="127.0.0.1",
                port=self.port,
                interface=Interfaces.ASGI,
                websockets=False,
                log_enabled=False,
            )
            await self._server.serve()

        asyncio.run(serve())


@contextmanager
def running(**options):
    simulator = RunningSimulator(**options)
    try:
        yield simulator
    finally:
        simulator.close()
