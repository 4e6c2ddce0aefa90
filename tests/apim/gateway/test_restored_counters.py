"""Counters that Redis lost are there again: never fewer calls than the usage log shows."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from analytics.intake import receive
from apim.audit.actors import SYSTEM
from apim.catalog.models import Limit, Operation, Plan
from apim.gateway import grant_format as wire
from apim.gateway import grants, restored_counters
from apim.gateway.counters import limit_standings
from apim.gateway.services import register_gateway
from apim.keys.models import KeyLimit
from tests.apim.gateway.grants_in_redis import change_route
from tests.apim.gateway.world import make_world
from tests.deadline import eventually

KINDS = [
    {"window": "minute"},
    {"window": "hour"},
    {"window": "day"},
    {"window": "week", "per": "organization"},
    {"window": "month", "per": "key"},
    {"window": "hour", "kind": "fixed", "every": 5},
    {"window": "second", "kind": "fixed", "every": 600},
    {"window": "day", "kind": "sliding", "every": 1},
    {"window": "day", "kind": "sliding", "every": 10},
    {"window": "month", "group": "search"},
]


@pytest.fixture
def world(db, store):
    made = make_world(limits=[])
    Operation.objects.create(
        version=made.version, method="GET", path="/search", position=0, tags=["search"]
    )
    made.gateway = register_gateway(actor=SYSTEM, name="Edge", kind="envoy").gateway
    made.sent = 0
    return made


def report(world, calls, *, at=None, path="/search", **fields):
    """What the shipper delivers of so many calls."""
    lines = []
    for _ in range(calls):
        world.sent += 1
        line = {
            "id": f"call-{world.sent}",
            "ts": (at or datetime.now(UTC)).isoformat(),
            "type": "DownstreamEnd",
            "method": "GET",
            "path": f"{world.path}{path}",
            "route": "v",
            "status": 200,
            "duration_ms": 12,
            "upstream_ms": 10,
            "request_bytes": 100,
            "response_bytes": 300,
            "key": world.key.public_id,
            "application": world.application.public_id,
            "subscription": world.subscription.public_id,
            "version": world.version.public_id,
            "environment": "live",
            "decision": "allowed",
            **fields,
        }
        lines.append(line)
    receipt = receive(gateway=world.gateway, body=json.dumps(lines).encode())
    assert receipt.accepted == calls


def used(world):
    [standing] = limit_standings(world.subscription, [world.key])
    return standing.used


def lose_everything(store):
    for pattern in ("g:*", "c:*"):
        for name in store.scan_iter(pattern):
            store.delete(name)


@pytest.mark.parametrize("terms", KINDS, ids=lambda terms: "-".join(map(str, terms.values())))
def test_open_windows_of_every_kind_are_restored(world, store, terms):
    Limit.objects.create(plan=world.plan, quota=100, **terms)
    report(world, 3, at=datetime.now(UTC) - timedelta(milliseconds=1))
    grants.project_all()
    assert used(world) == 3


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_calls_before_the_window_are_left_out(world, store, zone):
    """Month and day begin where the organization is; a day is told to the minute."""
    world.organization.time_zone = zone
    world.organization.save()
    Limit.objects.create(plan=world.plan, quota=100, window="day")
    grants.project_all()
    [standing] = limit_standings(world.subscription, [world.key])
    report(world, 2, at=standing.started_at - timedelta(seconds=1))
    report(world, 5, at=standing.started_at)
    lose_everything(store)
    grants.project_all()
    assert used(world) == 5


def test_costs_count_and_refused_calls_do_not(world, store):
    Limit.objects.create(plan=world.plan, quota=100, window="month")
    report(world, 2, cost=7)
    report(world, 4, status=429, decision="denied:quota_exceeded", upstream_ms=None)
    grants.project_all()
    assert used(world) == 14


def test_groups_count_their_own_operations_only(world, store):
    Limit.objects.create(plan=world.plan, quota=100, window="month", group="search")
    report(world, 2)
    report(world, 5, path="/other")
    grants.project_all()
    assert used(world) == 2


def test_calls_under_a_plan_without_the_limit_do_not_count(world, store):
    report(world, 5, plan=world.plan.public_id)
    other = Plan.objects.create(product=world.plan.product, name="Other", slug="other")
    Limit.objects.create(plan=other, quota=100, window="month", per="organization")
    world.subscription.plan = other
    world.subscription.save()
    report(world, 2, plan=other.public_id)
    grants.project_all()
    assert used(world) == 2


def test_keys_own_limits_are_restored(world, store):
    KeyLimit.objects.create(key=world.key, organization=world.organization, quota=9, window="month")
    report(world, 4)
    grants.project_all()
    assert used(world) == 4


@pytest.mark.parametrize("kind", ["calendar", "sliding"])
def test_counters_that_know_more_are_not_lowered_and_nothing_counts_twice(world, store, kind):
    Limit.objects.create(plan=world.plan, quota=100, window="hour", kind=kind)
    report(world, 3)
    for _ in range(3):
        grants.project_all()
        assert used(world) == 3
    [name] = store.scan_iter("c:*")
    if kind == "calendar":
        store.incrby(name, 4)
    else:
        [part, *_] = store.hkeys(name)
        store.hincrby(name, part, 4)
    grants.project_all()
    assert used(world) == 7
    # Told late, of a call before the loss: counted as far as the counter does not know it.
    report(world, 6)
    grants.project_all()
    assert used(world) == 9


def test_restored_counters_go_with_their_window(world, store):
    Limit.objects.create(plan=world.plan, quota=100, window="day")
    Limit.objects.create(plan=world.plan, quota=100, window="hour", kind="sliding")
    report(world, 1)
    grants.project_all()
    lives = [store.ttl(name) for name in store.scan_iter("c:*")]
    assert len(lives) == 2
    assert all(0 < life <= 90_000 for life in lives)


@pytest.mark.processes
def test_emptied_redis_grants_what_the_log_says_remains(world, store, authorizer):
    """Nobody gets the quota a second time, not even while the counters are gone."""
    Limit.objects.create(plan=world.plan, quota=10, window="month")
    grants.project_all()
    for _ in range(6):
        assert authorizer.check(world.path, world.bearer()).status_code == 200
    report(world, 6)

    store.flushdb()
    assert restored_counters.last_restored() is None
    eventually(lambda: authorizer.check(world.path, world.bearer()).status_code == 503)
    assert not grants.is_complete()
    grants.project_all()

    def decided():
        answer = authorizer.check(world.path, world.bearer())
        return answer if answer.status_code != 503 else None

    assert eventually(decided).headers["x-ratelimit-remaining"] == "3"
    statuses = [authorizer.check(world.path, world.bearer()).status_code for _ in range(8)]
    assert statuses.count(200) == 3
    assert statuses[-1] == 429


@pytest.mark.processes
def test_api_that_fails_open_goes_on_while_counters_are_restored(world, store, authorizer):
    Limit.objects.create(plan=world.plan, quota=10_000, window="month")
    grants.project_all()
    change_route(world, fail_open=True)

    def let_by():
        text = authorizer.client.get("/metrics").text
        return int(text.partition("\napim_allowed_without_redis_total ")[2].split("\n")[0])

    def passes_uncounted():
        # A starved Redis may be taken for one that is away.
        assert authorizer.check(world.path, world.bearer()).status_code in {200, 503}
        return let_by() > before

    assert authorizer.check(world.path, world.bearer()).status_code == 200
    before = let_by()
    store.delete(wire.COUNTERS)
    eventually(passes_uncounted)
