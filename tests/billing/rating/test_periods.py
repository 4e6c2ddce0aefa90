"""Periods follow each other without a gap, in any zone, over leap days and clock changes."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apim.core.periods import Period
from billing.rating.amounts import share_of
from billing.rating.periods import Cadence, Schedule, opening_of, trial_end

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
    "Pacific/Kiritimati",
)


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


def starts(schedule, first, count):
    period = schedule.period_at(first)
    found = []
    for _ in range(count):
        found.append(period.start.astimezone(ZoneInfo(schedule.zone)).date())
        period = schedule.following(period)
    return found


def test_calendar_months_begin_at_local_midnight():
    berlin = Schedule(zone="Europe/Berlin")
    march = berlin.period_at(at(2026, 3, 15))
    assert march == Period(at(2026, 2, 28, 23), at(2026, 3, 31, 22))
    assert (march.end - march.start) == timedelta(days=31) - timedelta(hours=1)


def test_quarters_and_years_begin_with_the_calendar():
    assert Schedule(months=3).period_at(at(2026, 5, 9)) == Period(at(2026, 4, 1), at(2026, 7, 1))
    assert Schedule(months=12).period_at(at(2026, 5, 9)) == Period(at(2026, 1, 1), at(2027, 1, 1))


def test_an_anniversary_on_the_31st_comes_back_after_short_months():
    schedule = Schedule(cadence=Cadence.ANNIVERSARY, anchor=date(2027, 12, 31))
    assert starts(schedule, at(2027, 12, 31), 5) == [
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2028, 3, 31),
        date(2028, 4, 30),
    ]


def test_a_year_from_a_leap_day():
    schedule = Schedule(cadence=Cadence.ANNIVERSARY, months=12, anchor=date(2028, 2, 29))
    assert starts(schedule, at(2028, 2, 29), 5) == [
        date(2028, 2, 29),
        date(2029, 2, 28),
        date(2030, 2, 28),
        date(2031, 2, 28),
        date(2032, 2, 29),
    ]


def test_the_31st_and_the_month_named_by_its_start():
    schedule = Schedule(cadence=Cadence.ANNIVERSARY, anchor=date(2026, 1, 31))
    for month in range(1, 13):
        period = schedule.period_starting_in(2026, month)
        assert (period.start.year, period.start.month) == (2026, month)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cadence", list(Cadence))
def test_periods_tile_time_and_hold_their_instant(zone, cadence):
    rng = random.Random(f"{zone} {cadence}")
    for _ in range(300):
        instant = at(2011, 1, 1) + timedelta(seconds=rng.randrange(20 * 366 * 86_400))
        schedule = Schedule(
            zone=zone,
            cadence=cadence,
            months=rng.choice([1, 3, 12]),
            anchor=date(2010, rng.randrange(1, 13), rng.randrange(1, 29))
            + timedelta(days=rng.randrange(40)),
        )
        period = schedule.period_at(instant)
        assert instant in period
        assert schedule.period_at(period.start) == period
        assert schedule.following(period).start == period.end
        assert schedule.period_at(period.start - timedelta(seconds=1)).end == period.start
        assert period.start.minute == period.start.second == 0


def test_a_period_never_begins_before_its_day_in_zones_off_the_hour():
    assert opening_of(date(2026, 11, 1), "Asia/Kolkata") == at(2026, 10, 31, 19)
    assert opening_of(date(2026, 11, 1), "Asia/Kathmandu") == at(2026, 10, 31, 19)


def test_a_day_whose_midnight_is_skipped_opens_with_the_change():
    # Cairo, 24 April 2026: 00:00 becomes 01:00.
    assert opening_of(date(2026, 4, 24), "Africa/Cairo") == at(2026, 4, 23, 22)


def test_shares_are_real_seconds_also_when_the_clock_changes():
    berlin = Schedule(zone="Europe/Berlin").period_at(at(2026, 3, 15))
    half = share_of(berlin, (berlin.start, berlin.start + timedelta(days=1)))
    assert (half.part, half.whole) == (86_400, 31 * 86_400 - 3600)
    assert share_of(berlin, (at(2020, 1, 1), at(2030, 1, 1))).is_whole
    assert share_of(berlin, (at(2020, 1, 1), at(2020, 2, 1))).part == 0


def test_a_trial_lasts_at_least_its_days():
    started = at(2026, 11, 1, 15)
    assert trial_end(started, 14, "UTC") == at(2026, 11, 16)
    assert trial_end(started, 14, "America/New_York") - started >= timedelta(days=14)
