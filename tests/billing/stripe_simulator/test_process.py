"""The simulator as `make up` starts it: quickly, and with its state after a stop and a kill."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
import stripe

from apim.runtime.embedded import LOOPBACK, free_port
from apim.runtime.processes import stripe_simulator_command
from tests.deadline import eventually

pytestmark = pytest.mark.processes
KEY = "sk_test_of_this_process"


def _start(home, port):
    env = {**os.environ, "APIM_HOME": str(home), "APIM_STRIPE_SIMULATOR_KEY": KEY}
    command = stripe_simulator_command(host=LOOPBACK, port=port)
    return subprocess.Popen([sys.executable, "-m", *command], env=env)


def _is_ready(port):
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_state_survives_a_stop_and_a_kill(tmp_path):
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    client = stripe.StripeClient(KEY, base_addresses={"api": url}, max_network_retries=0)
    names = []
    for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        process = _start(tmp_path, port)
        try:
            started = time.monotonic()
            eventually(lambda: _is_ready(port), seconds=30)
            # Under a second on an idle machine; a busy one may take longer.
            assert time.monotonic() - started < 10
            assert sorted(c.name for c in client.v1.customers.list().data) == names
            names.append(f"customer {len(names)}")
            client.v1.customers.create({"name": names[-1]}, {"idempotency_key": names[-1]})
        finally:
            process.send_signal(end)
            process.wait(10)


def test_half_a_request_is_none(tmp_path):
    """A caller that is killed while it sends leaves nothing behind, not even its idempotency key."""
    port = free_port()
    client = stripe.StripeClient(
        KEY, base_addresses={"api": f"http://{LOOPBACK}:{port}"}, max_network_retries=0
    )
    process = _start(tmp_path, port)
    try:
        eventually(lambda: _is_ready(port), seconds=30)
        head = (
            f"POST /v1/customers HTTP/1.1\r\nHost: {LOOPBACK}\r\nAuthorization: Bearer {KEY}\r\n"
            "Idempotency-Key: once\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            "Content-Length: 9\r\n\r\nname="
        )
        with socket.create_connection((LOOPBACK, port)) as caller:
            caller.sendall(head.encode())
        made = client.v1.customers.create({"name": "Acme"}, {"idempotency_key": "once"})
        assert made.name == "Acme"
        assert [one.id for one in client.v1.customers.list().data] == [made.id]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
