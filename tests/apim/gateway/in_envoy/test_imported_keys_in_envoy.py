"""Keys that another system made, at the real Envoy."""

import pytest

from apim.audit.actors import SYSTEM
from apim.keys import secrets, services
from apim.keys.services import ImportedKey
from tests.apim.gateway.in_envoy.calling import asked, warm_up
from tests.deadline import eventually

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

FOREIGN = "sk-of.another/system~42"


@pytest.fixture
def imported(world):
    row = ImportedKey(hash=secrets.plain_digest(FOREIGN), name="Taken over")
    (key,) = services.import_keys(actor=SYSTEM, application=world.application, rows=[row])
    return key


def test_imported_key_passes_as_soon_as_it_is_known_and_stops_when_revoked(envoy, world, relay):
    called = {"x-api-key": FOREIGN}
    assert envoy.status(world.path, called) == 401
    row = ImportedKey(hash=secrets.plain_digest(FOREIGN), name="Taken over")
    (key,) = services.import_keys(actor=SYSTEM, application=world.application, rows=[row])
    eventually(lambda: envoy.status(world.path, called) == 200, seconds=2)
    warm_up(envoy, world, called)
    before = asked(relay)
    for _ in range(50):
        assert envoy.status(world.path, called) == 200
    assert asked(relay) - before < 25  # it is leased like any other
    services.revoke_key(actor=SYSTEM, key=key)
    eventually(lambda: envoy.status(world.path, called) == 401, seconds=1)


def test_imported_key_does_not_reach_the_upstream_wherever_it_stands(envoy, world, imported):
    eventually(lambda: envoy.status(world.path, {"x-api-key": FOREIGN}) == 200)
    for headers, query in (
        ({"x-api-key": FOREIGN}, ""),
        ({"authorization": f"Bearer {FOREIGN}"}, ""),
        ({}, f"api_key={FOREIGN}&"),
        ({"authorization": f"Bearer {FOREIGN}", "x-api-key": "another-text"}, ""),
    ):
        for _ in range(3):
            answer = envoy.get(f"{world.path}/x?{query}day=3", headers)
            assert answer.status_code == 200, headers
            assert FOREIGN not in answer.text
            assert answer.json()["path"] == "/x?day=3"


def test_bearer_token_of_the_upstream_stays_beside_an_imported_key(envoy, world, imported):
    both = {"authorization": "Bearer for-the-upstream", "x-api-key": FOREIGN}
    eventually(lambda: envoy.status(world.path, both) == 200)
    for _ in range(3):
        seen = envoy.get(world.path, both).json()["headers"]
        assert seen["authorization"] == "Bearer for-the-upstream"
        assert "x-api-key" not in seen


def test_what_stood_beside_an_imported_key_is_no_key(envoy, world, imported):
    beside = {"x-api-key": "another-text"}
    eventually(
        lambda: envoy.status(world.path, {"authorization": f"Bearer {FOREIGN}", **beside}) == 200
    )
    for _ in range(5):
        assert envoy.status(world.path, beside) == 401
        assert envoy.status(world.path, {"authorization": "Bearer another-text"}) == 401
        assert envoy.status(world.path) == 401
        assert envoy.status(world.path, world.bearer()) == 200
