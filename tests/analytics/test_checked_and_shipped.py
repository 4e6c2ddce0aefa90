"""A real NGINX and HAProxy ask the real check, log its verdict, and are shipped: call to rollup row."""

import re
import shutil
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from analytics import foreign, rollups
from analytics.models import Attribution, DailyRollup, QuarantinedRecord, UsageEvent
from apim.audit.actors import SYSTEM
from apim.catalog.models import Operation
from apim.gateway import grants
from apim.gateway.connecting import FOLDER
from apim.gateway.services import register_gateway
from apim.runtime.embedded import free_port
from tests.analytics.test_shipped_logs import Running, wait_until_open
from tests.apim.gateway.stage import AUTHORIZER_TOKEN, Authorizer, Upstream
from tests.apim.gateway.world import make_world
from tests.deadline import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

LET_BY, REFUSED = 12, 5


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(foreign, "_ids", {})


@pytest.fixture
def authorizer(tmp_path):
    process = Authorizer(tmp_path, redis_url=settings.REDIS_URL)
    yield process
    process.stop()


@pytest.fixture
def upstream():
    server = Upstream()
    yield server
    server.stop()


def snippet(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text()


def nginx(folder: Path, port: int, upstream: str, authorizer: str) -> list[str]:
    """The texts of the gateway's page, with this test's addresses."""
    check = snippet("nginx-check").replace("http://your-upstream", upstream)
    check = check.replace("http://authorizer:8001", authorizer)
    check = check.replace("<authorizer token>", AUTHORIZER_TOKEN)
    log = snippet("nginx").replace("/var/log/nginx", str(folder))
    config = folder / "nginx.conf"
    config.write_text(
        f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ }}
        http {{
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            {log}
            server {{ listen 127.0.0.1:{port}; {check} }}
        }}"""
    )
    return [str(shutil.which("nginx")), "-c", str(config), "-p", str(folder)]


def haproxy(folder: Path, port: int, upstream: str, authorizer: str) -> list[str]:
    (folder / "apim.lua").write_text(snippet("haproxy-check"))
    config = folder / "haproxy.cfg"
    config.write_text(
        f"""
global
    setenv APIM_AUTHORIZER_TOKEN {AUTHORIZER_TOKEN}
    setenv APIM_AUTHORIZER_URL {authorizer}
    lua-load {folder}/apim.lua
defaults
    mode http
    log stdout format raw local0
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend edge
    bind 127.0.0.1:{port}
    http-request lua.apim_check
    http-request del-header x-api-key
{snippet("haproxy-before-3")}
    default_backend tides
backend tides
    server one {upstream.removeprefix("http://")}
"""
    )
    return [str(shutil.which("haproxy")), "-f", str(config)]


@pytest.mark.parametrize(("name", "start"), [("nginx", nginx), ("haproxy", haproxy)])
def test_what_the_check_let_by_is_the_keys_and_what_it_refused_is_not_billed(
    name, start, tmp_path, live_server, upstream, authorizer
):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    world = make_world()
    operation = Operation.objects.create(
        version=world.version, method="GET", path="/tides", operation_id="listTides"
    )
    grants.project_all()
    gateway = register_gateway(actor=SYSTEM, name=name, kind=name)
    port = free_port()
    command = start(tmp_path, port, upstream.url, authorizer.url)
    url = f"{live_server.url}/gateway/v1/usage/{name}"
    path = f"{world.path}/tides"
    with Running(command, tmp_path / "usage.json", url, gateway.token):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
            wait_until_open(client)
            headers = {"x-api-key": world.secret}
            eventually(
                lambda: client.get(f"{world.path}/ready", headers=headers).status_code == 200
            )
            answers = [client.get(f"{path}?page={n}", headers=headers) for n in range(LET_BY)]
            refused = [client.get(path, headers={"x-api-key": "wrong"}) for _ in range(REFUSED)]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.status_code for answer in refused} == {401}
        told = answers[0].json()["headers"]
        assert "x-api-key" not in told or not told["x-api-key"]
        eventually(
            lambda: UsageEvent.objects.filter(path=path).count() == LET_BY + REFUSED, seconds=30
        )
    while rollups.roll_up():
        pass
    mine = Attribution.objects.get(key_id=world.key.pk, operation_id=operation.pk)
    assert mine.subscription_id == world.subscription.pk
    rows = DailyRollup.objects.filter(attribution_id=mine.pk)
    assert sum(row.calls for row in rows) == sum(row.billable for row in rows) == LET_BY
    nobodys = UsageEvent.objects.filter(path=path, status=401)
    assert nobodys.count() == REFUSED
    assert not nobodys.filter(is_billable=True).exists()
    assert QuarantinedRecord.objects.count() == 0
    assert world.secret not in re.sub(r"\s", "", (tmp_path / "usage.json").read_text())
