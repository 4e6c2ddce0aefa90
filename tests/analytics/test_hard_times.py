"""Calls at awkward instants, with awkward ids, many times over: each counts once, where it belongs."""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connections

from analytics import rollups
from analytics.events import Flag
from analytics.formats.registry import READERS
from analytics.intake import receive
from analytics.metering import usage_between
from analytics.models import DailyRollup, QuarantinedRecord, UsageEvent
from analytics.reports import UsageFilters
from analytics.selectors import usage_totals
from apim.core.clock import Period
from tests.analytics.formats import samples
from tests.analytics.lines import ndjson

pytestmark = pytest.mark.django_db
# APIM_PERCENTILE_CALLS=120000 is the run by hand.
CALLS = int(os.environ.get("APIM_PERCENTILE_CALLS", "6000"))
SHARES = (0.5, 0.9, 0.95, 0.99)


@pytest.fixture
def deliver(world):
    def deliver(*lines):
        receipt = receive(gateway=world.gateway, body=ndjson(lines))
        while rollups.roll_up():
            pass
        return receipt

    return deliver


def test_a_leap_second_counts_in_the_day_that_it_ends(world, deliver):
    with time_machine.travel(datetime(2027, 1, 1, 0, 10, tzinfo=UTC), tick=False):
        line = world.line(id="leap") | {"ts": "2026-12-31T23:59:60Z"}
        later = world.line(id="leap-2") | {"ts": "2026-12-31T23:59:60.500+00:00"}
        assert deliver(line, later, line).accepted == 2
        assert deliver(line).duplicates == 1
        traefik = samples.but(samples.TRAEFIK, StartUTC="2026-12-31T23:59:60.25Z")
        receive(gateway=world.gateway, body=ndjson([traefik]), read=READERS["traefik"])
    assert set(UsageEvent.objects.values_list("occurred_on", flat=True)) == {date(2026, 12, 31)}
    assert UsageEvent.objects.count() == 3


@pytest.mark.parametrize("unit", [1, 1000, 1_000_000, 1_000_000_000])
def test_our_own_line_may_tell_its_time_in_any_unit_since_1970(world, deliver, unit):
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=3)
    assert deliver(world.line() | {"ts": round(at.timestamp() * unit)}).accepted == 1
    assert UsageEvent.objects.get().occurred_at == at


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (timedelta(days=35) - timedelta(minutes=1), None),
        (timedelta(days=35, minutes=1), "too_old"),
        (-timedelta(minutes=4), None),
        (-timedelta(minutes=6), "in_the_future"),
    ],
)
def test_a_call_counts_in_its_own_day_from_35_days_ago_to_5_minutes_ahead(
    world, deliver, age, code
):
    at = datetime.now(UTC) - age
    receipt = deliver(world.line(at=at))
    if code is None:
        assert receipt.accepted == 1
        row = DailyRollup.objects.get()
        assert (row.bucket.date(), row.calls) == (at.date(), 1)
        flag = Flag.SKEWED if age < timedelta(0) else Flag.LATE
        assert UsageEvent.objects.get().flags & flag
        assert rollups.rebuild_rollups(at.date(), check_only=True).is_equal
    else:
        assert receipt.quarantined == 1
        assert QuarantinedRecord.objects.get().code == code


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Pacific/Auckland", date(2026, 9, 27), 23),
    ],
)
def test_a_day_with_a_change_of_clocks_has_each_of_its_hours_once(world, deliver, zone, day, hours):
    begins = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    ends = (begins + timedelta(days=1)).replace(hour=0).astimezone(UTC)
    period = Period(begins.astimezone(UTC), ends)
    assert period.end - period.start == timedelta(hours=hours)
    with time_machine.travel(ends + timedelta(days=3), tick=False):
        # Written with the local offset, twice the same clock time in the hour that comes twice.
        at = period.start - timedelta(minutes=15)
        lines = []
        while at < period.end:
            lines.append(world.line(at=at.astimezone(ZoneInfo(zone))))
            at += timedelta(minutes=30)
        assert deliver(*lines).accepted == 2 * hours + 1
        (told,) = usage_between(period, None)
        assert told.calls == 2 * hours


ODD_IDS = ["'; DROP TABLE x; --", "%s %(id)s", "\\x00 \\N \\.", "ünïcödé-✓-𝄞", '{"a":1}', "a\u00a0b", " ", "0",
           "null", "\u202etxt", "e\u0301", "\u00e9", "A", "a", "x" * 128, "../../etc", "<script>"]  # fmt: skip
BAD_IDS = ["", "x" * 129, "a\x00b", "a\nb", "\ud800"]


def test_ids_are_compared_letter_by_letter_whatever_stands_in_them(world, deliver):
    lines = [world.line(id=one) for one in ODD_IDS]
    receipts = [deliver(*lines), deliver(*reversed(lines)), deliver(*lines[:3])]
    stored = set(UsageEvent.objects.values_list("event_id", flat=True))
    refused = {record.raw for record in QuarantinedRecord.objects.all()}
    assert len(stored) + len(refused) == len(ODD_IDS)
    assert stored <= set(ODD_IDS)
    assert {"A", "a", "e\u0301", "\u00e9", "x" * 128, "'; DROP TABLE x; --"} <= stored
    assert [receipt.accepted for receipt in receipts] == [len(stored), 0, 0]


def test_ids_that_cannot_be_are_kept_with_the_reason(world, deliver):
    receipt = deliver(*(world.line(id=one) for one in BAD_IDS))
    assert (receipt.accepted, receipt.quarantined) == (0, len(BAD_IDS))
    codes = set(QuarantinedRecord.objects.values_list("code", flat=True))
    assert codes <= {"missing_id", "invalid_id", "not_json"}


def test_rebuilding_a_day_gives_sums_keys_and_percentiles_as_they_were_live(
    world, charlie, deliver
):
    """Also of late calls, repeated ones and several deliveries of one minute."""
    rng = random.Random(5)
    noon = (datetime.now(UTC) - timedelta(days=20)).replace(
        hour=12, minute=0, second=0, microsecond=0
    )
    lines = [
        world.line(
            rng.choice([world.customer, charlie]), id=f"r{n}", status=rng.choice([200, 404, 503]),
            at=noon + timedelta(seconds=rng.uniform(-43_000, 43_000)), duration_ms=rng.expovariate(1 / 50),
            upstream_ms=rng.choice([None, 0, 7]), country=rng.choice(["DE", "", "FR"]), units="0.000001",
        )
        for n in range(400)
    ]  # fmt: skip
    for _ in range(8):
        deliver(*rng.sample(lines, 150))
    deliver(*lines)
    day = Period(noon.replace(hour=0), noon.replace(hour=0) + timedelta(days=1))

    def told():
        filters = [UsageFilters(), UsageFilters(status_class="2xx"), UsageFilters(country="DE")]
        return [usage_totals(None, period=day, filters=one) for one in filters]

    live = told()
    assert (live[0].calls, live[0].unique_keys) == (400, 2)
    assert rollups.rebuild_rollups(noon.date(), check_only=True).is_equal
    rollups.rebuild_rollups(noon.date())
    assert told() == live


SHAPES = (
    lambda rng: rng.lognormvariate(10, 2),
    lambda rng: 10 ** rng.uniform(0, 10.5),  # to nine hours
    lambda rng: rng.choice((0, 0, 1, 1, 2, 999_999)),
    lambda rng: rng.gauss(5_000, 40) if rng.random() < 0.97 else 3_600_000_000 * rng.uniform(1, 12),
    lambda rng: rng.paretovariate(0.4) * 100,
)


def test_percentiles_over_any_range_and_selection_are_off_by_two_percent_at_most(
    world, charlie, deliver
):
    rng = random.Random(20261121)
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)
    calls = []
    for _ in range(CALLS):
        took = min(int(rng.choice(SHAPES)(rng)), 7 * 86_400_000_000)
        calls.append((rng.randrange(90), rng.randrange(2), rng.choice((200, 204, 404, 500)), took))
    customers = (world.customer, charlie)
    for first in range(0, CALLS, 5000):
        deliver(
            *(
                world.line(
                    customers[who], at=start + timedelta(minutes=minute, seconds=30), status=status,
                    duration_ms=took / 1000, upstream_ms=None,
                )
                for minute, who, status, took in calls[first : first + 5000]
            )
        )  # fmt: skip
    worst = 0.0
    for _ in range(40):
        begin, end = sorted(rng.sample(range(91), 2))
        who, status_class = rng.choice((None, 0, 1)), rng.choice((None, 2, 4, 5))
        chosen = sorted(
            took for minute, by, status, took in calls
            if begin <= minute < end and who in {None, by} and status_class in {None, status // 100}
        )  # fmt: skip
        period = Period(start + timedelta(minutes=begin), start + timedelta(minutes=end))
        filters = UsageFilters(status_class=status_class and f"{status_class}xx")
        organization = None if who is None else customers[who].organization
        told = usage_totals(organization, period=period, filters=filters)
        assert told.calls == len(chosen)
        answers = (told.p50_ms, told.p90_ms, told.p95_ms, told.p99_ms)
        for share, answer in zip(SHARES, answers, strict=True):
            if chosen:
                wanted = chosen[max(0, -int(-share * len(chosen) // 1) - 1)]
                # Of a call that took no time a microsecond is told.
                worst = max(worst, abs(answer * 1000 - wanted) / max(wanted, 1) * (wanted > 0))
                assert abs(answer * 1000 - wanted) <= max(0.02 * wanted, 1)
    assert 0 < worst <= 0.02


@pytest.mark.django_db(transaction=True)
def test_one_call_delivered_a_thousand_times_at_once_counts_once(world):
    line = ndjson([world.line(id="again")] * 10)

    def send(times):
        try:
            return [receive(gateway=world.gateway, body=line) for _ in range(times)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        receipts = [one for some in pool.map(send, [10] * 10) for one in some]
    while rollups.roll_up():
        pass
    assert sum(receipt.accepted for receipt in receipts) == 1
    assert sum(receipt.duplicates for receipt in receipts) == 999
    assert DailyRollup.objects.get().calls == UsageEvent.objects.count() == 1
