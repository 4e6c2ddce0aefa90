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
from typing import TYPE_CHECKING

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import UniqueViolation

from analytics import partitions
from analytics.attribution import attribute
from analytics.events import Event, Flag, Refused
from analytics.formats import own
from analytics.formats.bodies import expand, split
from analytics.models import QuarantinedRecord, UsageBatch
from analytics.scrub import without_secrets
from apim.core import clock
from apim.gateway.models import Gateway

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from analytics.attribution import Attributed

logger = logging.getLogger(__name__)

# How old an event may be, and how far ahead a gateway's clock may run. Outside, the day that the
# event counts in is doubtful: it is quarantined and can be replayed.
MAX_AGE = timedelta(days=35)
MAX_AHEAD = timedelta(minutes=5)
LATE_AFTER = timedelta(hours=1)
AHEAD_TOLERATED = timedelta(seconds=2)
MAX_RAW = 256 * 1024
ATTEMPTS = 3
SEEN_EVERY_SECONDS = 5.0

_COLUMNS = (
    "gateway_id, occurred_at, batch_id, attribution_id, organization_id, duration_us, upstream_us,"
    " request_bytes, response_bytes, occurred_on, status, flags, is_billable, is_denied, event_id,"
    " method, path, decision, user_agent"
)
_COPY = f"COPY analytics_usageevent ({_COLUMNS}) FROM STDIN"
_STAGING = "CREATE TEMP TABLE IF NOT EXISTS usage_staging (LIKE analytics_usageevent) ON COMMIT DELETE ROWS"
_COPY_STAGING = f"COPY usage_staging ({_COLUMNS}) FROM STDIN"
_INSERT_STAGED = (
    f"INSERT INTO analytics_usageevent ({_COLUMNS}) SELECT {_COLUMNS} FROM usage_staging"  # noqa: S608
    " ORDER BY event_id, occurred_on ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery's records; `ignored` are rows that are no calls."""

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class _Rejected:
    index: int
    code: str
    message: str
    raw: str


@dataclass(slots=True)
class _Delivery:
    events: list[Event]
    rejected: list[_Rejected]
    duplicates: int = 0
    ignored: int = 0


def receive(*, gateway: Gateway, body: bytes, max_age: timedelta = MAX_AGE) -> Receipt:
    """Store the usage in `body`; when this returns, it is durable (unless in a transaction).

    Safe to repeat. Raises BodyTooLarge and BodyUnreadable; a bad record never fails a delivery.
    """
    now = clock.now()
    delivery = _read(split(expand(body)), now, max_age)
    if not delivery.events and not delivery.rejected:
        return Receipt(duplicates=delivery.duplicates, ignored=delivery.ignored)
    receipt = _store_with_retry(gateway, delivery, now)
    _mark_seen(gateway, now)
    return receipt


def _read(records: list[bytes], now: datetime, max_age: timedelta) -> _Delivery:
    delivery = _Delivery([], [])
    oldest, newest = now - max_age, now + MAX_AHEAD
    seen: set[tuple[str, date]] = set()
    for index, raw in enumerate(records):
        try:
            event = own.read(raw)
            if event is None:
                delivery.ignored += 1
                continue
            if not oldest <= event.occurred_at <= newest:
                raise _outside(event, oldest)
        except Refused as refusal:
            delivery.rejected.append(_reject(index, refusal, raw))
            continue
        identity = (event.event_id, event.occurred_on)
        if identity in seen:
            delivery.duplicates += 1
            continue
        seen.add(identity)
        delivery.events.append(event)
    # One order for all deliveries, so that two with the same events wait instead of deadlocking.
    delivery.events.sort(key=lambda event: (event.event_id, event.occurred_on))
    return delivery


def _outside(event: Event, oldest: datetime) -> Refused:
    if event.occurred_at < oldest:
        return Refused("too_old", f"the call of {event.occurred_at} is older than is accepted")
    return Refused("in_the_future", f"the call of {event.occurred_at} lies ahead: check the clock")


def _reject(index: int, refusal: Refused, raw: bytes) -> _Rejected:
    text = without_secrets(raw[:MAX_RAW].decode("utf-8", "replace").replace("\x00", "\ufffd"))
    return _Rejected(index, refusal.code, without_secrets(refusal.message)[:400], text)


def _store_with_retry(gateway: Gateway, delivery: _Delivery, now: datetime) -> Receipt:
    """A partition that was dropped meanwhile, or a lock timeout, is worth another try."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            partitions.ensure_partitions({event.occurred_on for event in delivery.events})
            attributed = attribute(gateway.pk, delivery.events)
            with transaction.atomic():
                return _store(gateway, delivery, attributed, now)
        except (IntegrityError, OperationalError) as error:
            if attempt == ATTEMPTS or not connection.is_usable():
                raise
            logger.warning("usage delivery is tried again: %s", error)
            partitions.forget_seen()
    raise AssertionError("unreachable")


def _store(
    gateway: Gateway, delivery: _Delivery, attributed: list[Attributed], now: datetime
) -> Receipt:
    """Batch, events and quarantine in one transaction: all or nothing."""
    days = [event.occurred_on for event in delivery.events]
    batch = UsageBatch.objects.create(
        gateway_id=gateway.pk,
        received_at=now,
        accepted=len(delivery.events),
        duplicates=delivery.duplicates,
        quarantined=len(delivery.rejected),
        first_on=min(days, default=None),
        last_on=max(days, default=None),
        rolled_up_at=None if days else now,
    )
    accepted = len(days) and _copy(_rows(gateway.pk, batch.pk, delivery.events, attributed, now))
    repeated = len(days) - accepted
    if repeated:
        batch.accepted = accepted
        batch.duplicates += repeated
        batch.save(update_fields=["accepted", "duplicates"])
    _quarantine(batch, delivery.rejected)
    return Receipt(accepted, batch.duplicates, len(delivery.rejected), delivery.ignored)


def _copy(rows: bytes) -> int:
    """Write the rows; returns how many were new."""
    try:
        with transaction.atomic():
            return _copy_into(_COPY, rows)
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
    with connection.cursor() as cursor:
        cursor.execute(_STAGING)
        cursor.execute("TRUNCATE usage_staging")
        _copy_into(_COPY_STAGING, rows)
        cursor.execute(_INSERT_STAGED)
        return int(cursor.rowcount)


def _copy_into(statement: str, rows: bytes) -> int:
    with connection.cursor() as cursor:
        # Django translates errors of execute(), but knows no copy().
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            copy.write(rows)
        return int(cursor.rowcount)


def _rows(
    gateway_id: int,
    batch_id: int,
    events: Iterable[Event],
    attributed: Iterable[Attributed],
    now: datetime,
) -> bytes:
    """Lines of COPY's text format, columns as in _COLUMNS.

    Text has no control characters (analytics/scrub.py), so only the backslash needs escaping.
    """
    late, ahead = now - LATE_AFTER, now + AHEAD_TOLERATED
    lines = []
    for event, (attribution_id, organization_id, known_flags) in zip(
        events, attributed, strict=True
    ):
        at = event.occurred_at
        flags = known_flags
        if at < late:
            flags |= Flag.LATE
        elif at > ahead:
            flags |= Flag.SKEWED
        if organization_id is None and event.decision == "allowed":
            flags |= Flag.UNATTRIBUTED
        text = (
            f"{event.event_id}\t{event.method}\t{event.path}\t{event.decision}\t{event.user_agent}"
        )
        if "\\" in text:
            text = text.replace("\\", "\\\\")
        lines.append(
            f"{gateway_id}\t{at}\t{batch_id}\t{attribution_id}\t"
            f"{_NULL if organization_id is None else organization_id}\t{event.duration_us}\t"
            f"{_NULL if event.upstream_us is None else event.upstream_us}\t"
            f"{event.request_bytes}\t{event.response_bytes}\t{event.occurred_on}\t{event.status}\t"
            f"{int(flags)}\t{event.is_billable}\t{event.is_denied}\t{text}\n"
        )
    return "".join(lines).encode("utf-8", "replace")


_NULL = "\\N"


def _quarantine(batch: UsageBatch, rejected: list[_Rejected]) -> None:
    QuarantinedRecord.objects.bulk_create(
        [
            QuarantinedRecord(
                gateway_id=batch.gateway_id,
                batch_id=batch.pk,
                index=record.index,
                code=record.code,
                message=record.message,
                raw=record.raw,
                digest=hashlib.sha256(record.raw.encode()).digest(),
                received_at=batch.received_at,
            )
            for record in rejected
        ],
        batch_size=500,
        ignore_conflicts=True,
    )


_seen_at: dict[int, float] = {}


def _mark_seen(gateway: Gateway, now: datetime) -> None:
    """Note on the gateway that usage came, every few seconds at most."""
    if time.monotonic() - _seen_at.get(gateway.pk, -SEEN_EVERY_SECONDS) < SEEN_EVERY_SECONDS:
        return
    _seen_at[gateway.pk] = time.monotonic()
    Gateway.objects.filter(pk=gateway.pk).update(last_usage_at=now)
