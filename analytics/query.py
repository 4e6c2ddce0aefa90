"""SQL over the rollups: which table answers a period, and which rows of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection

from analytics.aggregation import DAY, FACET_DAY, FACET_HOUR, HOUR, MINUTE, RollupTable
from analytics.events import MICRO
from analytics.models import Facet
from analytics.rollups import TABLES
from analytics.sketch import COUNT_BITS, SLOTS_PER_TIMER, TIMER_BITS
from apim.accounts.models import Organization
from apim.catalog.models import Api, ApiVersion, Operation, Plan, Product
from apim.core import clock
from apim.core.clock import Period
from apim.core.errors import InvalidInput
from apim.gateway.models import Gateway
from apim.keys.models import ApiKey, Application, Subscription

if TYPE_CHECKING:
    from django.db.models import Model

    from analytics.reports import Bucket, Dimension, Ref, UsageFilters

STEPS: dict[Bucket, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
COARSER: dict[Bucket, Bucket] = {"minute": "hour", "hour": "day"}
MAX_BUCKETS = 3000
_ZERO = datetime(2000, 1, 1, tzinfo=UTC)

# Filter and dimension -> the model that the attribution's column names.
MODELS: dict[str, type[Model]] = {
    "api": Api,
    "version": ApiVersion,
    "operation": Operation,
    "application": Application,
    "key": ApiKey,
    "subscription": Subscription,
    "product": Product,
    "plan": Plan,
    "organization": Organization,
    "gateway": Gateway,
}
DIMENSIONS: dict[str, str] = {
    **{name: f"a.{name}_id" for name in MODELS},
    "organization": "r.organization_id",
    "environment": "a.environment",
    "status": "r.status / 100",
    "status_code": "r.status",
    "method": "a.method",
    **dict.fromkeys(Facet.values, "r.value"),
}
# Where usage by a facet stands; it has no minutes.
_FACETED = {MINUTE: FACET_HOUR, HOUR: FACET_HOUR, DAY: FACET_DAY}
SUMS = (
    "sum(r.calls)::bigint AS calls,"
    " coalesce(sum(r.calls) FILTER (WHERE r.status >= 400), 0)::bigint AS errors,"
    " sum(r.billable)::bigint AS billable, sum(r.denied)::bigint AS denied,"
    " sum(r.overage)::bigint AS overage, sum(r.units_micro)::bigint AS units_micro"
)
# Unrolls the latency histogram: one row per timer and slot with its calls.
SLOTS = "CROSS JOIN LATERAL unnest(r.latency) AS element"
SLOT = f"(element >> {COUNT_BITS} & {SLOTS_PER_TIMER - 1})"
TIMER = f"(element >> {TIMER_BITS})"
SLOT_CALLS = f"sum(element & {2**COUNT_BITS - 1})::bigint"


def dimension_sql(dimension: Dimension | None) -> str:
    """The group's name as text; empty for what is attributed to nothing."""
    if dimension is None:
        return "''"
    if dimension not in DIMENSIONS:
        raise InvalidInput(f"usage cannot be grouped by {dimension}")
    return f"coalesce(({DIMENSIONS[dimension]})::text, '')"


@dataclass(frozen=True, slots=True)
class Selection:
    """FROM and WHERE of a query over one rollup table, `r`, with its attributions, `a`."""

    table: RollupTable
    source: str
    params: dict[str, Any]

    def rows(self, statement: str, **params: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**self.params, **params})
            return list(cursor.fetchall())


def facet_of(filters: UsageFilters, dimension: Dimension | None = None) -> Facet | None:
    """The facet that a question is about. Raises InvalidInput when it is about both."""
    asked = {name for name in Facet.values if getattr(filters, name) is not None}
    if dimension in Facet.values:
        asked.add(dimension)
    if len(asked) > 1:
        raise InvalidInput("usage is told by country or by client, not by both at once")
    return Facet(asked.pop()) if asked else None


def table_of(bucket: Bucket, facet: Facet | None) -> RollupTable:
    return _FACETED[TABLES[bucket]] if facet else TABLES[bucket]


def whole_of(table: RollupTable) -> RollupTable:
    """The table of all calls with the buckets of a faceted one."""
    return HOUR if table is FACET_HOUR else DAY


def units(micro: int) -> Decimal:
    """Measured units, exactly."""
    return Decimal(micro) / MICRO


def select(
    table: RollupTable,
    organization: Organization | None,
    period: Period,
    filters: UsageFilters,
    facet: Facet | None = None,
) -> Selection:
    """Rows of `table` inside the period that the filters let through, of one organization or all.

    `facet` goes with a table that has facets.
    """
    params: dict[str, Any] = {"start": period.start, "end": period.end}
    conditions = ["r.bucket >= %(start)s", "r.bucket < %(end)s"]
    if facet is not None:
        conditions.append("r.facet = %(facet)s")
        params["facet"] = str(facet)
        if (value := getattr(filters, facet)) is not None:
            conditions.append("r.value = %(value)s")
            params["value"] = value
    if organization is not None:
        conditions.append("r.organization_id = %(own)s")
        params["own"] = organization.pk
    for name, model in MODELS.items():
        value = getattr(filters, name)
        if value is not None:
            conditions.append(_equals(DIMENSIONS[name], name, model, value))
            params[name] = value
    if filters.environment is not None:
        conditions.append("a.environment = %(environment)s")
        params["environment"] = filters.environment
    if filters.method is not None:
        conditions.append("a.method = %(method)s")
        params["method"] = filters.method
    if filters.status_class is not None:
        conditions.append("r.status / 100 = %(status_class)s")
        params["status_class"] = _status_class(filters.status_class)
    source = (
        f"FROM {table.name} r JOIN analytics_attribution a ON a.id = r.attribution_id"
        f" WHERE {' AND '.join(conditions)}"
    )
    return Selection(table, source, params)


def _equals(column: str, name: str, model: type[Model], value: Ref) -> str:
    if isinstance(value, int):
        return f"{column} = %({name})s"
    table = model._meta.db_table
    return f"{column} = (SELECT id FROM {table} WHERE public_id = %({name})s)"  # noqa: S608


def _status_class(value: Ref) -> int:
    text = str(value)
    if not text[:1].isdigit() or text[1:] not in {"", "xx"}:
        raise InvalidInput("a status class is written 2xx, 4xx or 5xx")
    return int(text[0])


def floor(instant: datetime, step: timedelta) -> datetime:
    """The first instant of the bucket around `instant`."""
    return instant - (instant - _ZERO) % step


def widened(period: Period, step: timedelta) -> Period:
    """The period with its bounds moved out to the bounds of buckets."""
    end = floor(period.end, step)
    return Period(floor(period.start, step), end if end == period.end else end + step)


def usable_bucket(bucket: Bucket, period: Period, facet: Facet | None = None) -> Bucket:
    """The asked bucket, or a coarser one where the rollups no longer go back so far."""
    if facet is not None and bucket == "minute":
        bucket = "hour"
    while bucket in COARSER:
        kept = TABLES[bucket].kept
        reaches = kept is None or period.start >= clock.now() - kept
        if reaches and (period.end - period.start) / STEPS[bucket] <= MAX_BUCKETS:
            return bucket
        bucket = COARSER[bucket]
    return bucket


def buckets_of(period: Period, step: timedelta) -> tuple[datetime, ...]:
    """First instants of the period's buckets, up to the one that is open now."""
    end = min(period.end, clock.now())
    count = max(0, -(-(end - period.start) // step))
    return tuple(period.start + index * step for index in range(count))


def table_for_totals(period: Period, facet: Facet | None = None) -> RollupTable:
    """The coarsest table that has the period's bounds, else the finest that reaches back so far."""
    now = clock.now()
    for table in (DAY, HOUR, MINUTE):
        fits_end = period.end >= now or floor(period.end, table.length) == period.end
        kept = table.kept is None or period.start >= now - table.kept
        if kept and fits_end and floor(period.start, table.length) == period.start:
            return _FACETED[table] if facet else table
    return table_of(usable_bucket("minute", period), facet)
