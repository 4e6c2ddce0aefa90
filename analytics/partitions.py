"""One partition of usage_event per UTC day: made ahead or on demand, dropped by age.

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
DAYS_AHEAD = 7
LOCK_TIMEOUT = "4s"

# Days whose partition this process has seen. Only a shortcut: intake looks again when it fails.
_seen: set[date] = set()


def partition_name(day: date) -> str:
    return f"{PARENT}_{day:%Y%m%d}"


def ensure_partitions(days: Iterable[date]) -> None:
    """Make the missing partitions of these days; cheap when this process knows them all."""
    missing = set(days) - _seen
    if not missing:
        return
    existing = existing_days()
    for day in sorted(missing - existing):
        _make(day)
    transaction.on_commit(lambda: _seen.update(missing | existing))


def forget_seen() -> None:
    """Look at the database again next time; a partition was dropped by another process."""
    _seen.clear()


def make_ahead() -> None:
    """Today's partition and those of the coming days."""
    today = clock.now().date()
    ensure_partitions(today + timedelta(days=offset) for offset in range(DAYS_AHEAD + 1))


def existing_days() -> set[date]:
    """Days that have an attached partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND NOT i.inhdetachpending",
            [PARENT],
        )
        return {_day_of(name) for (name,) in cursor.fetchall()}


def _day_of(name: str) -> date:
    digits = name.rpartition("_")[2]
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _make(day: date) -> None:
    """Make and attach one day's table. The CHECK spares ATTACH the scan and goes afterwards."""
    name, end = partition_name(day), day + timedelta(days=1)
    with transaction.atomic():
        transaction_lock(LockId.PARTITIONS)
        if day in existing_days():  # another process was faster
            return
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {name} (LIKE {PARENT} INCLUDING DEFAULTS INCLUDING INDEXES,"
                f" CONSTRAINT day CHECK (occurred_on >= '{day}' AND occurred_on < '{end}'))"
            )
            cursor.execute(
                f"ALTER TABLE {PARENT} ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{end}')"
            )
            cursor.execute(f"ALTER TABLE {name} DROP CONSTRAINT day")
    logger.info("made usage partition %s", name)


def drop_before(first_kept: date) -> list[date]:
    """Drop the partitions of all days before `first_kept`; returns the days dropped.

    Must run outside a transaction, as DETACH … CONCURRENTLY does.
    """
    with try_advisory_lock(LockId.PARTITIONS, key=1) as held:
        if not held:
            return []
        _finish_interrupted()
        old = sorted(day for day in existing_days() if day < first_kept)
        for day in old:
            _drop(day)
    forget_seen()
    return old


def _drop(day: date) -> None:
    name = partition_name(day)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {PARENT} DETACH PARTITION {name} CONCURRENTLY")
        cursor.execute(f"DROP TABLE {name}")
    logger.info("dropped usage partition %s", name)


def _finish_interrupted() -> None:
    """A process that died between the two steps leaves a half-detached or detached table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND i.inhdetachpending",
            [PARENT],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {PARENT} DETACH PARTITION {name} FINALIZE")
        cursor.execute(
            "SELECT relname FROM pg_class c WHERE relkind = 'r' AND relname ~ %s"
            " AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = c.oid)",
            [f"^{PARENT}_[0-9]{{8}}$"],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE {name}")
