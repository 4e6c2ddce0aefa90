"""Hosts whose clocks disagree count the same windows: limits follow Redis's clock."""

import pytest
from django.conf import settings

from apim.gateway import grant_format as wire
from tests.apim.gateway.stage import Authorizer
from tests.apim.gateway.test_limit_kinds import limited, storm

pytestmark = pytest.mark.processes

HOUR = 3600


@pytest.fixture(scope="module")
def skewed(folder):
    """One host is hours ahead, one more than a day behind."""
    made = [
        Authorizer(
            folder,
            redis_url=settings.REDIS_URL,
            name=f"skewed{offset}",
            app="tests.apim.gateway.shifted:app",
            CLOCK_OFFSET_SECONDS=str(offset),
        )
        for offset in (5 * HOUR, -27 * HOUR)
    ]
    yield made
    for one in made:
        one.stop()


@pytest.mark.parametrize(
    "limit",
    [
        wire.LimitGrant("day", 150, "day"),
        wire.LimitGrant("5-hours", 150, "hour", kind="fixed", every=5),
        wire.LimitGrant("day", 150, "day", kind="sliding"),
    ],
    ids=["calendar", "fixed", "sliding"],
)
def test_hosts_with_wrong_clocks_never_exceed_a_limit_together(
    authorizer, skewed, db, store, limit
):
    world = limited(limit)
    statuses = storm([authorizer, *skewed], world, calls=240, threads=6)
    lost = statuses.count(503)
    assert statuses.count(200) + statuses.count(429) + lost == 240
    assert statuses.count(200) <= 150
    assert statuses.count(200) >= 145 or lost
    # One window, whoever counted.
    counters = {name.decode().rpartition(":")[0] for name in store.scan_iter("c:*")}
    assert len(counters) == 1
    assert len(list(store.scan_iter("c:*"))) <= 2  # two where a window ended meanwhile


def test_reset_is_told_by_the_right_clock(authorizer, skewed, db, store):
    """A host that is hours ahead does not send callers away for hours too few or too many."""
    world = limited(wire.LimitGrant("day", 10_000, "day"))
    told = [
        int(one.check(world.path, world.bearer()).headers["ratelimit"].rpartition("t=")[2])
        for one in (authorizer, *skewed)
    ]
    assert max(told) - min(told) <= 60
