"""Real NGINX and HAProxy, with the log formats of our pages: their logs are shipped and counted."""

import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest

from analytics import foreign, rollups
from analytics.models import Attribution, DailyRollup, QuarantinedRecord, UsageEvent
from apim.audit.actors import SYSTEM
from apim.gateway.services import register_gateway
from apim.gateway.shipper import Settings, Shipper
from apim.runtime.embedded import free_port
from tests.analytics.lines import make_world
from tests.analytics.receiver import FakeIntake
from tests.deadline import eventually

PAGES = Path(__file__).resolve().parents[2] / "docs" / "integrations"
CALLS = 20

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(foreign, "_ids", {})


@pytest.fixture
def upstream():
    server = FakeIntake()
    yield server.port
    server.stop()


def nginx(folder, port, upstream, key):
    """`$akid` comes from a header here instead of from our check."""
    log_format = re.search(r"log_format meter.*?;\n", (PAGES / "nginx.md").read_text(), re.DOTALL)
    config = folder / "nginx.conf"
    config.write_text(
        f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ }}
        http {{
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            map $http_x_key $akid {{ default ""; known "{key}"; }}
            map $http_x_key $aver {{ default ""; }}
            {log_format.group()}
            access_log {folder}/usage.json meter;
            server {{
                listen 127.0.0.1:{port};
                location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
            }}
        }}"""
    )
    return [shutil.which("nginx"), "-c", str(config), "-p", str(folder)]


def haproxy(folder, port, upstream, key):
    """Before 3.0, with the JSON by hand."""
    formats = re.findall(r"^log-format .*$", (PAGES / "haproxy.md").read_text(), re.MULTILINE)
    log_format = next(one for one in formats if "+json" not in one)
    config = folder / "haproxy.cfg"
    config.write_text(
        f"""
global
    log stdout format raw local0
defaults
    mode http
    log global
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend edge
    bind 127.0.0.1:{port}
    unique-id-format %[uuid()]
    http-request capture req.hdr(host) len 64
    http-request set-var(txn.key_id) str({key}) if {{ req.hdr(x-key) known }}
    {log_format}
    default_backend tides
backend tides
    server one 127.0.0.1:{upstream}
"""
    )
    return [shutil.which("haproxy"), "-f", str(config)]


class Running:
    """The gateway, writing its log to `usage.json`, and a shipper."""

    def __init__(self, command, log, url, token):
        self._log = log.open("ab")
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.DEVNULL)
        settings = Settings(
            files=(str(log),),
            url=url,
            token=token,
            checkpoint=log.with_name("checkpoint"),
            heartbeat=log.with_name("alive"),
            max_batch=100,
        )
        self._shipper = Shipper(settings)
        self._thread = threading.Thread(target=self._shipper.run, daemon=True)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)
        self._shipper.stop()
        self._thread.join(20)
        self._log.close()


@pytest.mark.parametrize(("name", "start"), [("nginx", nginx), ("haproxy", haproxy)])
def test_its_log_is_shipped_and_each_call_counted(name, start, tmp_path, live_server, upstream):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    world = make_world()
    gateway = register_gateway(actor=SYSTEM, name=name, kind=name)
    port = free_port()
    key = world.customer.key.public_id
    command = start(tmp_path, port, upstream, key)
    url = f"{live_server.url}/gateway/v1/usage/{name}"
    with Running(command, tmp_path / "usage.json", url, gateway.token):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
            wait_until_open(client)
            for number in range(CALLS):
                client.get(f"/tides/v1/tides?page={number}", headers={"x-key": "known"})
        eventually(
            lambda: UsageEvent.objects.filter(path="/tides/v1/tides").count() == CALLS, seconds=30
        )
    while rollups.roll_up():
        pass
    mine = Attribution.objects.filter(key_id=world.customer.key.pk).values("pk")
    rows = DailyRollup.objects.filter(attribution_id__in=mine)
    assert sum(row.calls for row in rows) == CALLS
    assert QuarantinedRecord.objects.count() == 0


def wait_until_open(client):
    ends_at = time.monotonic() + 20
    while True:
        try:
            client.get("/ready")
        except httpx.TransportError:
            if time.monotonic() > ends_at:
                raise
        else:
            return
