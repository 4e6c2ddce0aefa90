"""Every measure, by every dimension, from what a gateway reported to what is told about it."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from analytics import clients, rollups
from analytics.events import Refused, country_code, units_micro
from analytics.intake import receive
from analytics.models import (
    Attribution,
    ClientFamily,
    DailyFacetRollup,
    DailyRollup,
    HourlyFacetRollup,
    KeySighting,
    UsageEvent,
)
from analytics.reports import UsageFilters
from analytics.selectors import latency_series, usage_by, usage_series, usage_totals
from analytics.sketch import Timer, slot_of, slot_sql
from apim.core.clock import Period
from apim.core.errors import InvalidInput
from tests.analytics.lines import ndjson

pytestmark = pytest.mark.django_db

NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
DAY = Period(NOON.replace(hour=0), NOON.replace(hour=0) + timedelta(days=1))


@pytest.fixture
def deliver(world):
    def deliver(*lines):
        receipt = receive(gateway=world.gateway, body=ndjson(lines))
        while rollups.roll_up():
            pass
        return receipt

    return deliver


def test_units_cost_and_overage_add_up_exactly(world, deliver):
    deliver(
        world.line(at=NOON, units="0.1", cost=5),
        world.line(at=NOON, units=0.2, cost=0, overage="month"),
        world.line(at=NOON, units="1000000000000", overage="-"),
        world.line(at=NOON),
    )
    totals = usage_totals(world.customer.organization, period=DAY)
    assert totals.units == Decimal("1000000000000.3")
    assert (totals.cost, totals.overage, totals.calls) == (5 + 0 + 1 + 1, 1, 4)
    (row,) = usage_by(None, period=DAY, dimension="key")
    assert (row.units, row.cost, row.overage) == (totals.units, 7, 1)
    (series,) = usage_series(None, period=DAY, bucket="day").series
    assert (series.units, series.overage) == ((totals.units,), (1,))


@pytest.mark.parametrize("units", ["-1", "1e999999999", "NaN", "0.0000001", "many", "2e12"])
def test_units_that_are_no_count_are_refused(units):
    with pytest.raises(Refused, match="units"):
        units_micro(units)


def test_a_record_with_impossible_units_is_kept_and_the_others_count(world, deliver):
    receipt = deliver(world.line(units="many"), world.line(units="2"))
    assert (receipt.accepted, receipt.quarantined) == (1, 1)


def test_percentiles_of_every_timer_are_off_by_two_percent_at_most(world, deliver):
    rng = random.Random(11)
    calls = [(rng.lognormvariate(3, 1), rng.lognormvariate(0, 1)) for _ in range(400)]
    deliver(
        *(
            world.line(at=NOON, duration_ms=upstream + own, upstream_ms=upstream)
            for upstream, own in calls
        )
    )
    totals = usage_totals(None, period=DAY)
    exact = {
        totals.upstream: sorted(upstream for upstream, _ in calls),
        totals.gateway: sorted(own for _, own in calls),
    }
    for told, values in exact.items():
        for share, answer in ((0.5, told.p50_ms), (0.95, told.p95_ms), (0.99, told.p99_ms)):
            wanted = values[int(share * len(values)) - 1]
            # Microseconds are cut off, which a call of a few of them feels.
            assert abs(answer - wanted) <= 0.02 * wanted + 0.002
    (point,) = latency_series(None, period=DAY, bucket="day", timer=Timer.UPSTREAM).p95_ms
    assert point == totals.upstream.p95_ms


def test_a_call_that_never_got_to_the_upstream_has_a_total_time_only(world, deliver):
    deliver(world.line(at=NOON, upstream_ms=None, status=429, decision="denied:limit_exceeded"))
    totals = usage_totals(None, period=DAY)
    assert totals.p50_ms is not None
    assert (totals.upstream.p50_ms, totals.gateway.p50_ms) == (None, None)


@pytest.mark.parametrize("timer", list(Timer))
def test_timers_have_slots_of_their_own(timer):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {slot_sql('d', timer)} FROM (SELECT 5000::bigint AS d) AS one")  # noqa: S608
        assert cursor.fetchone() == (timer * 4096 + slot_of(5000),)


def test_methods_are_told_apart_and_made_up_ones_are_one_group(world, deliver):
    deliver(
        world.line(at=NOON),
        world.line(at=NOON, method="post"),
        *(world.line(at=NOON, method=f"HACK{n}") for n in range(3)),
    )
    rows = usage_by(None, period=DAY, dimension="method")
    assert [(row.key, row.calls) for row in rows] == [("OTHER", 3), ("GET", 1), ("POST", 1)]
    assert set(Attribution.objects.values_list("method", flat=True)) == {"GET", "POST", "OTHER"}
    assert usage_totals(None, period=DAY, filters=UsageFilters(method="POST")).calls == 1


def test_countries_and_clients_split_the_calls_and_the_rest_is_unknown(world, deliver):
    deliver(
        world.line(at=NOON, country="de", user_agent="curl/8"),
        world.line(at=NOON, country="DE", user_agent="okhttp/4", status=500),
        world.line(at=NOON, country="FR", user_agent=None),
        world.line(at=NOON, country="T1", user_agent="curl/7", duration_ms=900),
    )
    rows = usage_by(world.customer.organization, period=DAY, dimension="country")
    assert [(row.key, row.calls, row.errors) for row in rows] == [
        ("DE", 2, 1),
        ("FR", 1, 0),
        ("", 1, 0),
    ]
    assert [row.p95_ms for row in rows] == pytest.approx([12, 12, 900], rel=0.02)
    rows = usage_by(None, period=DAY, dimension="client")
    assert [(row.key, row.calls) for row in rows] == [("curl", 2), ("okhttp", 1), ("", 1)]
    narrowed = UsageFilters(country="DE", key=world.customer.key.pk)
    assert usage_totals(None, period=DAY, filters=narrowed).calls == 2
    germany = UsageFilters(country="DE")
    (only,) = usage_by(None, period=DAY, dimension="country", filters=germany)
    (alone,) = usage_series(None, period=DAY, group_by="country", filters=germany).series
    assert (only.key, only.calls, alone.key, alone.total) == ("DE", 2, "DE", 2)
    series = usage_series(None, period=DAY, bucket="hour", group_by="country", top=1)
    assert {part.key: part.total for part in series.series} == {"DE": 2, "other": 1, "": 1}


def test_of_a_country_and_a_client_only_one_can_be_asked(world):
    with pytest.raises(InvalidInput):
        usage_by(None, period=DAY, dimension="client", filters=UsageFilters(country="DE"))


def test_another_organization_sees_nothing_of_a_facet(world, charlie, deliver):
    deliver(world.line(at=NOON, country="DE"))
    assert usage_by(charlie.organization, period=DAY, dimension="country") == ()


@pytest.mark.parametrize(
    ("reported", "code"), [("de", "DE"), (" US ", "US"), ("XX", ""), ("T1", ""), ("Germany", "")]
)
def test_a_country_is_two_letters_or_unknown(reported, code):
    assert country_code(reported) == code


def test_callers_cannot_make_up_clients_without_end(world, monkeypatch, deliver):
    monkeypatch.setattr(clients, "_ADMIT", clients._ADMIT.replace("1000 -", "3 -"))
    monkeypatch.setattr(clients, "_admitted", set())
    deliver(*(world.line(at=NOON, user_agent=f"client{n}x") for n in range(9)))
    assert ClientFamily.objects.count() == 3
    assert UsageEvent.objects.filter(user_agent=clients.OTHER).count() == 6


def test_unique_keys_are_counted_over_any_selection(world, charlie, deliver):
    deliver(
        *(world.line(at=NOON) for _ in range(5)),
        *(world.line(charlie, at=NOON) for _ in range(2)),
    )
    assert usage_totals(None, period=DAY).unique_keys == 2
    assert usage_totals(charlie.organization, period=DAY).unique_keys == 1
    (row,) = usage_by(None, period=DAY, dimension="version")
    assert row.unique_keys == 2


def test_facets_are_rebuilt_equal_and_a_difference_is_seen(world, deliver):
    for n in range(4):
        at = NOON + timedelta(minutes=47 * n)
        deliver(*(world.line(at=at, country=c, units="1.5") for c in ("DE", "FR", None)))
    day = NOON.date()
    assert rollups.rebuild_rollups(day, check_only=True).is_equal
    HourlyFacetRollup.objects.filter(value="DE").delete()
    DailyFacetRollup.objects.filter(value="FR").update(calls=9)
    result = rollups.rebuild_rollups(day)
    assert (result.differing["facet_hour"] > 0, result.differing["facet_day"]) == (True, 1)
    assert rollups.rebuild_rollups(day, check_only=True).is_equal
    assert DailyRollup.objects.get().units_micro == 12 * 1_500_000


def test_the_address_that_a_key_called_from_is_noted(world, deliver, monkeypatch):
    monkeypatch.setattr("analytics.sightings._next", {})
    deliver(world.line(ip="2001:db8::1"), world.line(ip="not an address", key=None))
    sighting = KeySighting.objects.get()
    assert (sighting.key_id, sighting.ip) == (world.customer.key.pk, "2001:db8::1")
    assert sighting.gateway_id == world.gateway.pk
