"""Answers about usage: complete buckets, one organization's own, equal however they are asked."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from analytics import selectors
from analytics.intake import receive
from analytics.metering import usage_between
from analytics.reports import UsageFilters
from analytics.rollups import roll_up
from analytics.services import note_keys_used
from apim.core.clock import Period, month_of
from apim.core.errors import InvalidInput
from tests.analytics.lines import make_key, ndjson

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
TODAY = Period(
    NOW.replace(hour=0, minute=0, second=0),
    NOW.replace(hour=0, minute=0, second=0) + timedelta(days=1),
)


@pytest.fixture(autouse=True)
def fixed_now():
    with time_machine.travel(NOW, tick=False):
        yield


def use(world, lines):
    assert receive(gateway=world.gateway, body=ndjson(lines)).quarantined == 0
    while roll_up():
        pass


@pytest.fixture
def busy(world, charlie):
    """A day of mixed calls: Acme's 60 and Charlie's 20."""
    rng = random.Random(4)
    paths = ["/tides/v1/tides", "/tides/v1/tides/kiel", "/tides/v1/nowhere"]
    for customer, calls in ((world.customer, 60), (charlie, 20)):
        use(
            world,
            [
                world.line(
                    customer,
                    at=NOW - timedelta(minutes=rng.randrange(700)),
                    status=rng.choice([200, 200, 200, 404, 500]),
                    path=rng.choice(paths),
                    duration_ms=rng.randrange(1, 300),
                )
                for _ in range(calls)
            ],
        )
    return world


@pytest.mark.parametrize(
    ("bucket", "buckets"), [("minute", 12 * 60 + 35), ("hour", 13), ("day", 1)]
)
def test_a_series_has_every_bucket_up_to_the_open_one(busy, bucket, buckets):
    answer = selectors.usage_series(None, period=TODAY, bucket=bucket)
    assert len(answer.buckets) == buckets
    assert answer.is_last_open
    (series,) = answer.series
    assert (len(series.calls), sum(series.calls)) == (buckets, 80)


def test_the_series_of_nothing_is_zeros(world):
    answer = selectors.usage_series(world.customer.organization, period=TODAY)
    assert [series.calls for series in answer.series] == [(0,) * 13]
    assert selectors.usage_series(None, period=TODAY, group_by="api").series == ()


def test_a_past_period_has_no_open_bucket(busy):
    yesterday = Period(TODAY.start - timedelta(days=1), TODAY.start)
    answer = selectors.usage_series(None, period=yesterday)
    assert (len(answer.buckets), answer.is_last_open) == (24, False)


@pytest.mark.parametrize(
    "dimension",
    ["api", "version", "operation", "application", "key", "subscription", "product", "plan",
     "organization", "gateway", "environment", "status", "status_code"],
)  # fmt: skip
def test_every_split_adds_up_to_the_whole(busy, dimension):
    whole = selectors.usage_totals(None, period=TODAY)
    for top in (1, 2, 10):
        split = selectors.usage_series(None, period=TODAY, group_by=dimension, top=top)
        assert len(split.series) <= top + 1
        assert sum(series.total for series in split.series) == whole.calls == 80
        assert sum(sum(series.errors) for series in split.series) == whole.errors
        assert sum(sum(series.billable) for series in split.series) == whole.billable
    rows = selectors.usage_by(None, period=TODAY, dimension=dimension)
    assert sum(row.calls for row in rows) == 80
    assert sum(row.errors for row in rows) == whole.errors
    assert [row.calls for row in rows] == sorted((row.calls for row in rows), reverse=True)
    assert all(row.label for row in rows)


def test_a_row_names_what_it_counts(busy):
    rows = {row.label: row for row in selectors.usage_by(None, period=TODAY, dimension="operation")}
    assert set(rows) == {"GET /tides", "GET /tides/{station}", "Unattributed"}
    assert rows["GET /tides"].key == busy.list_tides.public_id
    assert {row.key for row in selectors.usage_by(None, period=TODAY, dimension="status")} == {
        "2xx", "4xx", "5xx"}  # fmt: skip


def test_an_organization_sees_its_own_calls_only(busy, charlie):
    own = charlie.organization
    assert selectors.usage_totals(own, period=TODAY).calls == 20
    (row,) = selectors.usage_by(own, period=TODAY, dimension="organization")
    assert row.label == "Charlie"
    for foreign in (
        UsageFilters(organization=busy.customer.organization.pk),
        UsageFilters(application=busy.customer.application.public_id),
        UsageFilters(key=busy.customer.key.public_id),
        UsageFilters(subscription=busy.customer.subscription.pk),
    ):
        assert selectors.usage_totals(own, period=TODAY, filters=foreign).calls == 0
        assert selectors.usage_by(own, period=TODAY, dimension="key", filters=foreign) == ()
        (series,) = selectors.usage_series(own, period=TODAY, filters=foreign).series
        assert series.total == 0
    assert set(selectors.calls_by_application(own)) == {charlie.application.pk}


def test_filters_take_public_ids_and_primary_keys_alike(busy):
    def calls(**filters):
        return selectors.usage_totals(None, period=TODAY, filters=UsageFilters(**filters)).calls

    customer = busy.customer
    for name, row in {
        "version": busy.version,
        "api": busy.version.api,
        "operation": busy.list_tides,
        "product": busy.product,
        "plan": busy.plan,
        "gateway": busy.gateway,
        "organization": customer.organization,
        "application": customer.application,
        "key": customer.key,
        "subscription": customer.subscription,
    }.items():
        assert calls(**{name: row.pk}) == calls(**{name: row.public_id}) > 0
        assert calls(**{name: f"{row.public_id}x"}) == 0
    assert calls(status_class="2xx") + calls(status_class=4) + calls(status_class="5xx") == 80
    assert calls(environment="live") == 80
    assert calls(environment="test") == 0


@pytest.mark.parametrize("status_class", ["x", "200", "", "2xx OR 1=1"])
def test_a_status_class_that_is_none_is_refused(world, status_class):
    with pytest.raises(InvalidInput):
        selectors.usage_totals(None, period=TODAY, filters=UsageFilters(status_class=status_class))


def test_an_unknown_dimension_is_refused(world):
    with pytest.raises(InvalidInput):
        selectors.usage_by(None, period=TODAY, dimension="1; DROP TABLE x")


def test_percentiles_are_within_two_percent_of_the_exact_ones(world):
    durations = [index * 3 + 1 for index in range(200)]
    use(world, [world.line(duration_ms=duration, at=NOW) for duration in durations])
    totals = selectors.usage_totals(None, period=TODAY)
    for share, answer in ((50, totals.p50_ms), (90, totals.p90_ms), (95, totals.p95_ms), (99, totals.p99_ms)):  # fmt: skip
        exact = durations[len(durations) * share // 100 - 1]
        assert abs(answer - exact) <= 0.02 * exact
    assert totals.mean_ms == pytest.approx(sum(durations) / len(durations))
    latency = selectors.latency_series(None, period=TODAY, bucket="hour")
    assert latency.p95_ms[-1] == totals.p95_ms
    assert latency.p50_ms[0] is None


def test_totals_are_the_same_from_every_table(busy):
    days = selectors.usage_totals(None, period=TODAY)
    until_now = Period(TODAY.start, NOW)
    assert selectors.usage_totals(None, period=until_now) == days
    minutes = Period(TODAY.start - timedelta(minutes=1), NOW)
    hours = Period(TODAY.start - timedelta(hours=1), NOW)
    assert selectors.usage_totals(None, period=minutes) == days
    assert selectors.usage_totals(None, period=hours) == days


def test_old_minutes_are_answered_by_hours_and_old_hours_by_days(busy):
    def bucket(days_back, asked):
        period = Period(NOW - timedelta(days=days_back), NOW - timedelta(days=days_back - 1))
        return selectors.usage_series(None, period=period, bucket=asked).bucket

    assert bucket(1, "minute") == "minute"
    assert bucket(10, "minute") == "hour"
    assert bucket(100, "minute") == bucket(100, "hour") == "day"


@pytest.mark.parametrize(
    ("span", "bucket"),
    [(timedelta(hours=1), "minute"), (timedelta(days=7), "hour"), (timedelta(days=30), "day")],
)
def test_a_chart_gets_a_readable_number_of_points(span, bucket):
    assert selectors.best_bucket(Period(NOW - span, NOW)) == bucket
    assert selectors.best_bucket(month_of(NOW)) == "day"


def test_sparklines_have_a_number_per_day_for_every_key(world):
    idle = make_key(world.customer.application)
    use(world, [world.line(at=NOW), world.line(at=NOW - timedelta(days=29), status=500),
                world.line(at=NOW - timedelta(days=30))])  # fmt: skip
    lines = selectors.key_sparklines([world.customer.key.pk, idle.pk])
    assert lines[world.customer.key.pk].calls == (1, *[0] * 28, 1)
    assert lines[world.customer.key.pk].errors == (1, *[0] * 29)
    assert lines[idle.pk].total == 0


def test_last_used_is_the_latest_call_and_reaches_the_key(world):
    key = world.customer.key
    assert selectors.last_used([key.pk]) == {}
    at = NOW - timedelta(minutes=3)
    use(world, [world.line(at=at), world.line(at=at - timedelta(hours=1))])
    assert selectors.last_used([key.pk]) == {key.pk: at}
    assert note_keys_used() == 1
    assert note_keys_used() == 0
    key.refresh_from_db()
    assert key.last_used_at == at


def test_billable_calls_are_split_by_plan_and_day(world):
    use(world, [world.line(at=NOW), world.line(at=NOW - timedelta(days=1)),
                world.line(at=NOW, plan=world.other_plan.public_id),
                world.line(at=NOW, status=500)])  # fmt: skip
    yesterday = Period(TODAY.start - timedelta(days=1), TODAY.start)
    found = {
        (one.plan_id, day.start.day): one.billable
        for day in (yesterday, TODAY)
        for one in usage_between(day, [world.customer.subscription.pk])
        if one.billable
    }
    assert found == {
        (world.plan.pk, 19): 1,
        (world.plan.pk, 20): 1,
        (world.other_plan.pk, 20): 1,
    }


def test_intake_health_counts_what_needs_a_look(world):
    line = world.line(at=NOW)
    receive(
        gateway=world.gateway,
        body=ndjson([line | {"key": "key_unknown"}, world.line(at=NOW - timedelta(hours=2)), {}]),
    )
    health = selectors.intake_health()
    assert (health.waiting_batches, health.quarantined) == (1, 1)
    assert (health.unattributed, health.late) == (1, 1)
    assert health.last_received_at == health.oldest_waiting_at == NOW


@pytest.mark.parametrize("dimension", [None, "key", "operation", "plan", "subscription"])
def test_the_number_of_queries_does_not_grow(busy, django_assert_max_num_queries, dimension):
    with django_assert_max_num_queries(2):
        selectors.usage_series(None, period=TODAY, group_by=dimension)
    with django_assert_max_num_queries(3):
        selectors.usage_by(None, period=TODAY, dimension=dimension or "api")
    with django_assert_max_num_queries(2):
        selectors.usage_totals(None, period=TODAY)


def test_filters_are_plain_values():
    filters = UsageFilters(api="api_x")
    assert replace(filters, api=None) == UsageFilters()
