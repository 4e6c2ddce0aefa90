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

from analytics.aggregation import (
    ALL_TABLES,
    DAY,
    HOUR,
    MINUTE,
    SUMS,
    VALUES,
    RollupTable,
    aggregate,
    rows_of,
)
from apim.core import clock
from apim.core.locks import LockId, transaction_lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

MAX_BATCHES = 500
MAX_EVENTS = 200_000
# What charts are drawn from.
TABLES = {"minute": MINUTE, "hour": HOUR, "day": DAY}

_CLAIMED = """analytics_usageevent
    WHERE batch_id = ANY(%(batches)s) AND occurred_on BETWEEN %(first)s AND %(last)s"""


def _upsert(table: RollupTable) -> str:
    adding = ", ".join(f"{name} = old.{name} + excluded.{name}" for name in SUMS)
    return f"""
        INSERT INTO {table.name} AS old ({table.key}, {VALUES})
        {rows_of(table)}
        ORDER BY {table.key}
        ON CONFLICT ({table.key}) DO UPDATE SET {adding},
            last_at = greatest(old.last_at, excluded.last_at),
            latency = analytics_latency_merge(old.latency, excluded.latency)
    """


# Add what `aggregate` has read.
UPSERTS = tuple(_upsert(table) for table in ALL_TABLES)


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
        aggregate(_CLAIMED, window)
        with connection.cursor() as cursor:
            for statement in UPSERTS:
                cursor.execute(statement)
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
    tables = [table for table in ALL_TABLES if _keeps(table, start)]
    with transaction.atomic():
        transaction_lock(LockId.ROLL_UP)
        _require_raw(day)
        aggregate(_RAW_DAY, {"day": day})
        differing = {_short_name(table): _compare(table, start) for table in tables}
        if not check_only:
            for table in tables:
                _replace(table, start)
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
_OF_DAY = "bucket >= %(start)s AND bucket < %(end)s"


def _short_name(table: RollupTable) -> str:
    """`day` for analytics_usage_day, `facet_day` for analytics_facet_day."""
    return table.name.removeprefix("analytics_").removeprefix("usage_")


def _compare(table: RollupTable, start: datetime) -> int:
    """How many rows differ between the table and what `aggregate` has read."""
    stored = f"SELECT {table.key}, {VALUES} FROM {table.name} WHERE {_OF_DAY}"  # noqa: S608
    statement = f"""
        WITH stored AS ({stored}), fresh AS ({rows_of(table)})
        SELECT count(DISTINCT ({table.key})) FROM (
            (TABLE stored EXCEPT TABLE fresh) UNION ALL (TABLE fresh EXCEPT TABLE stored)
        ) AS different
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, _day_window(start))
        return int(cursor.fetchone()[0])


def _replace(table: RollupTable, start: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table.name} WHERE {_OF_DAY}", _day_window(start))  # noqa: S608
        cursor.execute(f"INSERT INTO {table.name} ({table.key}, {VALUES}) {rows_of(table)}")


def _day_window(start: datetime) -> dict[str, datetime]:
    return {"start": start, "end": start + timedelta(days=1)}


def waiting_days(days: Sequence[date]) -> int:
    """How many batches with events of these days are not rolled up yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM analytics_usagebatch WHERE rolled_up_at IS NULL"
            " AND first_on <= %s AND last_on >= %s",
            [max(days), min(days)],
        )
        return int(cursor.fetchone()[0])
