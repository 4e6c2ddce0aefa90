"""The verify API: the decision of the check as JSON, with everything that a service may need."""

import msgspec
import pytest

from apim.gateway import grant_format as wire
from apim.gateway import grants
from apim.keys import secrets
from tests.apim.gateway.grants_in_redis import (
    change_key,
    change_plan,
    change_route,
    describe_operations,
    put,
)
from tests.apim.gateway.world import make_world
from tests.deadline import eventually

pytestmark = pytest.mark.processes


@pytest.fixture
def world(db, store):
    made = make_world(limits=[])
    grants.project_all()
    change_plan(made, limits=(wire.LimitGrant("day", 20, "day"),))
    describe_operations(
        made, ("GET", "/tides/{id}", ("tides",), 1), ("POST", "/search", ("search",), 5)
    )
    change_route(made, by_operation=True)
    return made


@pytest.fixture
def verify(authorizer, world):
    def ask(**question):
        question = {"key": world.secret, "path": f"{world.path}/tides/1", **question}
        answer = authorizer.client.post("/gateway/v1/verify", json=question)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def test_verdict_names_owner_limits_cost_and_environment(verify, world):
    verdict = verify(method="POST", path=f"{world.path}/search?q=x")
    assert verdict["valid"] is True
    expected = {
        "code": "valid",
        "status": 200,
        "key": world.key.public_id,
        "environment": "live",
        "scopes": [],
        "expires_at": None,
        "application": world.application.public_id,
        "organization": world.organization.public_id,
        "subscription": world.subscription.public_id,
        "plan": world.plan.public_id,
        "version": world.version.public_id,
        "cost": 5,
        "overage": [],
    }
    assert expected.items() <= verdict.items()
    [limit] = verdict["limits"]
    assert (limit["name"], limit["quota"], limit["remaining"]) == ("day", 20, 15)
    assert (limit["kind"], limit["per"], limit["soft"]) == ("calendar", "application", False)
    assert 0 <= limit["reset_seconds"] <= 86400
    assert limit["resets_at"].endswith("+00:00")


def test_asking_without_counting_changes_nothing_and_foresees_the_refusal(verify):
    assert verify(count=False)["limits"][0]["remaining"] == 20
    assert verify(count=False)["limits"][0]["remaining"] == 20
    assert verify(cost=18)["limits"][0]["remaining"] == 2
    foreseen = verify(count=False, cost=3)
    assert (foreseen["valid"], foreseen["code"]) == (False, "quota_exceeded")
    assert foreseen["retry_after_seconds"] > 0
    assert verify(count=False, cost=2)["valid"] is True


def test_quota_is_refused_with_the_limits_name_and_time(verify):
    verify(cost=20)
    refused = verify()
    assert (refused["code"], refused["status"]) == ("quota_exceeded", 429)
    assert "20 calls per day" in refused["detail"]
    assert refused["retry_after_seconds"] >= refused["limits"][0]["reset_seconds"]


def test_scopes_that_are_asked_for_must_be_the_keys(verify, world):
    change_key(world, scopes=("tides",))
    assert verify(scopes=["tides"])["valid"] is True
    assert verify(permissions=["tides", "search"])["code"] == "scope_missing"
    assert verify(method="POST", path=f"{world.path}/search")["code"] == "scope_missing"
    assert verify()["scopes"] == ["tides"]


def test_address_and_origin_are_judged_as_told(verify, world):
    change_key(world, cidrs=("203.0.113.0/24",), origins=("https://harbor.example",))
    good = {"ip": "203.0.113.9", "origin": "https://harbor.example"}
    assert verify(**good)["valid"] is True
    assert verify(**{**good, "ip": "198.51.100.1"})["code"] == "ip_not_allowed"
    assert verify(**{**good, "origin": ""})["code"] == "origin_not_allowed"
    assert verify(**good, path=None)["valid"] is True
    assert verify(path=None)["code"] == "ip_not_allowed"


def test_concurrent_limit_hands_out_a_lease_to_release(verify, world, authorizer):
    change_plan(world, limits=(wire.LimitGrant("concurrent", 1, kind="concurrent"),))
    first = verify()
    assert first["limits"][0]["reset_seconds"] is None
    assert verify()["code"] == "quota_exceeded"
    authorizer.client.post("/gateway/v1/release", headers={"x-apim-lease-id": first["lease"]})
    eventually(lambda: verify()["valid"])


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"key": 1}', b'{"key": "x", "cost": 0}', b'{"path": "/x"}']
)
def test_unreadable_question_is_422_and_says_why(authorizer, world, body):
    answer = authorizer.client.post("/gateway/v1/verify", content=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_input"
    assert answer.json()["detail"]


# Keys that are found under another digest


def test_imported_key_of_another_system_works_and_is_hashed_anew_once(
    authorizer, world, store, verify
):
    foreign = "legacy-4711-secret"
    headers = {"x-api-key": foreign}
    path = f"{world.path}/tides/1"
    assert authorizer.check(path, headers).json()["code"] == "key_malformed"
    grant = msgspec.json.decode(store.get(wire.key_name(world.key.digest)), type=wire.KeyGrant)
    put(wire.key_name(secrets.plain_digest(foreign)), grant)
    put(secrets.IMPORTED, 1)
    store.delete(secrets.REHASH_LIST)

    def told(answer):
        return answer.headers.get("x-apim-imports")

    asked = {"x-original-uri": path, **headers}
    ask = authorizer.client
    eventually(lambda: told(ask.post("/gateway/v1/lease", headers=asked)) == "1")
    assert told(ask.get("/gateway/v1/changes")) == "1"
    malformed = ask.post("/gateway/v1/lease", headers={**asked, "x-api-key": "no key"})
    assert malformed.json()["code"] == "key_malformed"
    assert malformed.headers["x-apim-deny-ttl"] == "0"
    # Among several the one that is known counts, wherever it stands.
    both = {"authorization": "Bearer some.upstream.token", **headers}
    passed = authorizer.check(path, both)
    assert passed.headers["x-apim-key"] == world.key.public_id
    assert "authorization" not in passed.headers["x-envoy-auth-headers-to-remove"]
    swapped = {"authorization": f"Bearer {foreign}", "x-api-key": "some.other.thing"}
    assert authorizer.check(path, swapped).headers["x-apim-key"] == world.key.public_id

    eventually(lambda: authorizer.check(path, headers).status_code == 200)
    for _ in range(3):
        assert authorizer.check(path, headers).headers["x-apim-key"] == world.key.public_id
    bearer = {"authorization": f"Bearer {foreign}"}
    stripped = authorizer.check(path, bearer).headers["x-envoy-auth-headers-to-remove"]
    assert "authorization" in stripped
    eventually(lambda: store.llen(secrets.REHASH_LIST) == 1)
    rehash = msgspec.json.decode(store.lpop(secrets.REHASH_LIST))
    pepper = "insecure-test-pepper-0123456789-0123456789"
    expected = {"key": world.key.pk, "digest": secrets.digest(foreign, pepper), "version": 1}
    assert rehash == expected
    assert authorizer.check(path, {"x-api-key": "legacy-unknown"}).json()["code"] == "key_unknown"
