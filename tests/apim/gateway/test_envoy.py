"""Calls through the real Envoy, configured by the real web process, decided by the real
authorizer: what a caller, an upstream and an operator can rely on.
"""

import json
import time
from types import SimpleNamespace

import httpx
import pytest
from django.conf import settings

from apim.audit.actors import SYSTEM
from apim.catalog.models import ApiVersion
from apim.gateway import grants, selectors, tasks
from apim.gateway.envoy.bootstrap import BootstrapSettings, build_bootstrap
from apim.gateway.models import Gateway
from apim.gateway.services import register_gateway
from apim.keys.models import ApiKey
from apim.runtime.embedded import free_port
from tests.apim.gateway.stage import AUTHORIZER_TOKEN, Envoy, Web
from tests.apim.gateway.world import make_version, make_world
from tests.deadline import eventually

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

PUBLISH_SECONDS = 2.0


@pytest.fixture(scope="module")
def site(folder, test_database_url, authorizer):
    """Web told where Envoy shall listen and log."""
    port = free_port()
    access_log = folder / "access.log"
    web = Web(
        folder,
        database_url=test_database_url,
        redis_url=settings.REDIS_URL,
        APIM_GATEWAY_LISTEN_ADDRESS="127.0.0.1",
        APIM_GATEWAY_PORT=str(port),
        APIM_ENVOY_ACCESS_LOG=str(access_log),
        APIM_PUBLIC_URL="http://portal.test",
    )
    yield SimpleNamespace(web=web, port=port, access_log=access_log, authorizer=authorizer)
    web.stop()


@pytest.fixture
def told(site, settings):
    """Let this process build the same configuration as web."""
    settings.APIM_GATEWAY_LISTEN_ADDRESS = "127.0.0.1"
    settings.APIM_GATEWAY_PORT = site.port
    settings.APIM_ENVOY_ACCESS_LOG = str(site.access_log)
    settings.APIM_PUBLIC_URL = "http://portal.test"
    return site


@pytest.fixture
def world(transactional_db, store, told, upstream):
    made = make_world(upstream_url=f"{upstream.url}/base", limits=[("day", 1000)])
    grants.project_all()
    tasks.serve_version(made.version.pk)
    return made


@pytest.fixture
def envoy(world, told, folder, tmp_path):
    process = start_envoy(told, tmp_path, told.authorizer.url)
    yield process
    process.stop()


def start_envoy(site, folder, authorizer_url):
    registered = register_gateway(actor=SYSTEM, name="Edge", kind="envoy")
    admin_port = free_port()
    bootstrap = build_bootstrap(
        BootstrapSettings(
            gateway_token=registered.token,
            authorizer_token=AUTHORIZER_TOKEN,
            web_url=site.web.url,
            authorizer_url=authorizer_url,
            admin_address="127.0.0.1",
            admin_port=admin_port,
            trusted_ca=settings.APIM_ENVOY_TRUSTED_CA,
        )
    )
    process = Envoy(folder, bootstrap=bootstrap, admin_port=admin_port, port=site.port)
    eventually(lambda: process.status("/") == 404)
    return process


def call_facts(text):
    """The members of the header that says whose call it is."""
    return {
        name: value.strip('"')
        for name, _, value in (member.partition("=") for member in (text or "").split(", "))
    }


def log_line(site, request_id):
    def find():
        for line in site.access_log.read_text().splitlines():
            if request_id in line:
                fields = json.loads(line)
                return {**fields, **call_facts(fields["call"])}
        return None

    return eventually(find)


# The caller and the upstream


@pytest.mark.parametrize("carrier", ["bearer", "header", "query"])
def test_upstream_learns_who_calls_and_never_sees_the_key(envoy, world, carrier):
    headers, query = {}, "?day=3"
    if carrier == "bearer":
        headers = world.bearer()
    elif carrier == "header":
        headers = {"x-api-key": world.secret}
    else:
        query = f"?api_key={world.secret}&day=3&apikey=x"
    answer = envoy.get(f"{world.path}/harbours/7{query}", headers)

    assert answer.status_code == 200
    assert world.secret not in answer.text
    seen = answer.json()
    assert seen["path"] == "/base/harbours/7?day=3"
    told = call_facts(seen["headers"]["x-apim-call"])
    assert told["application"] == world.application.public_id
    assert told["organization"] == world.organization.public_id
    assert told["plan"] == world.plan.public_id
    assert seen["headers"]["x-request-id"] == answer.headers["x-request-id"]
    assert answer.headers["ratelimit"].startswith('"day";r=999;t=')
    assert not [name for name in answer.headers if name.startswith("x-apim-")]


def test_what_callers_claim_about_themselves_is_dropped(envoy, world):
    claims = {
        **world.bearer(),
        "x-apim-organization": "org_mallory",
        "X-Apim-Anything": "org_mallory",
        "x_apim_organization": "org_mallory",
        "x-request-id": "chosen-by-mallory",
        "x-envoy-original-path": "/mallory",
    }
    answer = envoy.get(f"{world.path}/x", claims)
    assert answer.status_code == 200
    assert "mallory" not in answer.text
    assert answer.headers["x-request-id"] != "chosen-by-mallory"


def test_body_and_method_reach_the_upstream(envoy, world):
    body = json.dumps({"tide": "x" * 100_000})
    answer = envoy.client.post(f"{world.path}/x", content=body, headers=world.bearer())
    assert answer.json()["body"] == body


def test_refusals_are_problem_details(envoy, world, upstream):
    def refused(path, headers, status, code):
        answer = envoy.get(path, headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code
        assert answer.json()["status"] == status
        assert not [name for name in answer.headers if name.startswith("x-apim-")]
        return answer

    assert refused(world.path, {}, 401, "key_missing").headers["www-authenticate"]
    refused(world.path, {"x-api-key": "nonsense"}, 401, "key_malformed")
    refused("/nowhere", world.bearer(), 404, "unknown_path")
    refused(f"{world.path}x", world.bearer(), 404, "unknown_path")
    other = make_version(upstream_url=upstream.url)
    tasks.serve_version(other.pk)
    eventually(lambda: envoy.status(other.listen_path, world.bearer()) == 403)
    refused(other.listen_path, world.bearer(), 403, "subscription_missing")
    assert upstream.calls == 0


def test_over_the_limit_is_429_with_retry_after(envoy, world):
    world.plan.limits.update(quota=2)
    grants.project_plan(world.plan.pk)

    answers = [envoy.get(world.path, world.bearer()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refused = answers[-1]
    reset = int(refused.headers["ratelimit"].rsplit("t=", 1)[1])
    assert int(refused.headers["retry-after"]) >= reset
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.json()["violated-policies"] == ["day"]


def test_revoked_key_is_401_within_a_second(envoy, world):
    assert envoy.status(world.path, world.bearer()) == 200
    ApiKey.objects.update(state="revoked")
    grants.project_key(world.key.pk)
    eventually(lambda: envoy.status(world.path, world.bearer()) == 401, seconds=1)


def test_test_key_reaches_the_sandbox(envoy, world, upstream):
    ApiKey.objects.update(environment="test")
    ApiVersion.objects.update(sandbox_upstream_url=f"{upstream.url}/sandbox")
    grants.project_key(world.key.pk)
    tasks.serve_version(world.version.pk)

    def path_seen():
        return envoy.get(f"{world.path}/x", world.bearer()).json()["path"] == "/sandbox/x"

    eventually(path_seen, seconds=PUBLISH_SECONDS)


def test_portal_may_call_out_of_the_browser_and_others_may_not(envoy, world):
    def preflight(origin):
        headers = {"origin": origin, "access-control-request-method": "GET"}
        return envoy.client.request("OPTIONS", world.path, headers=headers)

    allowed = preflight("http://portal.test")
    assert allowed.headers["access-control-allow-origin"] == "http://portal.test"
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in preflight("http://mallory.test").headers


# When something is broken


def test_dead_upstream_is_503_problem(envoy, world):
    ApiVersion.objects.update(upstream_url="http://127.0.0.1:1")
    tasks.serve_version(world.version.pk)
    eventually(lambda: envoy.status(world.path, world.bearer()) == 503, seconds=PUBLISH_SECONDS)
    answer = envoy.get(world.path, world.bearer())
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "upstream_unreachable"


def test_silent_authorizer_means_503_and_nothing_passes(world, told, tmp_path, upstream):
    process = start_envoy(told, tmp_path, "http://127.0.0.1:1")
    try:
        answer = process.get(world.path, world.bearer())
    finally:
        process.stop()
    assert answer.status_code == 503
    assert answer.json()["code"] == "authorizer_unavailable"
    assert answer.headers["retry-after"] == "1"
    assert upstream.calls == 0


# The operator


def test_published_version_is_served_within_two_seconds_without_restart(envoy, world, upstream):
    published = make_version(upstream_url=upstream.url)
    world.product.versions.add(published)
    started = time.monotonic()
    tasks.project_product(world.product.pk)
    tasks.serve_version(published.pk)

    seen = []

    def served():
        seen.append(envoy.status(published.listen_path, world.bearer()))
        return seen[-1] == 200

    eventually(served, seconds=PUBLISH_SECONDS)
    assert time.monotonic() - started < PUBLISH_SECONDS
    assert set(seen) <= {404, 403, 200}  # no gap between route and cluster


def test_calls_go_on_while_the_upstream_of_a_version_moves(envoy, world, upstream):
    """The route changes over only when the new cluster is there."""
    assert envoy.status(world.path, world.bearer()) == 200
    ApiVersion.objects.update(upstream_url=f"{upstream.url}/moved")
    tasks.serve_version(world.version.pk)
    statuses = []

    def moved():
        answer = envoy.get(f"{world.path}/x", world.bearer())
        statuses.append(answer.status_code)
        return answer.json().get("path") == "/moved/x"

    eventually(moved, seconds=PUBLISH_SECONDS, every=0.005)
    assert set(statuses) == {200}


def test_retired_version_is_410_within_two_seconds(envoy, world):
    ApiVersion.objects.update(state="retired")
    tasks.serve_version(world.version.pk)
    eventually(lambda: envoy.status(world.path, world.bearer()) == 410, seconds=PUBLISH_SECONDS)


def test_bad_configuration_never_reaches_envoy_and_traffic_goes_on(envoy, world, upstream):
    bad = make_version(upstream_url="http://tides.test:99999")
    ApiVersion.objects.filter(pk=world.version.pk).update(timeout_seconds=9)
    tasks.serve_version(bad.pk)
    assert selectors.refusal_of(bad) is not None

    eventually(_applied, seconds=10)
    assert envoy.status(world.path, world.bearer()) == 200
    assert "rejected" not in envoy.log.read_text()
    assert Gateway.objects.get().last_error == ""


def test_registry_shows_contact_and_applied_version(envoy):
    eventually(_applied, seconds=10)
    status = selectors.gateway_statuses()[0]
    assert status.contact == "online"
    assert status.gateway.software_version.startswith("envoy 1.")


def _applied():
    statuses = selectors.gateway_statuses()
    return bool(statuses) and statuses[0].is_current and statuses[0].contact == "online"


# The access log


def test_log_line_of_an_allowed_call_is_complete(envoy, world, told):
    headers = {**world.bearer(), "user-agent": "Harbor/1"}
    answer = envoy.get(f"{world.path}/x?apikey={world.secret}", headers)
    line = log_line(told, answer.headers["x-request-id"])

    assert set(line) == {
        *("id", "ts", "type", "method", "path", "status", "duration_ms", "upstream_ms"),
        *("request_bytes", "response_bytes", "flags", "route", "call", "ip", "user_agent", "cost"),
        "grpc",
        *("decision", "key", "application", "subscription", "environment", "version"),
        *("organization", "plan"),
    }
    assert line["type"] == "DownstreamEnd"
    assert line["path"] == f"{world.path}/x"
    assert line["status"] == 200
    assert line["key"] == world.key.public_id
    assert line["application"] == world.application.public_id
    assert line["subscription"] == world.subscription.public_id
    assert line["version"] == world.version.public_id
    assert line["environment"] == "live"
    assert line["decision"] == "allowed"
    assert line["user_agent"] == "Harbor/1"
    assert isinstance(line["upstream_ms"], int)
    assert world.secret not in told.access_log.read_text()


def test_log_line_of_a_refused_call_names_whose_it_was(envoy, world, told):
    world.plan.limits.update(quota=1)
    grants.project_plan(world.plan.pk)
    envoy.get(world.path, world.bearer())
    answer = envoy.get(world.path, world.bearer())
    line = log_line(told, answer.headers["x-request-id"])

    assert line["status"] == 429
    assert line["decision"] == "denied:quota_exceeded"
    assert line["key"] == world.key.public_id
    assert line["subscription"] == world.subscription.public_id
    assert line["upstream_ms"] is None


def test_log_line_of_an_unknown_path_names_nobody(envoy, world, told):
    answer = envoy.get("/nowhere?apikey=" + world.secret)
    line = log_line(told, answer.headers["x-request-id"])
    assert (line["status"], line["decision"], line["path"]) == (404, "none", "/nowhere")
    assert "key" not in line


def test_upstream_cannot_rewrite_whose_call_it_was(envoy, world, told, upstream):
    upstream.answer_headers = {"x-apim-call": "decision=denied:free, key=key_mallory"}
    answer = envoy.get(world.path, world.bearer())
    line = log_line(told, answer.headers["x-request-id"])
    assert line["key"] == world.key.public_id
    assert line["decision"] == "allowed"
    assert "x-apim-call" not in answer.headers


def test_caller_that_leaves_early_is_still_attributed(envoy, world, told, upstream):
    with pytest.raises(httpx.TimeoutException):
        envoy.get(f"{world.path}/slow", world.bearer(), timeout=0.3)
    upstream.release.set()

    def logged():
        lines = [json.loads(text) for text in told.access_log.read_text().splitlines()]
        return [
            one for one in lines if one["path"] == f"{world.path}/slow" and "DC" in one["flags"]
        ]

    line = eventually(logged)[0]
    assert call_facts(line["call"])["key"] == world.key.public_id
    assert line["status"] == 0
