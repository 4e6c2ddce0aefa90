"""One partition of each table of raw calls per UTC day: made ahead or on demand, dropped by age.

Neither holds up intake: a partition is made as a table of its own and attached (SHARE UPDATE
EXCLUSIVE on the parent), and detached concurrently before it is dropped.
https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction

from apim.core import clock
from apim.core.locks import LockId, transaction_lock, try_advisory_lock

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)

PARENT = "analytics_usageevent"
# Ids of the calls around a midnight, see analytics/redated.py.
IDS = "analytics_usageeventid"
COLUMNS = {PARENT: "occurred_on", IDS: "midnight"}
DAYS_AHEAD = 7
LOCK_TIMEOUT = "4s"

# Days whose partition this process has seen. Only a shortcut: intake looks again when it fails.
_seen: dict[str, set[date]] = {parent: set() for parent in COLUMNS}


def partition_name(day: date, parent: str = PARENT) -> str:
    return f"{parent}_{day:%Y%m%d}"


def ensure_partitions(days: Iterable[date], parent: str = PARENT) -> None:
    """Make the missing partitions of these days; cheap when this process knows them all."""
    seen = _seen[parent]
    missing = set(days) - seen
    if not missing:
        return
    existing = existing_days(parent)
    for day in sorted(missing - existing):
        _make(parent, day)
    transaction.on_commit(lambda: seen.update(missing | existing))


def forget_seen() -> None:
    """Look at the database again next time; a partition was dropped by another process."""
    for seen in _seen.values():
        seen.clear()


def make_ahead() -> None:
    """Today's partitions and those of the coming days."""
    today = clock.now().date()
    for parent in COLUMNS:
        ensure_partitions((today + timedelta(days=n) for n in range(DAYS_AHEAD + 1)), parent)


def existing_days(parent: str = PARENT) -> set[date]:
    """Days that have an attached partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND NOT i.inhdetachpending",
            [parent],
        )
        return {_day_of(name) for (name,) in cursor.fetchall()}


def _day_of(name: str) -> date:
    digits = name.rpartition("_")[2]
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _make(parent: str, day: date) -> None:
    """Make and attach one day's table. The CHECK spares ATTACH the scan and goes afterwards."""
    name, column = partition_name(day, parent), COLUMNS[parent]
    end = day + timedelta(days=1)
    with transaction.atomic():
        transaction_lock(LockId.PARTITIONS)
        if day in existing_days(parent):  # another process was faster
            return
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {name} (LIKE {parent} INCLUDING DEFAULTS INCLUDING INDEXES,"
                f" CONSTRAINT day CHECK ({column} >= '{day}' AND {column} < '{end}'))"
            )
            cursor.execute(
                f"ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{end}')"
            )
            cursor.execute(f"ALTER TABLE {name} DROP CONSTRAINT day")
    logger.info("made usage partition %s", name)


def drop_before(first_kept: date) -> list[date]:
    """Drop the partitions of all days before `first_kept`; returns the days dropped.

    Must run outside a transaction, as DETACH … CONCURRENTLY does.
    """
    dropped: set[date] = set()
    with try_advisory_lock(LockId.PARTITIONS, key=1) as held:
        if not held:
            return []
        for parent in COLUMNS:
            _finish_interrupted(parent)
            for day in sorted(existing_days(parent)):
                if day < first_kept:
                    _drop(parent, day)
                    dropped.add(day)
    forget_seen()
    return sorted(dropped)


def _drop(parent: str, day: date) -> None:
    """Waits for the transactions that use the partition, but lets all others pass."""
    name = partition_name(day, parent)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {parent} DETACH PARTITION {name} CONCURRENTLY")
        cursor.execute(f"DROP TABLE {name}")
    logger.info("dropped usage partition %s", name)


def _finish_interrupted(parent: str) -> None:
    """A process that died between the two steps leaves a half-detached or detached table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND i.inhdetachpending",
            [parent],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {parent} DETACH PARTITION {name} FINALIZE")
        cursor.execute(
            "SELECT relname FROM pg_class c WHERE relkind = 'r' AND relname ~ %s"
            " AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = c.oid)",
            [f"^{parent}_[0-9]{{8}}$"],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE {name}")
