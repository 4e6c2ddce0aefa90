"""What is dropped by age: raw events and their batches, minute and hour rollups, old quarantine."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from analytics import partitions
from analytics.aggregation import ALL_TABLES
from apim.core import clock

if TYPE_CHECKING:
    from datetime import datetime

QUARANTINE_KEPT = timedelta(days=90)
CHUNK = 20_000


def drop_old_usage() -> None:
    """Apply every retention rule once. Safe to repeat; must run outside a transaction."""
    now = clock.now()
    raw_kept = timedelta(days=settings.APIM_USAGE_RETENTION_DAYS)
    partitions.drop_before((now - raw_kept).date())
    for table in ALL_TABLES:
        if table.kept is not None:
            _delete_in_chunks(table.name, "bucket < %s", now - table.kept)
    # A batch outlives its events, which carry its id and say by it when they were received.
    _delete_in_chunks(
        "analytics_usagebatch",
        "received_at < %s AND rolled_up_at IS NOT NULL",
        now - raw_kept - timedelta(days=36),
    )
    _delete_in_chunks("analytics_quarantinedrecord", "received_at < %s", now - QUARANTINE_KEPT)


def _delete_in_chunks(table: str, condition: str, before: datetime) -> None:
    """Short transactions, so that roll-ups never wait long for a lock."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608 - names of this module
                f"SELECT ctid FROM {table} WHERE {condition} LIMIT {CHUNK}))",
                [before],
            )
            if cursor.rowcount < CHUNK:
                return
