"""Windows against an oracle that knows nothing of calendars: it looks at clocks on the wall."""

import random
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from apim.gateway import grant_format as wire
from apim.gateway.counting import Owners, Window, calendar_window, counted

# Zones whose clocks change at midnight, by half an hour, not at all, and on a day without midnight.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]
OWNERS = Owners("org_1", "app_1", "key_1", "prod_1", "Europe/Berlin")


@cache
def day_starts(zone, year):
    """Unix seconds at which the date on the wall changes forward, found quarter by quarter."""
    wall = ZoneInfo(zone)
    first = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) - 2 * 86400
    starts, latest = {}, None
    for second in range(first, first + 371 * 86400, 900):
        date = datetime.fromtimestamp(second, wall).date()
        if latest is None or date > latest:
            starts[date] = second
            latest = date
    return starts


def expected(zone, window, now):
    """First instant of the day, week or month that `now` is in, and of the next."""
    date = datetime.fromtimestamp(now, ZoneInfo(zone)).date()
    starts = day_starts(zone, date.year)
    key = {
        "day": lambda day: day,
        "week": lambda day: day.isocalendar()[:2],
        "month": lambda day: (day.year, day.month),
    }[window]
    groups = {}
    for day, second in sorted(starts.items()):
        groups.setdefault(key(day), second)
    order = sorted(groups.values())
    start = groups[key(date)]
    return start, order[order.index(start) + 1]


@pytest.mark.parametrize("window", ["day", "week", "month"])
@pytest.mark.parametrize("zone", ZONES)
def test_days_weeks_and_months_are_those_of_the_wall_clock(zone, window):
    chance = random.Random(f"{zone} {window}")
    starts = day_starts(zone, 2026)
    instants = [chance.randrange(1_769_000_000, 1_796_000_000) for _ in range(100)]
    # The seconds around each midnight of the days on which clocks change.
    days = sorted(starts.values())[20:-40]
    changes = [at for at, then in pairwise(days) if then - at != 86400]
    instants += [at + shift for at in changes for shift in (-1, 0, 1, 3600, 86399)]
    for now in instants:
        found = calendar_window(zone, window, now)
        assert (found.start, found.end) == expected(zone, window, now), now
        assert found.start <= now < found.end
        assert calendar_window(zone, window, found.end) == Window(
            found.end, found.then, calendar_window(zone, window, found.end).then
        )


def test_days_on_which_clocks_change_have_23_and_25_hours():
    spring = int(datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp())
    autumn = int(datetime(2026, 10, 25, 12, tzinfo=UTC).timestamp())
    lengths = [
        (window.end - window.start) // 3600
        for window in (calendar_window("Europe/Berlin", "day", at) for at in (spring, autumn))
    ]
    assert lengths == [23, 25]


@pytest.mark.parametrize("zone", ZONES)
def test_hours_begin_with_the_wall_clocks_hour(zone):
    chance = random.Random(zone)
    for _ in range(200):
        now = chance.randrange(1_769_000_000, 1_796_000_000)
        found = calendar_window(zone, "hour", now)
        assert found.start <= now < found.end == found.start + 3600
        start = datetime.fromtimestamp(found.start, ZoneInfo(zone))
        here = datetime.fromtimestamp(now, ZoneInfo(zone))
        if start.utcoffset() == here.utcoffset():
            assert (start.minute, start.second, start.hour) == (0, 0, here.hour)


@pytest.mark.parametrize(("window", "length"), [("second", 1), ("minute", 60)])
def test_seconds_and_minutes_are_everybodys(window, length):
    for now in (0, 59, 60, 1_790_000_003):
        start = now // length * length
        expected_window = Window(start, start + length, start + 2 * length)
        assert calendar_window("Europe/Berlin", window, now) == expected_window


def test_fixed_windows_are_aligned_to_the_epoch():
    [one] = counted([wire.LimitGrant("x", 1, "minute", kind="fixed", every=7)], OWNERS)
    assert one.window(1000.9) == Window(840, 1260, 1680)


def test_counters_are_named_after_whose_calls_they_add_up():
    limits = [
        wire.LimitGrant("a", 5, "minute", per="key"),
        wire.LimitGrant("b", 5, "month"),
        wire.LimitGrant("c", 5, "minute", group="search"),
        wire.LimitGrant("d", 5, "day", per="organization"),
        wire.LimitGrant("e", 5, "second", kind="sliding", every=10),
        wire.LimitGrant("f", 5, kind="concurrent"),
    ]
    bound = counted(limits, OWNERS)
    assert [one.name for one in bound] == [
        "c:org_1:prod_1:day",
        "c:app_1:prod_1:concurrent",
        "c:app_1:prod_1:sliding-10-second",
        "c:app_1:prod_1:minute@search",
        "c:app_1:prod_1:month",
        "c:key_1:prod_1:minute",
    ]
