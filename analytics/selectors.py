"""Reads of usage, from the rollups only. Organization first; None means all, for staff.

Every function takes a handful of queries, whatever the period. Days are UTC days; a period's
bounds are moved out to those of the buckets that answer it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils.translation import gettext as _

from analytics import query
from analytics.aggregation import DAY
from analytics.labels import labels
from analytics.models import QuarantinedRecord
from analytics.reports import (
    NO_FILTERS,
    BillableDay,
    DailyCalls,
    IntakeHealth,
    LatencySeries,
    Series,
    UsageRow,
    UsageSeries,
    UsageTotals,
)
from analytics.rollups import TABLES
from analytics.sketch import Timer, percentiles_ms
from apim.core import clock
from apim.core.clock import Period, last_days

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from analytics.query import Selection
    from analytics.reports import Bucket, Dimension, UsageFilters
    from apim.accounts.models import Organization

__all__ = [
    "best_bucket",
    "calls_by_application",
    "daily_billable",
    "intake_health",
    "key_sparklines",
    "last_used",
    "latency_series",
    "usage_by",
    "usage_series",
    "usage_totals",
]

OTHER = "other"
_MEASURES = 4  # calls, errors, billable, denied


def best_bucket(period: Period) -> Bucket:
    """The bucket that gives a chart of this period a readable number of points."""
    span = min(period.end, clock.now()) - period.start
    wanted: Bucket = "day"
    if span <= timedelta(hours=3):
        wanted = "minute"
    elif span <= timedelta(days=8):
        wanted = "hour"
    return query.usable_bucket(wanted, period)


def usage_series(
    organization: Organization | None,
    *,
    period: Period,
    bucket: Bucket = "hour",
    group_by: Dimension | None = None,
    filters: UsageFilters = NO_FILTERS,
    top: int = 5,
) -> UsageSeries:
    """Calls per bucket, split by `group_by`: the `top` largest groups, the rest as "other".

    The answer's bucket is coarser than asked where finer rollups are no longer kept. The bucket
    that is open now is included. Raises InvalidInput for an unknown dimension.
    """
    bucket = query.usable_bucket(bucket, period)
    period = query.widened(period, query.STEPS[bucket])
    buckets = query.buckets_of(period, query.STEPS[bucket])
    selection = query.select(TABLES[bucket], organization, period, filters)
    cells = selection.rows(_series_sql(selection, group_by), top=top)
    return UsageSeries(
        period,
        bucket,
        buckets,
        _series(cells, buckets, group_by),
        _is_last_open(buckets, query.STEPS[bucket]),
    )


def _series_sql(selection: Selection, group_by: Dimension | None) -> str:
    """(bucket, group or NULL for the rest, sums), largest group first."""
    return f"""
        WITH cells AS (
            SELECT r.bucket, {query.dimension_sql(group_by)} AS name, {query.SUMS}
            {selection.source} GROUP BY 1, 2
        ), ranked AS (
            SELECT name, row_number() OVER (ORDER BY sum(calls) DESC, name) AS place
            FROM cells GROUP BY name
        )
        SELECT least(place, %(top)s + 1) AS place, CASE WHEN place <= %(top)s THEN name END AS name,
               bucket, sum(calls)::bigint, sum(errors)::bigint, sum(billable)::bigint,
               sum(denied)::bigint
        FROM cells JOIN ranked USING (name)
        GROUP BY 1, 2, 3 ORDER BY 1, 3
    """  # noqa: S608 - built from constants; values are parameters


def _series(
    cells: list[tuple[Any, ...]], buckets: Sequence[datetime], group_by: Dimension | None
) -> tuple[Series, ...]:
    places = {bucket: index for index, bucket in enumerate(buckets)}
    values: dict[str | None, list[list[int]]] = {}
    if group_by is None:
        values[""] = _zeros(len(buckets))
    for _place, name, bucket, *sums in cells:
        measures = values.setdefault(name, _zeros(len(buckets)))
        if bucket in places:  # a gateway's clock may run ahead of ours
            for measure, amount in zip(measures, sums, strict=True):
                measure[places[bucket]] += amount
    names = labels(group_by, [name for name in values if name is not None])
    series = []
    for name, (calls, errors, billable, denied) in values.items():
        key, text = (OTHER, _("Other")) if name is None else names[name]
        amounts = (tuple(calls), tuple(errors), tuple(billable), tuple(denied))
        series.append(Series(key, text, *amounts))
    return tuple(series)


def _zeros(length: int) -> list[list[int]]:
    return [[0] * length for _measure in range(_MEASURES)]


def _is_last_open(buckets: Sequence[datetime], step: timedelta) -> bool:
    return bool(buckets) and buckets[-1] + step > clock.now()


def latency_series(
    organization: Organization | None,
    *,
    period: Period,
    bucket: Bucket = "hour",
    filters: UsageFilters = NO_FILTERS,
) -> LatencySeries:
    """Latency percentiles per bucket, each off by at most 1.5 %."""
    bucket = query.usable_bucket(bucket, period)
    step = query.STEPS[bucket]
    period = query.widened(period, step)
    buckets = query.buckets_of(period, step)
    selection = query.select(TABLES[bucket], organization, period, filters)
    slots: dict[datetime, dict[int, int]] = {}
    for at, slot, calls in selection.rows(_slots_sql(selection, "r.bucket")):
        slots.setdefault(at, {})[slot] = calls
    points = [percentiles_ms(slots.get(at, {}), (0.5, 0.95, 0.99)) for at in buckets]
    p50, p95, p99 = (tuple(point[index] for point in points) for index in range(3))
    return LatencySeries(period, bucket, buckets, p50, p95, p99, _is_last_open(buckets, step))


def _slots_sql(
    selection: Selection, group: str, *, timer: Timer = Timer.TOTAL, shown: bool = False
) -> str:
    """(group, slot, calls) of the total time; with `shown` only of the groups in that parameter."""
    source = selection.source.replace(" WHERE ", f" {query.SLOTS} WHERE ", 1)
    source += f" AND {query.TIMER} = {timer:d}"
    if shown:
        source += f" AND {group} = ANY(%(shown)s)"
    return f"SELECT {group}, {query.SLOT} AS slot, {query.SLOT_CALLS} {source} GROUP BY 1, 2"


def usage_totals(
    organization: Organization | None, *, period: Period, filters: UsageFilters = NO_FILTERS
) -> UsageTotals:
    """Sums and percentiles of a period."""
    selection = _select_totals(organization, period, filters)
    (sums,) = selection.rows(
        f"""
        SELECT coalesce(sum(r.calls), 0)::bigint,
               coalesce(sum(r.calls) FILTER (WHERE r.status / 100 = 4), 0)::bigint,
               coalesce(sum(r.calls) FILTER (WHERE r.status / 100 = 5), 0)::bigint,
               coalesce(sum(r.denied), 0)::bigint, coalesce(sum(r.billable), 0)::bigint,
               coalesce(sum(r.request_bytes), 0)::bigint,
               coalesce(sum(r.response_bytes), 0)::bigint, coalesce(sum(r.duration_us), 0)::bigint
        {selection.source}
        """
    )
    slots = {slot: calls for _, slot, calls in selection.rows(_slots_sql(selection, "1"))}
    calls, errors_4xx, errors_5xx, denied, billable, request_bytes, response_bytes, time_us = sums
    p50, p90, p95, p99 = percentiles_ms(slots, (0.5, 0.9, 0.95, 0.99))
    return UsageTotals(
        calls=calls,
        errors_4xx=errors_4xx,
        errors_5xx=errors_5xx,
        denied=denied,
        billable=billable,
        request_bytes=request_bytes,
        response_bytes=response_bytes,
        mean_ms=time_us / calls / 1000 if calls else None,
        p50_ms=p50,
        p90_ms=p90,
        p95_ms=p95,
        p99_ms=p99,
    )


def _select_totals(
    organization: Organization | None, period: Period, filters: UsageFilters
) -> Selection:
    table = query.table_for_totals(period)
    return query.select(table, organization, query.widened(period, query.step_of(table)), filters)


def usage_by(
    organization: Organization | None,
    *,
    period: Period,
    dimension: Dimension,
    filters: UsageFilters = NO_FILTERS,
    limit: int = 100,
) -> tuple[UsageRow, ...]:
    """The table behind a chart: one row per group, most calls first.

    Raises InvalidInput for an unknown dimension.
    """
    selection = _select_totals(organization, period, filters)
    group = query.dimension_sql(dimension)
    rows = selection.rows(
        f"""
        SELECT {group}, {query.SUMS}, sum(r.request_bytes)::bigint, sum(r.response_bytes)::bigint,
               max(r.last_at)
        {selection.source} GROUP BY 1 ORDER BY calls DESC, 1 LIMIT %(limit)s
        """,
        limit=limit,
    )
    slots: dict[str, dict[int, int]] = {}
    shown = [row[0] for row in rows]
    for name, slot, calls in selection.rows(_slots_sql(selection, group, shown=True), shown=shown):
        slots.setdefault(name, {})[slot] = calls
    names = labels(dimension, shown)
    return tuple(
        UsageRow(
            *names[name],
            calls,
            errors,
            denied,
            billable,
            request_bytes,
            response_bytes,
            percentiles_ms(slots.get(name, {}), (0.95,))[0],
            last_at,
        )
        for name, calls, errors, billable, denied, request_bytes, response_bytes, last_at in rows
    )


def key_sparklines(key_ids: Iterable[int], days: int = 30) -> dict[int, DailyCalls]:
    """Calls per day of each key (primary keys), today last; every asked key is in the answer."""
    wanted = list(key_ids)
    rows = _daily("a.key_id", "a.key_id = ANY(%(ids)s)", days, ids=wanted)
    empty = DailyCalls((0,) * days, (0,) * days)
    return {pk: rows.get(pk, empty) for pk in wanted}


def calls_by_application(organization: Organization, days: int = 7) -> dict[int, DailyCalls]:
    """Calls per day of each application that was called, by primary key."""
    condition = "r.organization_id = %(own)s AND a.application_id IS NOT NULL"
    return _daily("a.application_id", condition, days, own=organization.pk)


def _daily(group: str, condition: str, days: int, **params: Any) -> dict[int, DailyCalls]:
    period = last_days(days)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {group}, r.bucket, sum(r.calls)::bigint,
                   coalesce(sum(r.calls) FILTER (WHERE r.status >= 400), 0)::bigint
            FROM {DAY.name} r JOIN analytics_attribution a ON a.id = r.attribution_id
            WHERE r.bucket >= %(start)s AND r.bucket < %(end)s AND {condition} GROUP BY 1, 2
            """,  # noqa: S608
            {"start": period.start, "end": period.end, **params},
        )
        rows = cursor.fetchall()
    counted: dict[int, tuple[list[int], list[int]]] = {}
    for pk, bucket, calls, errors in rows:
        of_key = counted.setdefault(pk, ([0] * days, [0] * days))
        place = (bucket - period.start).days
        of_key[0][place], of_key[1][place] = calls, errors
    return {pk: DailyCalls(tuple(calls), tuple(errors)) for pk, (calls, errors) in counted.items()}


def last_used(key_ids: Iterable[int]) -> dict[int, datetime]:
    """When each key (primary keys) was last seen at a gateway, denied calls included."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.key_id, max(r.last_at) FROM {DAY.name} r"  # noqa: S608
            " JOIN analytics_attribution a ON a.id = r.attribution_id"
            " WHERE a.key_id = ANY(%s) GROUP BY 1",
            [list(key_ids)],
        )
        return dict(cursor.fetchall())


def daily_billable(
    subscription_ids: Iterable[int] | None, period: Period
) -> tuple[BillableDay, ...]:
    """Billable live calls per subscription, plan and UTC day; None asks for all subscriptions.

    The plan is the one that applied to the calls, so a change of plan splits the subscription.
    """
    params: dict[str, Any] = {"start": period.start, "end": period.end}
    condition = "a.subscription_id IS NOT NULL"
    if subscription_ids is not None:
        condition = "a.subscription_id = ANY(%(ids)s)"
        params["ids"] = list(subscription_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT a.subscription_id, a.plan_id, a.product_id, a.organization_id, r.bucket,
                   sum(r.billable)::bigint
            FROM {DAY.name} r JOIN analytics_attribution a ON a.id = r.attribution_id
            WHERE r.bucket >= %(start)s AND r.bucket < %(end)s AND r.billable > 0
              AND a.environment = 'live' AND {condition}
            GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 5
            """,  # noqa: S608
            params,
        )
        return tuple(
            BillableDay(subscription, plan, product, organization, bucket.date(), calls)
            for subscription, plan, product, organization, bucket, calls in cursor.fetchall()
        )


def intake_health() -> IntakeHealth:
    """Whether usage arrives and is counted, for the publisher's side."""
    today = clock.now().date()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), min(received_at) FROM analytics_usagebatch WHERE rolled_up_at IS NULL"
        )
        waiting, oldest = cursor.fetchone()
        cursor.execute(
            "SELECT count(*) FILTER (WHERE flags & 4 > 0), count(*) FILTER (WHERE flags & 1 > 0)"
            " FROM analytics_usageevent WHERE occurred_on = %s AND flags > 0",
            [today],
        )
        unattributed, late = cursor.fetchone()
        cursor.execute("SELECT received_at FROM analytics_usagebatch ORDER BY id DESC LIMIT 1")
        last_received_at = next(iter(cursor.fetchone() or ()), None)
    quarantined = QuarantinedRecord.objects.waiting().count()
    return IntakeHealth(waiting, oldest, quarantined, unattributed, late, last_received_at)
