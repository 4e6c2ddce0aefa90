"""The usage log says how many calls of a limit's window were made."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from analytics.intake import receive
from analytics.rollups import roll_up
from analytics.used_up import calls_made
from apim.audit.actors import SYSTEM
from apim.catalog.models import Operation
from apim.core import clock
from apim.gateway import grants
from apim.gateway.services import register_gateway
from tests.apim.gateway.conftest import store  # noqa: F401 - a fixture
from tests.apim.gateway.world import make_world

HOUR = timedelta(hours=1)


@pytest.fixture
def world(db, store):  # noqa: F811
    made = make_world(limits=[])
    Operation.objects.create(
        version=made.version, method="GET", path="/search", position=0, tags=["Search"]
    )
    grants.project_all()
    return made


def report(gateway, world, calls, *, at, path="/ports", **fields):
    lines = [
        {
            "id": f"{world.key.public_id}-{at.timestamp()}-{path}-{fields}-{number}",
            "ts": at.isoformat(),
            "method": "GET",
            "path": f"{world.path}{path}",
            "route": "v",
            "status": 200,
            "key": world.key.public_id,
            "application": world.application.public_id,
            "subscription": world.subscription.public_id,
            "version": world.version.public_id,
            "decision": "allowed",
            **fields,
        }
        for number in range(calls)
    ]
    assert receive(gateway=gateway, body=json.dumps(lines).encode()).accepted == calls


def test_calls_of_a_window_are_those_of_its_owner_its_time_and_its_group(world):
    gateway = register_gateway(actor=SYSTEM, name="Edge", kind="envoy").gateway
    end = clock.now().replace(minute=0, second=0, microsecond=0)
    start, inside = end - HOUR, end - HOUR / 2
    report(gateway, world, 7, at=inside)
    report(gateway, world, 3, at=inside, status=429, decision="denied:quota_exceeded")
    report(gateway, world, 2, at=inside, path="/search", cost=2)
    report(gateway, world, 9, at=start - timedelta(seconds=1))
    report(gateway, world, 9, at=end)
    report(gateway, make_world(), 9, at=inside)
    while roll_up():
        continue
    product = world.product.public_id

    def made(owner, what="hour", begin=start, stop=end):
        return calls_made(f"c:{owner}:{product}:{what}", _unix(begin), _unix(stop))

    for owner in (world.organization, world.application, world.key):
        assert made(owner.public_id) == 7 + 4
    application = world.application.public_id
    assert made(application, "hour@Search") == 4
    assert made(application, begin=start - timedelta(days=10), stop=end - timedelta(days=10)) == 0


def test_nothing_is_said_of_owners_that_are_gone_and_windows_between_buckets(world):
    product, application = world.product.public_id, world.application.public_id
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

    assert calls_made(f"c:app_gone:{product}:hour", _unix(now - HOUR), _unix(now)) is None
    assert calls_made(f"c:{application}:prd_gone:hour", _unix(now - HOUR), _unix(now)) is None
    start = now - HOUR + timedelta(seconds=7)
    assert calls_made(f"c:{application}:{product}:hour", _unix(start), _unix(now)) is None


def _unix(instant):
    return int(instant.timestamp())
