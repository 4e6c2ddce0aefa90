"""Reads of usage, from the rollups only. Organization first; None means all, for staff.

Every function takes a handful of queries, whatever the period. Days are UTC days; a period's
bounds are moved out to those of the buckets that answer it.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils.translation import gettext as _

from analytics import query
from analytics.aggregation import DAY
from analytics.labels import Label, labels
from analytics.models import QuarantinedRecord
from analytics.reports import (
    NO_FILTERS,
    DailyCalls,
    IntakeHealth,
    Latency,
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
from apim.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from analytics.models import Facet
    from analytics.query import Selection
    from analytics.reports import Bucket, Dimension, UsageFilters
    from apim.accounts.models import Organization

__all__ = [
    "best_bucket",
    "calls_by_application",
    "intake_health",
    "key_sparklines",
    "last_used",
    "latency_series",
    "usage_by",
    "usage_series",
    "usage_totals",
]

OTHER = "other"
SHARES = (0.5, 0.9, 0.95, 0.99)
# calls, errors, billable, denied, overage, units (millionths): the order of query.SUMS.
_MEASURES = 6


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
    facet = query.facet_of(filters, group_by)
    bucket = query.usable_bucket(bucket, period, facet)
    period = query.widened(period, query.STEPS[bucket])
    buckets = query.buckets_of(period, query.STEPS[bucket])
    table = query.table_of(bucket, facet)
    selection = query.select(table, organization, period, filters, facet)
    cells = selection.rows(_series_sql(selection, group_by), top=top)
    if _has_rest(facet, group_by, filters):
        whole = query.select(TABLES[bucket], organization, period, filters)
        cells += _without_value(cells, whole.rows(_series_sql(whole, None), top=1))
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
               sum(denied)::bigint, sum(overage)::bigint, sum(units_micro)::bigint
        FROM cells JOIN ranked USING (name)
        GROUP BY 1, 2, 3 ORDER BY 1, 3
    """  # noqa: S608 - built from constants; values are parameters


def _has_rest(facet: Facet | None, dimension: Dimension | None, filters: UsageFilters) -> bool:
    """Whether calls without a value are asked for, too, because no value of the facet is chosen."""
    return facet is not None and facet == dimension and getattr(filters, facet) is None


def _without_value(
    cells: list[tuple[Any, ...]], whole: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """What is left of the whole, by bucket: a facet's rollups leave out the calls without a value."""
    known: dict[datetime, list[int]] = {}
    for _place, _name, bucket, *sums in cells:
        total = known.setdefault(bucket, [0] * _MEASURES)
        known[bucket] = [one + other for one, other in zip(total, sums, strict=True)]
    rest = [
        (
            0,
            "",
            bucket,
            *(n - m for n, m in zip(sums, known.get(bucket, [0] * _MEASURES), strict=True)),
        )
        for _place, _name, bucket, *sums in whole
    ]
    return [row for row in rest if row[3] > 0]


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
    for name, measures in values.items():
        label = Label(OTHER, _("Other")) if name is None else names[name]
        calls, errors, billable, denied, overage, units_micro = map(tuple, measures)
        units = tuple(map(query.units, units_micro))
        series.append(
            Series(label.key, label.text, calls, errors, billable, denied, overage, units)
        )
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
    timer: Timer = Timer.TOTAL,
) -> LatencySeries:
    """Latency percentiles per bucket, each off by at most 1.5 %.

    Raises InvalidInput for the upstream's or the gateway's time of a country or client.
    """
    facet = query.facet_of(filters)
    if facet is not None and timer != Timer.TOTAL:
        raise InvalidInput("of a country or client only the total time is told")
    bucket = query.usable_bucket(bucket, period, facet)
    step = query.STEPS[bucket]
    period = query.widened(period, step)
    buckets = query.buckets_of(period, step)
    table = query.table_of(bucket, facet)
    selection = query.select(table, organization, period, filters, facet)
    slots: dict[datetime, dict[int, int]] = {}
    for at, slot, calls in selection.rows(_slots_sql(selection, "r.bucket", timer)):
        slots.setdefault(at, {})[slot] = calls
    points = [percentiles_ms(slots.get(at, {}), SHARES) for at in buckets]
    p50, p90, p95, p99 = (tuple(point[index] for point in points) for index in range(4))
    is_open = _is_last_open(buckets, step)
    return LatencySeries(period, bucket, buckets, p50, p95, p99, is_open, p90)


def _slots_sql(
    selection: Selection, group: str, timer: Timer | None, *, shown: bool = False
) -> str:
    """(group, slot, calls) of a timer; None groups by timer as well: (group, timer, slot, calls).

    With `shown` only of the groups in that parameter.
    """
    source = selection.source.replace(" WHERE ", f" {query.SLOTS} WHERE ", 1)
    if timer is not None:
        source += f" AND {query.TIMER} = {timer:d}"
    if shown:
        source += f" AND {group} = ANY(%(shown)s)"
    names = group if timer is not None else f"{group}, {query.TIMER}"
    places = "1, 2" if timer is not None else "1, 2, 3"
    return f"SELECT {names}, {query.SLOT} AS slot, {query.SLOT_CALLS} {source} GROUP BY {places}"


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
               coalesce(sum(r.response_bytes), 0)::bigint, coalesce(sum(r.duration_us), 0)::bigint,
               coalesce(sum(r.units_micro), 0)::bigint, coalesce(sum(r.cost), 0)::bigint,
               coalesce(sum(r.overage), 0)::bigint, count(DISTINCT a.key_id)
        {selection.source}
        """
    )
    calls, errors_4xx, errors_5xx, denied, billable, request_bytes, response_bytes = sums[:7]
    duration_us, units_micro, cost, overage, unique_keys = sums[7:]
    slots: dict[int, dict[int, int]] = {}
    for _group, timer, slot, counted in selection.rows(_slots_sql(selection, "1", None)):
        slots.setdefault(timer, {})[slot] = counted
    total, upstream, gateway = (
        Latency(*percentiles_ms(slots.get(timer, {}), SHARES)) for timer in Timer
    )
    return UsageTotals(
        calls=calls,
        errors_4xx=errors_4xx,
        errors_5xx=errors_5xx,
        denied=denied,
        billable=billable,
        request_bytes=request_bytes,
        response_bytes=response_bytes,
        mean_ms=duration_us / calls / 1000 if calls else None,
        p50_ms=total.p50_ms,
        p90_ms=total.p90_ms,
        p95_ms=total.p95_ms,
        p99_ms=total.p99_ms,
        upstream=upstream,
        gateway=gateway,
        units=query.units(units_micro),
        cost=cost,
        overage=overage,
        unique_keys=unique_keys,
    )


def _select_totals(
    organization: Organization | None,
    period: Period,
    filters: UsageFilters,
    facet: Facet | None = None,
) -> Selection:
    facet = facet or query.facet_of(filters)
    table = query.table_for_totals(period, facet)
    widened = query.widened(period, table.length)
    return query.select(table, organization, widened, filters, facet)


_ROW_SUMS = (
    f"{query.SUMS}, sum(r.cost)::bigint, sum(r.request_bytes)::bigint,"
    " sum(r.response_bytes)::bigint, count(DISTINCT a.key_id), max(r.last_at)"
)


def usage_by(
    organization: Organization | None,
    *,
    period: Period,
    dimension: Dimension,
    filters: UsageFilters = NO_FILTERS,
    limit: int = 100,
) -> tuple[UsageRow, ...]:
    """The table behind a chart: one row per group, most calls first.

    Calls whose country or client is not known are a row of their own, the last. Raises InvalidInput
    for an unknown dimension.
    """
    facet = query.facet_of(filters, dimension)
    selection = _select_totals(organization, period, filters, facet)
    group = query.dimension_sql(dimension)
    rows = selection.rows(
        f"SELECT {group}, {_ROW_SUMS} {selection.source} GROUP BY 1 ORDER BY calls DESC, 1"
        " LIMIT %(limit)s",
        limit=limit,
    )
    slots: dict[str, dict[int, int]] = {}
    shown = [row[0] for row in rows]
    statement = _slots_sql(selection, group, Timer.TOTAL, shown=True)
    for name, slot, calls in selection.rows(statement, shown=shown):
        slots.setdefault(name, {})[slot] = calls
    if _has_rest(facet, dimension, filters):
        rest = _row_without_value(organization, selection, filters)
        if rest is not None:
            sums_of_rest, slots[""] = rest
            rows.append(sums_of_rest)
    names = labels(dimension, [row[0] for row in rows])
    return tuple(
        _usage_row(names[name], sums, percentiles_ms(slots.get(name, {}), (0.95,))[0])
        for name, *sums in rows
    )


def _usage_row(label: Label, sums: list[Any], p95_ms: float | None) -> UsageRow:
    calls, errors, billable, denied, overage, units_micro, cost, *rest = sums
    request_bytes, response_bytes, unique_keys, last_at = rest
    return UsageRow(
        key=label.key,
        label=label.text,
        within=label.within,
        calls=calls,
        errors=errors,
        denied=denied,
        billable=billable,
        request_bytes=request_bytes,
        response_bytes=response_bytes,
        p95_ms=p95_ms,
        last_at=last_at,
        units=query.units(units_micro),
        cost=cost,
        overage=overage,
        unique_keys=unique_keys,
    )


def _row_without_value(
    organization: Organization | None, selection: Selection, filters: UsageFilters
) -> tuple[tuple[Any, ...], dict[int, int]] | None:
    """The calls that a facet's rollups leave out, with their slots: the whole less what has a value."""
    start, end = selection.params["start"], selection.params["end"]
    table = query.whole_of(selection.table)
    whole = query.select(table, organization, Period(start, end), filters)
    ((*every, unique_keys, last_at),) = whole.rows(f"SELECT {_ROW_SUMS} {whole.source}")
    ((*known, _keys, _at),) = selection.rows(f"SELECT {_ROW_SUMS} {selection.source}")
    rest = [(n or 0) - (m or 0) for n, m in zip(every, known, strict=True)]
    if rest[0] <= 0:
        return None
    slots = Counter(_slots_of(whole))
    slots.subtract(_slots_of(selection))
    return ("", *rest, unique_keys, last_at), {slot: n for slot, n in slots.items() if n > 0}


def _slots_of(selection: Selection) -> dict[int, int]:
    """Calls by the slot of their total time."""
    rows = selection.rows(_slots_sql(selection, "1", Timer.TOTAL))
    return {slot: calls for _group, slot, calls in rows}


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
