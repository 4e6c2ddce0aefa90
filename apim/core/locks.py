"""PostgreSQL advisory locks. Every lock id of the project stands here; ids are never reused."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from django.db import connection


class LockId(IntEnum):
    MIGRATE = 1
    PARTITIONS = 2
    ENVOY_SNAPSHOT = 3
    PROJECT_GRANTS = 4
    ROLL_UP = 5
    DEMO = 6
    CLOSE_PERIODS = 7
    STRIPE_METERING = 8
    STRIPE_INVOICES = 9
    STRIPE_EVENTS = 10
    STRIPE_CATALOGUE = 11
    STRIPE_SUBSCRIPTIONS = 12
    # By organization: who tells its usage.
    STRIPE_USAGE = 13


@contextmanager
def try_advisory_lock(lock: LockId, key: int = 0) -> Iterator[bool]:
    """Hold the session-level lock (lock, key) for the block; yields False when another holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [int(lock), key])
        row = cursor.fetchone()
    held = bool(row and row[0])
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [int(lock), key])


def transaction_lock(lock: LockId, key: int = 0) -> None:
    """Wait for the lock (lock, key) and hold it to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [int(lock), key])
