"""From raw events to rollup rows, in two passes over the events whatever the number of tables.

The first pass adds up per minute and facet value, the second counts per slot of each histogram; both
leave small tables of the session, from which the rows of every rollup table are made. The same
statements serve the roll-up of new events and the rebuilding of a day, so both give the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

from analytics.models import Facet
from analytics.sketch import Timer, slot_sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MINUTES_KEPT = timedelta(hours=48)
HOURS_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class RollupTable:
    name: str
    # Length of a bucket, as PostgreSQL writes it, and as a duration.
    step: str
    length: timedelta
    kept: timedelta | None
    has_facets: bool = False

    @property
    def key(self) -> str:
        """The columns that name a row."""
        own = "attribution_id, bucket, status"
        return f"{own}, facet, value" if self.has_facets else own


MINUTE = RollupTable("analytics_usage_minute", "1 minute", timedelta(minutes=1), MINUTES_KEPT)
HOUR = RollupTable("analytics_usage_hour", "1 hour", timedelta(hours=1), HOURS_KEPT)
DAY = RollupTable("analytics_usage_day", "1 day", timedelta(days=1), None)
FACET_HOUR = RollupTable(
    "analytics_facet_hour", "1 hour", timedelta(hours=1), HOURS_KEPT, has_facets=True
)
FACET_DAY = RollupTable("analytics_facet_day", "1 day", timedelta(days=1), None, has_facets=True)
ALL_TABLES = (MINUTE, HOUR, DAY, FACET_HOUR, FACET_DAY)

SUMS = (
    "calls",
    "billable",
    "denied",
    "duration_us",
    "request_bytes",
    "response_bytes",
    "upstream_us",
    "units_micro",
    "cost",
    "overage",
)
VALUES = f"organization_id, {', '.join(SUMS)}, last_at, latency"

# UTC days have no daylight saving, so a day is a fixed step too.
_ORIGIN = "timestamptz '2000-01-01 00:00:00+00'"


def _bucket(step: str, instant: str = "at") -> str:
    return f"date_bin('{step}', {instant}, {_ORIGIN})"


_TEMPORARY = """
CREATE TEMP TABLE IF NOT EXISTS usage_sums (
    attribution_id bigint, organization_id bigint, at timestamptz, status smallint, country text,
    client text, calls bigint, billable bigint, denied bigint, duration_us bigint,
    request_bytes bigint, response_bytes bigint, upstream_us bigint, units_micro bigint,
    cost bigint, overage bigint, last_at timestamptz
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS usage_slots (
    attribution_id bigint, at timestamptz, status smallint, facet text, value text, slot bigint,
    calls bigint
) ON COMMIT DELETE ROWS;
DELETE FROM usage_sums; DELETE FROM usage_slots;
"""


def _sums(source: str) -> str:
    return f"""
        INSERT INTO usage_sums
        SELECT attribution_id, organization_id, {_bucket("1 minute", "occurred_at")}, status,
               country, user_agent, count(*), count(*) FILTER (WHERE is_billable),
               count(*) FILTER (WHERE is_denied), sum(duration_us), sum(request_bytes),
               sum(response_bytes), coalesce(sum(upstream_us), 0), sum(units_micro), sum(cost),
               count(*) FILTER (WHERE is_overage), max(occurred_at)
        FROM {source}
        GROUP BY 1, 2, 3, 4, 5, 6
    """  # noqa: S608 - fragments are constants


def _slots(source: str, facets: Collection[str]) -> str:
    """Counts per slot: three timers by minute, and by hour the total time of each facet's value."""
    hour = "hour" if facets else "NULL::timestamptz AS hour"
    client, country = (
        name if name in facets else f"NULL::text AS {name}" for name in ("client", "country")
    )
    by_facet = "".join(f", (hour, {facet}, total)" for facet in facets)
    return f"""
        INSERT INTO usage_slots
        SELECT attribution_id, coalesce(minute, hour), status,
               CASE WHEN client IS NOT NULL THEN '{Facet.CLIENT}'
                    WHEN country IS NOT NULL THEN '{Facet.COUNTRY}' END,
               coalesce(client, country), coalesce(total, upstream, own), calls
        FROM (
            SELECT attribution_id, minute, {hour}, status, {client}, {country}, total, upstream,
                   own, count(*) AS calls
            FROM (
                SELECT attribution_id, status, nullif(user_agent, '') AS client,
                       nullif(country, '') AS country,
                       {_bucket("1 minute", "occurred_at")} AS minute,
                       {_bucket("1 hour", "occurred_at")} AS hour,
                       {slot_sql("duration_us")} AS total,
                       {slot_sql("upstream_us", Timer.UPSTREAM)} AS upstream,
                       {slot_sql("duration_us - upstream_us", Timer.GATEWAY)} AS own
                FROM {source}
            ) AS timed
            GROUP BY attribution_id, status, GROUPING SETS (
                (minute, total), (minute, upstream), (minute, own){by_facet}
            )
        ) AS counted
        WHERE coalesce(total, upstream, own) IS NOT NULL
          AND (minute IS NOT NULL OR client IS NOT NULL OR country IS NOT NULL)
    """  # noqa: S608 - fragments are constants


# A gateway that knows no countries need not pay for them.
_FACETS_IN_USE = "SELECT {} FROM usage_sums".format(  # noqa: S608 - constants
    ", ".join(f"coalesce(bool_or({facet} <> ''), false)" for facet in Facet.values)
)


def aggregate(source: str, params: Mapping[str, Any]) -> None:
    """Read the events of `source` (FROM … WHERE …) into the session's tables.

    Must run in a transaction, at whose end the tables are empty again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TEMPORARY)
        cursor.execute(_sums(source), params)
        cursor.execute(_FACETS_IN_USE)
        in_use = zip(Facet.values, cursor.fetchone(), strict=True)
        facets = [facet for facet, is_in_use in in_use if is_in_use]
        cursor.execute(_slots(source, facets), params)


def rows_of(table: RollupTable) -> str:
    """SELECT of the table's rows (key, then VALUES) from what `aggregate` has read."""
    if table.has_facets:
        union = " UNION ALL ".join(
            f"SELECT *, '{facet}' AS facet, {facet} AS value FROM usage_sums WHERE {facet} <> ''"  # noqa: S608
            for facet in Facet.values
        )
        sums_from, slots_from = f"({union}) AS faceted", "usage_slots WHERE facet IS NOT NULL"
    else:
        sums_from, slots_from = "usage_sums", "usage_slots WHERE facet IS NULL"
    facets = ", facet, value" if table.has_facets else ""
    key = f"attribution_id, {_bucket(table.step)} AS bucket, status{facets}"
    adding = ", ".join(f"sum({name})::bigint AS {name}" for name in SUMS)
    places = ", ".join(str(place) for place in range(1, 4 + 2 * table.has_facets))
    return f"""
        SELECT {table.key}, {VALUES}
        FROM (
            SELECT {key}, organization_id, {adding}, max(last_at) AS last_at
            FROM {sums_from} GROUP BY {places}, organization_id
        ) AS sums JOIN (
            SELECT {table.key}, array_agg(slot << 40 | calls ORDER BY slot) AS latency
            FROM (
                SELECT {key}, slot, sum(calls)::bigint AS calls
                FROM {slots_from} GROUP BY {places}, slot
            ) AS counted
            GROUP BY {table.key}
        ) AS histograms USING ({table.key})
    """  # noqa: S608 - fragments are constants
