"""What people are told of their limits is what the counters that decide calls say."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apim.catalog.models import Limit
from apim.core import clock
from apim.gateway import grants
from apim.gateway.counters import LimitStanding, limit_standings
from apim.keys.models import KeyLimit
from tests.apim.gateway.world import make_key, make_world
from tests.deadline import eventually

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def windowed(*, quota=100, used=0, at=NOON, start=NOON - timedelta(hours=6), hours=24):
    return LimitStanding(
        name="day",
        kind="calendar",
        window="day",
        every=1,
        per="application",
        group="",
        is_soft=False,
        quota=quota,
        used=used,
        read_at=at,
        started_at=start,
        resets_at=start + timedelta(hours=hours),
    )


@pytest.mark.processes
def test_limits_of_every_kind_stand_where_the_authorizer_counted_them(authorizer, db, store):
    world = make_world(limits=[("month", 100)])
    for terms in (
        {"window": "day", "quota": 100, "kind": "fixed", "every": 20},
        {"window": "minute", "quota": 100, "kind": "sliding", "every": 30},
        {"window": "month", "quota": 500, "per": "organization"},
        {"window": "month", "quota": 50, "per": "key"},
        {"window": "week", "quota": 2, "is_soft": True},
    ):
        Limit.objects.create(plan=world.plan, **terms)
    other, _secret = make_key(world.application)
    grants.project_all()
    for _ in range(3):
        assert authorizer.check(world.path, world.bearer()).status_code == 200

    def used():
        found = limit_standings(world.subscription, [world.key, other])
        return {(one.name, one.key): one.used for one in found}

    # What the authorizer took ahead, it gives back when nobody asks for it.
    expected = {
        ("organization-month", None): 3,
        ("30-minutes", None): 3,
        ("20-days", None): 3,
        ("month", None): 3,
        ("soft-week", None): 3,
        ("key-month", world.key): 3,
        ("key-month", other): 0,
    }
    eventually(lambda: used() == expected)
    soft = next(one for one in limit_standings(world.subscription) if one.is_soft)
    assert (soft.remaining, soft.overage) == (0, 1)


def test_calendar_windows_begin_in_the_organizations_time_zone(world, store):
    world.plan.limits.all().delete()
    Limit.objects.create(plan=world.plan, window="day", quota=9)
    world.organization.time_zone = "Pacific/Auckland"
    world.organization.save()
    world.subscription.organization.time_zone = "Pacific/Auckland"
    (day,) = limit_standings(world.subscription)
    assert (day.used, day.remaining) == (0, 9)
    local = day.resets_at.astimezone(ZoneInfo("Pacific/Auckland"))
    assert (local.hour, local.minute) == (0, 0)


def test_sliding_window_forgets_what_has_left_it_and_says_when_more_returns(world, store):
    world.plan.limits.all().delete()
    Limit.objects.create(plan=world.plan, window="minute", quota=10, kind="sliding")
    (empty,) = limit_standings(world.subscription)
    assert (empty.used, empty.resets_at, empty.exhausts_at) == (0, None, None)

    name = f"c:{world.application.public_id}:{world.product.public_id}:sliding-1-minute"
    part = int(clock.now().timestamp() * 1000) // 600
    store.hset(name, mapping={part - 150: 5, part - 50: 3, part: 1})
    (limit,) = limit_standings(world.subscription)
    assert (limit.used, limit.remaining) == (4, 6)
    assert limit.resets_at.timestamp() == pytest.approx((part - 49) * 0.6 + 60)


def test_calls_in_flight_are_those_whose_slot_is_neither_free_nor_over(world, store):
    world.plan.limits.all().delete()
    Limit.objects.create(plan=world.plan, window="", quota=3, kind="concurrent")
    name = f"c:{world.application.public_id}:{world.product.public_id}:concurrent"
    now = clock.now().timestamp() * 1000
    store.zadd(name, {"one": now + 60_000, "two": now + 60_000, "lost": now - 1})
    (limit,) = limit_standings(world.subscription)
    assert (limit.used, limit.remaining, limit.resets_at) == (2, 1, None)


def test_limits_of_a_key_itself_are_told_with_the_key(world, store):
    world.plan.limits.all().delete()
    KeyLimit.objects.create(
        organization=world.organization, key=world.key, window="day", quota=7, group="search"
    )
    (limit,) = limit_standings(world.subscription, [world.key])
    assert (limit.key, limit.quota, limit.per) == (world.key, 7, "key")
    assert limit.heading == "Per day, per API key, for operations in the group “search”"
    assert limit_standings(world.subscription) == ()


def test_exhaustion_is_told_at_the_pace_of_the_window(db):
    # 75 of 100 in six hours: the rest lasts two hours more.
    assert windowed(used=75).exhausts_at == NOON + timedelta(hours=2)


@pytest.mark.parametrize(
    "standing",
    [
        windowed(used=0),
        windowed(used=25),  # exactly enough for the day
        windowed(used=1, quota=50_000_000),  # enough for longer than dates go
        windowed(used=100),  # over already
        windowed(used=5, start=NOON - timedelta(minutes=5)),  # too early to tell
        windowed(used=75, start=NOON - timedelta(minutes=1), hours=0.1),  # over before it is read
    ],
)
def test_exhaustion_is_not_told_where_there_is_nothing_to_tell(standing):
    assert standing.exhausts_at is None
