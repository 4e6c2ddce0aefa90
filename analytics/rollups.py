"""Raw events become sums per minute, hour and day, each event exactly once.

One transaction claims waiting batches, adds their events to the three tables and marks the batches:
a process that dies leaves everything or nothing behind. Workers share the batches by SKIP LOCKED
and write in key order, so that they wait for each other's rows instead of deadlocking.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction

from analytics.sketch import SLOT_SQL
from apim.core import clock
from apim.core.locks import LockId, transaction_lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

MAX_BATCHES = 200
MAX_EVENTS = 100_000
MINUTES_KEPT = timedelta(hours=48)
HOURS_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class RollupTable:
    name: str
    # Length of a bucket, as PostgreSQL writes it.
    step: str
    kept: timedelta | None


MINUTE = RollupTable("analytics_usage_minute", "1 minute", MINUTES_KEPT)
HOUR = RollupTable("analytics_usage_hour", "1 hour", HOURS_KEPT)
DAY = RollupTable("analytics_usage_day", "1 day", None)
TABLES = {"minute": MINUTE, "hour": HOUR, "day": DAY}

_KEY = "attribution_id, bucket, status"
_SUMS = ("calls", "billable", "denied", "duration_us", "request_bytes", "response_bytes")
_VALUES = f"organization_id, {', '.join(_SUMS)}, last_at, latency"
# UTC days have no daylight saving, so a day is a fixed step too.
_ORIGIN = "timestamptz '2000-01-01 00:00:00+00'"


def _aggregate(table: RollupTable, source: str) -> str:
    """SELECT of rollup rows from the events in `source`: first per slot, then per key."""
    return f"""
        SELECT {_KEY}, organization_id,
               sum(calls)::bigint AS calls, sum(billable)::bigint AS billable,
               sum(denied)::bigint AS denied, sum(duration_us)::bigint AS duration_us,
               sum(request_bytes)::bigint AS request_bytes,
               sum(response_bytes)::bigint AS response_bytes,
               max(last_at) AS last_at, array_agg(slot << 40 | calls ORDER BY slot) AS latency
        FROM (
            SELECT attribution_id, date_bin('{table.step}', occurred_at, {_ORIGIN}) AS bucket,
                   status, organization_id, {SLOT_SQL} AS slot, count(*) AS calls,
                   count(*) FILTER (WHERE is_billable) AS billable,
                   count(*) FILTER (WHERE is_denied) AS denied, sum(duration_us) AS duration_us,
                   sum(request_bytes) AS request_bytes, sum(response_bytes) AS response_bytes,
                   max(occurred_at) AS last_at
            FROM {source}
            GROUP BY 1, 2, 3, 4, 5
        ) AS slots
        GROUP BY attribution_id, bucket, status, organization_id
    """  # noqa: S608 - fragments are constants of this module


def _upsert(table: RollupTable) -> str:
    source = """analytics_usageevent
            WHERE batch_id = ANY(%(batches)s)
              AND occurred_on BETWEEN %(first)s AND %(last)s"""
    adding = ", ".join(f"{name} = old.{name} + excluded.{name}" for name in _SUMS)
    return f"""
        INSERT INTO {table.name} AS old ({_KEY}, {_VALUES})
        {_aggregate(table, source)}
        ORDER BY {_KEY}
        ON CONFLICT ({_KEY}) DO UPDATE SET {adding},
            last_at = greatest(old.last_at, excluded.last_at),
            latency = analytics_latency_merge(old.latency, excluded.latency)
    """


_UPSERTS = tuple(_upsert(table) for table in TABLES.values())


def roll_up(*, max_batches: int = MAX_BATCHES) -> int:
    """Add waiting batches to the rollups; returns how many. Call again until it returns 0."""
    with transaction.atomic():
        _share_lock_with_rebuild()
        claimed = _claim(max_batches)
        if not claimed:
            return 0
        batches = [pk for pk, _, _ in claimed]
        window: dict[str, list[int] | date] = {
            "batches": batches,
            "first": min(first for _, first, _ in claimed),
            "last": max(last for _, _, last in claimed),
        }
        with connection.cursor() as cursor:
            for statement in _UPSERTS:
                cursor.execute(statement, window)
            cursor.execute(
                "UPDATE analytics_usagebatch SET rolled_up_at = %s WHERE id = ANY(%s)",
                [clock.now(), batches],
            )
    return len(batches)


def _claim(max_batches: int) -> list[tuple[int, date, date]]:
    """Waiting batches that no other worker holds, oldest first, about MAX_EVENTS together."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, first_on, last_on, accepted FROM analytics_usagebatch"
            " WHERE rolled_up_at IS NULL ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
            [max_batches],
        )
        rows = cursor.fetchall()
    claimed, events = [], 0
    for pk, first, last, accepted in rows:
        claimed.append((pk, first, last))
        events += accepted
        if events >= MAX_EVENTS:
            break
    return claimed


def _share_lock_with_rebuild() -> None:
    """Roll-ups run beside each other, but not while a day is rebuilt."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, 0)", [int(LockId.ROLL_UP)])


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """Rows that differ between stored and recomputed rollups, by table."""

    differing: dict[str, int]
    rebuilt: bool

    @property
    def is_equal(self) -> bool:
        return not any(self.differing.values())


def rebuild_rollups(day: date, *, check_only: bool = False) -> RebuildResult:
    """Recompute a UTC day's rollups from its raw events, compare, and replace unless `check_only`.

    Only tables that still keep that day are looked at. Raises ValueError when the day's raw events
    are gone: the rollups are all that is left of it.
    """
    start = datetime.combine(day, time.min, tzinfo=UTC)
    tables = {name: table for name, table in TABLES.items() if _keeps(table, start)}
    with transaction.atomic():
        transaction_lock(LockId.ROLL_UP)
        _require_raw(day)
        differing = {name: _compare(table, day, start) for name, table in tables.items()}
        if not check_only:
            for table in tables.values():
                _replace(table, day, start)
    return RebuildResult(differing, rebuilt=not check_only)


def _keeps(table: RollupTable, start: datetime) -> bool:
    return table.kept is None or start >= clock.now() - table.kept


def _require_raw(day: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM analytics_usageevent WHERE occurred_on = %s)", [day]
        )
        if not cursor.fetchone()[0]:
            raise ValueError(f"no raw events of {day} are kept")


_RAW_DAY = """(SELECT e.* FROM analytics_usageevent e
             JOIN analytics_usagebatch b ON b.id = e.batch_id
             WHERE e.occurred_on = %(day)s AND b.rolled_up_at IS NOT NULL) AS rolled"""


def _compare(table: RollupTable, day: date, start: datetime) -> int:
    columns = f"{_KEY}, {_VALUES}"
    stored = (
        f"SELECT {columns} FROM {table.name}"  # noqa: S608
        " WHERE bucket >= %(start)s AND bucket < %(end)s"
    )
    fresh = f"SELECT {columns} FROM ({_aggregate(table, _RAW_DAY)}) AS fresh"  # noqa: S608
    statement = f"""
        WITH stored AS ({stored}), fresh AS ({fresh})
        SELECT count(DISTINCT ({_KEY})) FROM (
            (TABLE stored EXCEPT TABLE fresh) UNION ALL (TABLE fresh EXCEPT TABLE stored)
        ) AS different
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, _day_window(day, start))
        return int(cursor.fetchone()[0])


def _replace(table: RollupTable, day: date, start: datetime) -> None:
    window = _day_window(day, start)
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table.name} WHERE bucket >= %(start)s AND bucket < %(end)s",  # noqa: S608
            window,
        )
        cursor.execute(
            f"INSERT INTO {table.name} ({_KEY}, {_VALUES}) {_aggregate(table, _RAW_DAY)}",
            window,
        )


def _day_window(day: date, start: datetime) -> dict[str, date | datetime]:
    return {"day": day, "start": start, "end": start + timedelta(days=1)}


def waiting_days(days: Sequence[date]) -> int:
    """How many batches with events of these days are not rolled up yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM analytics_usagebatch WHERE rolled_up_at IS NULL"
            " AND first_on <= %s AND last_on >= %s",
            [max(days), min(days)],
        )
        return int(cursor.fetchone()[0])
