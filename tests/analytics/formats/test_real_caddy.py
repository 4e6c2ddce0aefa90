"""A real Caddy writes its log, and what is read from it is the call."""

import json
import shutil
import subprocess

import httpx
import pytest

from apim.runtime.embedded import LOOPBACK, free_port
from tests.analytics.formats.test_dialects import one
from tests.deadline import eventually

CADDY = shutil.which("caddy")
SECRET = "ak_live_of_a_caller"
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(CADDY is None, reason="caddy is not installed"),
]


@pytest.fixture
def caddy(tmp_path):
    """Caddy, with the log of docs/integrations/caddy.md; yields its address and the log."""
    port, log = free_port(), tmp_path / "usage.json"
    config = tmp_path / "Caddyfile"
    config.write_text(
        "{\n admin off\n auto_https off\n}\n"
        f"http://{LOOPBACK}:{port} {{\n log {{\n  output file {log}\n  format filter {{\n"
        "   wrap json\n   fields {\n    request>headers>X-Api-Key delete\n   }\n  }\n }\n"
        ' respond "hello" 200\n}\n'
    )
    command = [CADDY, "run", "--config", str(config), "--adapter", "caddyfile"]
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    process = subprocess.Popen(command, env=home, stderr=subprocess.DEVNULL)
    address = f"http://{LOOPBACK}:{port}"

    def answers():
        try:
            return httpx.get(address, timeout=1).status_code == 200
        except httpx.TransportError:
            return False

    try:
        eventually(answers, seconds=20)
        yield address, log
    finally:
        process.terminate()
        process.wait(10)


def test_a_call_is_read_from_the_log_that_caddy_writes(caddy):
    address, log = caddy
    httpx.get(f"{address}/tides/v1/tides", params={"x": 1}, headers={"X-API-Key": SECRET})
    eventually(lambda: "/tides/v1/tides" in log.read_text(), seconds=20)
    line = next(text for text in log.read_text().splitlines() if "/tides/v1/tides" in text)
    assert SECRET not in line
    event = one("caddy", json.loads(line))
    assert (event.method, event.path, event.status) == ("GET", "/tides/v1/tides", 200)
    assert (event.response_bytes, event.ip) == (5, LOOPBACK)
