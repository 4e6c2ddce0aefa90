"""Publishing and delivering outbox entries."""

from __future__ import annotations

import logging
import random
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.db import transaction

from apim.core import clock
from apim.outbox import delays
from apim.outbox.models import OutboxEntry
from apim.outbox.registry import subscribers_of

if TYPE_CHECKING:
    from apim.outbox.registry import Subscriber

logger = logging.getLogger(__name__)

# A new entry belongs to its publisher for this long; then the sweep takes it over.
FIRST_SWEEP_SECONDS = 5
RETRY_BASE_SECONDS = 0.5
RETRY_MAX_SECONDS = 600
MAX_ATTEMPTS = 30
# After immediate news could not be told, a thread does not try for so long.
HELD_UP_SECONDS = 0.5


def publish(topic: str, **payload: Any) -> OutboxEntry | None:
    """Tell the subscribers of `topic` after the commit. The payload holds ids only.

    Must run inside the transaction that makes the news true. Returns None when nobody listens.
    """
    subscribers = subscribers_of(topic)
    if not subscribers:
        return None
    entry = OutboxEntry.objects.create(
        topic=topic,
        payload=payload,
        pending=[subscriber.task for subscriber in subscribers],
        due_at=clock.now() + timedelta(seconds=FIRST_SWEEP_SECONDS),
    )
    transaction.on_commit(lambda: _after_commit(entry.pk, subscribers))
    return entry


def _after_commit(entry_id: int, subscribers: tuple[Subscriber, ...]) -> None:
    immediate = [s.task for s in subscribers if s.immediate]
    try:
        if immediate and time.monotonic() < _held_up.until:
            delays.note()  # whoever makes many changes at once waits for one of them
            return
        left = _deliver(entry_id, immediate) if immediate else [s.task for s in subscribers]
        if not set(left).isdisjoint(immediate):
            # What keeps them from hearing, mostly Redis, would hold up the nudge as well.
            delays.note()
            _held_up.until = time.monotonic() + HELD_UP_SECONDS
        elif left:
            current_app.tasks["outbox.deliver"].delay(entry_id)
    except Exception:
        # The change is committed and the entry stored: the sweep will deliver it.
        logger.exception("outbox entry %s left to the sweep", entry_id)


class _HeldUp(threading.local):
    """Until when, on the monotonic clock, this thread leaves immediate news to the sweep."""

    until = 0.0


_held_up = _HeldUp()


def deliver(*, entry_id: int, only: list[str] | None = None) -> bool:
    """Run the entry's pending subscribers, one after another; True when none is left.

    A subscriber that fails stays pending and the entry becomes due again after a back-off with
    jitter. The row is locked, so two deliverers never run the same entry at the same time.
    """
    return not _deliver(entry_id, only)


def _deliver(entry_id: int, only: list[str] | None) -> list[str]:
    """Return the subscribers that are left; none when another deliverer has the entry."""
    with transaction.atomic():
        entry = (
            OutboxEntry.objects.select_for_update(skip_locked=True)
            .filter(pk=entry_id, delivered_at__isnull=True)
            .first()
        )
        if entry is None:
            return []
        _run_pending(entry, only)
        entry.save(update_fields=["pending", "attempts", "last_error", "due_at", "delivered_at"])
        return list(entry.pending)


def _run_pending(entry: OutboxEntry, only: list[str] | None) -> None:
    left: list[str] = []
    for name in entry.pending:
        if only is not None and name not in only:
            left.append(name)
            continue
        try:
            with transaction.atomic():
                current_app.tasks[name](**entry.payload)
        except Exception as error:
            logger.exception("%s failed on outbox entry %s", name, entry.pk)
            # PostgreSQL cannot hold a NUL in a text.
            entry.last_error = f"{name}: {error}".replace("\0", "\ufffd")[:2000]
            left.append(name)
    entry.pending = left
    entry.attempts += 1
    now = clock.now()
    if not left:
        entry.delivered_at = now
    else:
        wait = min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2 ** min(entry.attempts, 10))
        entry.due_at = now + timedelta(seconds=random.uniform(wait / 2, wait))  # noqa: S311


def sweep(*, limit: int = 200) -> int:
    """Deliver what is due and was left behind; returns how many entries were tried."""
    due = OutboxEntry.objects.due(clock.now()).filter(attempts__lt=MAX_ATTEMPTS)
    ids = list(due.order_by("due_at").values_list("pk", flat=True)[:limit])
    for entry_id in ids:
        try:
            deliver(entry_id=entry_id)
        except Exception:  # one entry must not keep those behind it waiting
            logger.exception("outbox entry %s could not be tried", entry_id)
    return len(ids)


def forget_delivered(*, older_than: timedelta = timedelta(days=14)) -> int:
    """Delete entries delivered longer ago than `older_than`."""
    deleted, _ = OutboxEntry.objects.filter(delivered_at__lt=clock.now() - older_than).delete()
    return deleted
