"""Makes a delivery of usage durable: read, attribute, store, all before it is acknowledged.

Whatever a gateway sends twice is stored once. The fast path copies straight into the event table;
only a delivery that holds a repeated event falls back to staging and ON CONFLICT DO NOTHING.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec
from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import UniqueViolation

from analytics import clients, partitions, redated, sightings
from analytics.attribution import attribute
from analytics.copying import COLUMNS, rows
from analytics.events import Rejected, span_of
from analytics.formats import own
from analytics.formats.bodies import expand
from analytics.models import QuarantinedRecord, UsageBatch
from analytics.scrub import record_without_secrets, without_controls, without_secrets
from apim.core import clock
from apim.gateway.models import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from analytics.attribution import Attributed
    from analytics.events import Event, Reading, Span

logger = logging.getLogger(__name__)

# How old an event may be, and how far ahead a gateway's clock may run. Outside, the day that the
# event counts in is doubtful: it is quarantined and can be replayed.
MAX_AGE = timedelta(days=35)
MAX_AHEAD = timedelta(minutes=5)
LATE_AFTER = timedelta(hours=1)
AHEAD_TOLERATED = timedelta(seconds=2)
MAX_RAW = 256 * 1024
ATTEMPTS = 3
_TO_SECONDS = "%Y-%m-%d %H:%M:%S UTC"
SEEN_EVERY_SECONDS = 5.0

_COPY = f"COPY analytics_usageevent ({COLUMNS}) FROM STDIN (FORMAT binary)"
_STAGING = "CREATE TEMP TABLE IF NOT EXISTS usage_staging (LIKE analytics_usageevent INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
_COPY_STAGING = f"COPY usage_staging ({COLUMNS}) FROM STDIN (FORMAT binary)"
_INSERT_STAGED = (
    f"INSERT INTO analytics_usageevent ({COLUMNS}) SELECT {COLUMNS} FROM usage_staging"  # noqa: S608
    " ORDER BY event_id, occurred_on ON CONFLICT DO NOTHING"
)
_by_id = attrgetter("event_id")


class _Repeated(Exception):
    """The delivery holds an event that is stored already."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery's records; `ignored` are rows that are no calls."""

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    ignored: int = 0


@dataclass(slots=True)
class _Delivery:
    """Events with different ids, in their order; everything else is only counted or kept raw."""

    events: list[Event]
    # The earliest and the latest event.
    span: Span | None
    rejected: list[Rejected]
    duplicates: int
    ignored: int
    format: str


def receive(
    *,
    gateway: Gateway,
    body: bytes,
    read: Callable[[bytes], Reading] = own.read_delivery,
    max_age: timedelta = MAX_AGE,
) -> Receipt:
    """Store the usage in `body`, written in the dialect that `read` understands.

    When this returns, it is durable (unless in a transaction). Safe to repeat. Raises BodyTooLarge
    and BodyUnreadable; a bad record never fails a delivery.
    """
    return store(gateway=gateway, reading=read(expand(body)), max_age=max_age)


def store(*, gateway: Gateway, reading: Reading, max_age: timedelta = MAX_AGE) -> Receipt:
    """As `receive`, for what has been read already."""
    now = clock.now()
    delivery = _checked(reading, now, max_age)
    if not delivery.events and not delivery.rejected:
        return Receipt(duplicates=delivery.duplicates, ignored=delivery.ignored)
    receipt = _store_with_retry(gateway, delivery, now)
    _mark_seen(gateway, now)
    return receipt


def refusals(reading: Reading, *, max_age: timedelta = MAX_AGE) -> list[Rejected]:
    """The records that `store` would quarantine."""
    return _checked(reading, clock.now(), max_age).rejected


def _checked(reading: Reading, now: datetime, max_age: timedelta) -> _Delivery:
    """Each id once, the first record that has it, and only events of the accepted time.

    In the order of ids, so that two deliveries of the same calls wait instead of deadlocking.
    """
    events, rejected = reading.events, reading.rejected
    oldest, newest = now - max_age, now + MAX_AHEAD
    span = span_of(events)
    if span is not None and (span.first_at < oldest or span.last_at > newest):
        if reading.with_raws is not None:
            reading = reading.with_raws()
        events = [event for event in reading.events if oldest <= event.occurred_at <= newest]
        rejected = [*reading.rejected, *_outside(reading, oldest, newest)]
        span = span_of(events)
    different = {event.event_id: event for event in reversed(events)}
    return _Delivery(
        events=sorted(different.values(), key=_by_id),
        span=span,
        rejected=rejected,
        duplicates=len(events) - len(different),
        ignored=reading.ignored,
        format=reading.format,
    )


def _outside(reading: Reading, oldest: datetime, newest: datetime) -> Iterator[Rejected]:
    for place, event in enumerate(reading.events):
        at = event.occurred_at
        raw = reading.raws[place] if reading.raws else msgspec.json.encode(event)
        if at < oldest:
            message = f"the call of {at:{_TO_SECONDS}} is older than {MAX_AGE.days} days"
            yield Rejected(place, "too_old", message, raw)
        elif at > newest:
            message = f"the call of {at:{_TO_SECONDS}} lies ahead: check the clock"
            yield Rejected(place, "in_the_future", message, raw)


def _store_with_retry(gateway: Gateway, delivery: _Delivery, now: datetime) -> Receipt:
    """A partition that was dropped meanwhile, or a lock timeout, is worth another try."""
    repeated = False
    for attempt in range(1, ATTEMPTS + 1):
        try:
            attributed = _prepare(gateway, delivery)
            try:
                if not repeated:
                    return _store(gateway, delivery, attributed, now, _copy)
            except _Repeated:
                repeated = True
            return _store(gateway, delivery, attributed, now, _copy_new)
        except (IntegrityError, OperationalError) as error:
            if attempt == ATTEMPTS or not connection.is_usable():
                raise
            logger.warning("usage delivery is tried again: %s", error)
            partitions.forget_seen()
    raise AssertionError("unreachable")


def _prepare(gateway: Gateway, delivery: _Delivery) -> list[Attributed]:
    """What must be there before the events are: partitions, attributions, client families."""
    if delivery.span is not None:
        partitions.ensure_partitions(delivery.span.days(delivery.events))
        if redated.may_be_near_midnight(delivery.span):
            midnights = redated.midnights_near(delivery.events)
            partitions.ensure_partitions(midnights, partitions.IDS)
    if refused := clients.refused({event.user_agent for event in delivery.events}):
        for event in delivery.events:
            if event.user_agent in refused:
                event.user_agent = clients.OTHER
    return attribute(gateway.pk, delivery.events)


@transaction.atomic
def _store(
    gateway: Gateway,
    delivery: _Delivery,
    attributed: list[Attributed],
    now: datetime,
    copy: Callable[[bytes], int],
) -> Receipt:
    """Batch, events and quarantine in one transaction: all or nothing. Raises _Repeated."""
    events = delivery.events
    known: set[str] = set()
    if delivery.span is not None and redated.may_be_near_midnight(delivery.span):
        known = redated.already_on_another_day(gateway.pk, events)
    if known:
        kept = [place for place, event in enumerate(events) if event.event_id not in known]
        events, attributed = [events[n] for n in kept], [attributed[n] for n in kept]
    span = span_of(events) if known else delivery.span
    batch = UsageBatch(
        gateway_id=gateway.pk,
        received_at=now,
        accepted=len(events),
        duplicates=delivery.duplicates + len(known),
        quarantined=len(delivery.rejected),
        first_on=span and span.first_at.date(),
        last_on=span and span.last_at.date(),
        last_at=span and span.last_at,
        format=delivery.format,
        rolled_up_at=None if span else now,
    )
    batch.save(force_insert=True)
    if events:
        late, ahead = now - LATE_AFTER, now + AHEAD_TOLERATED
        copied = copy(rows(gateway.pk, batch.pk, events, attributed, late=late, ahead=ahead))
        if copied < len(events):
            batch.accepted = copied
            batch.duplicates += len(events) - copied
            batch.save(update_fields=["accepted", "duplicates"])
        sightings.note(gateway.pk, events)
    _quarantine(batch, delivery)
    return Receipt(batch.accepted, batch.duplicates, batch.quarantined, delivery.ignored)


def _copy(binary: bytes) -> int:
    """Write the rows; returns their number. Raises _Repeated when one is stored already."""
    try:
        return _copy_into(_COPY, binary)
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            raise _Repeated from None
        raise


def _copy_new(binary: bytes) -> int:
    """Write the rows that are not stored yet; returns how many those were."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGING)
        cursor.execute("TRUNCATE usage_staging")
        _copy_into(_COPY_STAGING, binary)
        cursor.execute(_INSERT_STAGED)
        return int(cursor.rowcount)


def _copy_into(statement: str, binary: bytes) -> int:
    with connection.cursor() as cursor:
        # Django translates errors of execute(), but knows no copy().
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            copy.write(binary)
        return int(cursor.rowcount)


def _quarantine(batch: UsageBatch, delivery: _Delivery) -> None:
    QuarantinedRecord.objects.bulk_create(
        [_quarantined(batch, record, delivery.format) for record in delivery.rejected],
        batch_size=500,
        ignore_conflicts=True,
    )


def _quarantined(batch: UsageBatch, record: Rejected, dialect: str) -> QuarantinedRecord:
    raw = record_without_secrets(record.raw[:MAX_RAW])
    return QuarantinedRecord(
        gateway_id=batch.gateway_id,
        batch_id=batch.pk,
        index=record.index,
        code=record.code,
        message=without_controls(without_secrets(record.message))[:400],
        raw=raw,
        format=dialect,
        digest=hashlib.sha256(raw.encode()).digest(),
        received_at=batch.received_at,
    )


_seen_at: dict[int, float] = {}


def _mark_seen(gateway: Gateway, now: datetime) -> None:
    """Note on the gateway that usage came, every few seconds at most."""
    if time.monotonic() - _seen_at.get(gateway.pk, -SEEN_EVERY_SECONDS) < SEEN_EVERY_SECONDS:
        return
    _seen_at[gateway.pk] = time.monotonic()
    Gateway.objects.filter(pk=gateway.pk).update(last_usage_at=now)
