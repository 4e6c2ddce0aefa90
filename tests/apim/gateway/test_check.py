"""The authorizer's answers, asked of the real process as gateways ask it."""

import re
from datetime import timedelta

import httpx
import pytest
from django.conf import settings
from django.utils import timezone

from apim.gateway import grants
from apim.keys import secrets
from apim.keys.models import ApiKey, Application
from tests.apim.gateway.world import make_key, make_version
from tests.deadline import eventually

pytestmark = pytest.mark.processes


def test_known_key_passes_and_the_upstream_learns_who_calls(authorizer, world):
    answer = authorizer.check(f"{world.path}/harbours/7", world.bearer())

    assert answer.status_code == 200
    assert answer.headers["x-apim-key"] == world.key.public_id
    assert answer.headers["x-apim-application"] == world.application.public_id
    assert answer.headers["x-apim-organization"] == world.organization.public_id
    assert answer.headers["x-apim-subscription"] == world.subscription.public_id
    assert answer.headers["x-apim-plan"] == world.plan.public_id
    assert answer.headers["x-apim-version"] == world.version.public_id
    assert answer.headers["x-apim-environment"] == "live"
    assert answer.headers["x-apim-decision"] == "allowed"
    assert "authorization" in answer.headers["x-envoy-auth-headers-to-remove"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_any_method_is_answered_with_exactly_200(authorizer, world, method):
    assert authorizer.check(world.path, world.bearer(), method).status_code == 200


@pytest.mark.parametrize("carrier", ["x-api-key", "apikey", "api_key", "lower-case scheme"])
def test_key_is_found_wherever_it_may_stand(authorizer, world, carrier):
    headers, query = {}, ""
    if carrier == "x-api-key":
        headers = {"x-api-key": world.secret}
    elif carrier == "lower-case scheme":
        headers = {"authorization": f"bearer {world.secret}"}
    else:
        query = f"?day=3&{carrier}={world.secret}"

    assert authorizer.check(f"{world.path}/x{query}", headers).status_code == 200


def test_bearer_token_for_the_upstream_is_left_alone(authorizer, world):
    headers = {"authorization": "Bearer some.upstream.jwt", "x-api-key": world.secret}
    answer = authorizer.check(world.path, headers)

    assert answer.status_code == 200
    assert "authorization" not in answer.headers["x-envoy-auth-headers-to-remove"]


def assert_denied(answer, status, code):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-apim-decision"] == f"denied:{code}"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["title"]
    assert problem["detail"]
    return problem


def test_call_without_key_is_401_and_names_the_scheme(authorizer, world):
    answer = authorizer.check(world.path)
    assert_denied(answer, 401, "key_missing")
    assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("key", ["x", "ak_live_" + "0" * 36, "ak_live_" + "é" * 36, ""])
def test_malformed_key_is_401(authorizer, world, key):
    answer = authorizer.check(world.path, {"x-api-key": key.encode()})
    assert_denied(answer, 401, "key_malformed")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_well_formed_key_that_was_never_issued_is_401(authorizer, world):
    key = secrets.generate(brand="ak", environment="live")
    assert_denied(authorizer.check(world.path, {"x-api-key": key}), 401, "key_unknown")


def test_expired_key_is_401(authorizer, world):
    expired = timezone.now() - timedelta(seconds=1)
    _, secret = make_key(world.application, expires_at=expired)
    grants.project_all()
    assert_denied(authorizer.check(world.path, {"x-api-key": secret}), 401, "key_expired")


def test_key_expires_while_it_is_remembered(authorizer, world):
    soon = timezone.now() + timedelta(seconds=1)
    key, secret = make_key(world.application, expires_at=soon)
    grants.project_key(key.pk)
    assert authorizer.check(world.path, {"x-api-key": secret}).status_code == 200

    eventually(
        lambda: authorizer.check(world.path, {"x-api-key": secret}).status_code == 401, seconds=3
    )


def test_remembered_key_stops_within_a_second_of_its_revocation(authorizer, world):
    assert authorizer.check(world.path, world.bearer()).status_code == 200
    ApiKey.objects.filter(pk=world.key.pk).update(state="revoked")
    grants.project_key(world.key.pk)

    eventually(lambda: authorizer.check(world.path, world.bearer()).status_code == 401, seconds=1)


def test_key_works_at_once_after_it_was_asked_for_in_vain(authorizer, world):
    """The memory of unknown keys is told as well."""
    secret = secrets.generate(brand="ak", environment="live")
    assert authorizer.check(world.path, {"x-api-key": secret}).status_code == 401
    key, _ = make_key(world.application)
    parts = secrets.parse(secret)
    digest = secrets.digests(secret, secrets.read_peppers(_pepper()))[0]
    ApiKey.objects.filter(pk=key.pk).update(digest=digest, start=parts.start)
    grants.project_key(key.pk)

    eventually(
        lambda: authorizer.check(world.path, {"x-api-key": secret}).status_code == 200, seconds=1
    )


def test_suspended_application_is_403(authorizer, world):
    assert authorizer.check(world.path, world.bearer()).status_code == 200
    Application.objects.update(state="suspended")
    grants.project_application(world.application.pk)

    answer = eventually(lambda: _unless_ok(authorizer, world))
    assert_denied(answer, 403, "application_inactive")


@pytest.mark.parametrize("state", ["pending", "suspended"])
def test_subscription_that_is_not_active_is_403_and_says_so(authorizer, world, state):
    type(world.subscription).objects.update(state=state)
    grants.project_subscription(world.subscription.pk)

    answer = eventually(lambda: _unless_ok(authorizer, world))
    problem = assert_denied(answer, 403, f"subscription_{state}")
    assert "Tides" in problem["detail"]
    assert answer.headers["x-apim-subscription"] == world.subscription.public_id


def test_outsiders_key_is_403_and_names_product_and_portal(authorizer, world):
    """Charlie's key is real, but his application subscribes to nothing here."""
    application = Application.objects.create(organization=world.organization, name="Outsider")
    _, secret = make_key(application)
    grants.project_all()

    answer = authorizer.check(world.path, {"x-api-key": secret})
    problem = assert_denied(answer, 403, "subscription_missing")
    assert "Tides" in problem["detail"]
    assert f"http://portal.test/apis/{world.version.api.slug}/" in problem["detail"]
    assert answer.headers["x-apim-application"] == application.public_id


def test_subscription_to_one_version_does_not_open_another(authorizer, world):
    other = make_version(upstream_url="http://127.0.0.1:9")
    grants.project_routes()
    eventually(lambda: authorizer.check(other.listen_path).status_code == 401)
    answer = authorizer.check(other.listen_path, world.bearer())
    assert_denied(answer, 403, "subscription_missing")


@pytest.mark.parametrize(
    "tail",
    ["x", "/../../private/v1", "/%2e%2E/other", "/./x", "/..", "/..%2f..%2Fprivate/v1"],
)
def test_path_that_no_version_claims_is_404_for_everybody(authorizer, world, tail):
    named = {"x-original-uri": f"{world.path}{tail}", "x-api-key": world.secret}
    answer = authorizer.check("", named)
    assert_denied(answer, 404, "unknown_path")


@pytest.mark.parametrize("path", ["", "/", "/nowhere", "/nowhere/v1/x"])
def test_unknown_route_is_404_also_without_key(authorizer, world, path):
    assert_denied(authorizer.check(path), 404, "unknown_path")


def test_retired_version_is_410(authorizer, world):
    type(world.version).objects.update(state="retired")
    grants.project_routes()
    answer = eventually(lambda: _unless_ok(authorizer, world))
    assert_denied(answer, 410, "version_retired")


def test_deprecated_version_answers_with_both_dates(authorizer, world):
    at = timezone.now().replace(year=2026, month=11, day=1, hour=0, minute=0, second=0)
    at = at.replace(microsecond=0)
    type(world.version).objects.update(
        state="deprecated", deprecated_at=at, sunset_on=at.date().replace(year=2027, month=5)
    )
    grants.project_routes()

    def deprecated():
        answer = authorizer.check(world.path, world.bearer())
        return answer if "deprecation" in answer.headers else None

    answer = eventually(deprecated)
    assert answer.status_code == 200
    # The sample of RFC 9745 and RFC 8594's date form.
    assert answer.headers["deprecation"] == "@1793491200"
    assert answer.headers["sunset"] == "Sat, 01 May 2027 00:00:00 GMT"


def test_gateway_without_its_token_learns_nothing(authorizer, world):
    url = f"{authorizer.url}/gateway/v1/check{world.path}"
    for token in ({}, {"x-apim-authorizer-token": "wrong"}):
        answer = httpx.get(url, headers={**world.bearer(), **token})
        assert_denied(answer, 401, "gateway_unknown")
        assert "x-apim-key" not in answer.headers
    verify = httpx.post(f"{authorizer.url}/gateway/v1/verify", json={"key": world.secret})
    assert verify.status_code == 401


@pytest.mark.parametrize("name", ["x-original-uri", "x-forwarded-uri"])
def test_gateways_that_name_the_path_in_a_header_are_understood(authorizer, world, name):
    headers = {name: f"{world.path}/x?apikey={world.secret}"}
    assert authorizer.check("", headers).status_code == 200
    assert authorizer.check("", {name: f"{world.path}/x"}).status_code == 401


def test_nginx_gets_403_with_the_real_status_beside_it(authorizer, world):
    answer = authorizer.check("?deny_status=403", {"x-original-uri": "/nowhere"})
    assert answer.status_code == 403
    assert answer.headers["x-auth-status"] == "404"


def test_caller_behind_envoy_cannot_choose_path_or_status(authorizer, world):
    headers = {"x-original-uri": f"{world.path}/x", "x-api-key": world.secret}
    answer = authorizer.check("/nowhere/v1?deny_status=403", headers)
    assert_denied(answer, 404, "unknown_path")


def test_verify_gives_the_verdict_as_json(authorizer, world):
    def verify(**question):
        return authorizer.client.post("/gateway/v1/verify", json=question).json()

    verdict = verify(key=world.secret, path=f"{world.path}/x")
    assert verdict["valid"] is True
    assert verdict["code"] == "valid"
    assert verdict["key"] == world.key.public_id
    assert verdict["limits"][0]["remaining"] == 999
    asked = verify(key=world.secret, path=world.path, count=False)
    assert asked["limits"][0]["remaining"] in {999, 1000}  # the minute may have turned
    assert verify(key=world.secret)["application"] == world.application.public_id
    assert verify(key="nonsense")["code"] == "key_malformed"
    assert verify(key=world.secret, path="/nowhere")["code"] == "unknown_path"
    assert authorizer.client.post("/gateway/v1/verify", content=b"{").status_code == 422
    assert authorizer.client.post("/gateway/v1/verify", content=b"x" * 20000).status_code == 422


def test_metrics_count_decisions(authorizer, world):
    def allowed():
        text = authorizer.client.get("/metrics").text
        found = re.search(r'apim_checks_total\{decision="allowed"\} (\d+)', text)
        return int(found[1]) if found else 0

    before = allowed()
    authorizer.check(world.path, world.bearer())
    assert allowed() == before + 1


def _unless_ok(authorizer, world):
    answer = authorizer.check(world.path, world.bearer())
    return None if answer.status_code == 200 else answer


def _pepper():
    return settings.APIM_KEY_PEPPER
