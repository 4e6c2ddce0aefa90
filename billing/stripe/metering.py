"""Usage on its way to Stripe: collected hour by hour into an outbox, sent one after another.

Stripe's rules are in docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api: whole
numbers, the event's own timestamp, 35 days back, identifiers known for a day, one call at a time per
customer and meter. Billing periods begin on whole hours, so no event straddles two of them.
"""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Max, Q, Sum

from analytics.hourly import usage_by_hour
from apim.audit.actors import SYSTEM
from apim.audit.services import record
from apim.core import clock
from apim.core.clock import Period
from apim.core.locks import LockId, try_advisory_lock
from apim.keys.models import Subscription
from billing.models import Meter, MeterEvent, StripeCustomer
from billing.selectors.book import load_book
from billing.selectors.quantities import MICRO_EXPONENT, PlanUsage, measure, quantity
from billing.stripe.catalogue import event_name, meter_id, sync_meters
from billing.stripe.customers import ensure_customer
from billing.stripe.metered import told_as
from billing.stripe.ports import StripeRefused, StripeUnavailable
from billing.stripe.revoking import replace_event, revoke_replaced
from billing.stripe.together import together

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from billing.selectors.book import Book
    from billing.stripe.ports import PaymentGateway

logger = logging.getLogger(__name__)

ONE_HOUR = timedelta(hours=1)
MINUTE = 60  # seconds; what sums at Stripe are aligned to
# Late usage of the last days is found soon, older one daily; Stripe takes 35 calendar days.
RECENT = timedelta(days=3)
SENDABLE = timedelta(days=34, hours=23)
# After that an identifier may be forgotten, and what was tried is looked for before it is repeated.
IDENTIFIER_KNOWN = timedelta(hours=23)
MAX_SENT = 5_000
RETRY_BASE_SECONDS, RETRY_MAX_SECONDS = 5, 3_600
# Counted over a whole period, not by the hour: they are told when the period is closed.
OF_PERIOD = frozenset({Meter.Kind.KEYS, Meter.Kind.PEAK})
State = MeterEvent.State
# Subscription, plan, meter, hour -> whole units.
Key = tuple[int, int, int, "datetime"]
Wanted = dict[Key, int]


def collect_usage(
    *, back: timedelta = RECENT, subscription_ids: Collection[int] | None = None
) -> int:
    """Put the hours that have ended into the outbox; returns how many rows that made.

    A row is the difference to what was put there before, so running it again makes none, and late
    usage becomes another revision.
    """
    end = clock.now().replace(minute=0, second=0, microsecond=0)
    return collect_period(Period(end - back, end), subscription_ids)


def collect_period(period: Period, subscription_ids: Collection[int] | None = None) -> int:
    """As collect_usage, for the whole hours of a period."""
    if subscription_ids is not None:  # an invoice waits for it
        return _collect(period, subscription_ids)
    with try_advisory_lock(LockId.STRIPE_METERING, 1) as held:
        return _collect(period, None) if held else 0


def _collect(period: Period, subscription_ids: Collection[int] | None) -> int:
    known = _counted(period, subscription_ids, of_period=False)
    usage: dict[tuple[int, int, datetime], PlanUsage] = defaultdict(PlanUsage)
    for hour, row in usage_by_hour(period, subscription_ids):
        usage[row.subscription_id, row.plan_id, hour].sums.append(row)
    book = _book({key[0] for key in usage} | {key[0] for key in known})
    wanted: Wanted = {}
    for (pk, plan_id, hour), used in usage.items():
        for meter in _meters(book, pk, plan_id, hour):
            if meter.kind not in OF_PERIOD:
                wanted[pk, plan_id, meter.pk, hour] = _whole(book, plan_id, meter, used)
    return _put(book, wanted, known)


def collect_of_period(period: Period, subscription_id: int) -> int:
    """Tell the counts of a whole period (different keys, the peak), as of its last hour."""
    hour = period.end - ONE_HOUR
    known = _counted(Period(hour, period.end), [subscription_id], of_period=True)
    book = _book({subscription_id})
    usage = measure(period, [subscription_id], OF_PERIOD).get(subscription_id, {})
    wanted: Wanted = {}
    for plan_id, used in usage.items():
        book.learn([plan_id])
        for meter in _meters(book, subscription_id, plan_id, hour):
            if meter.kind in OF_PERIOD:
                wanted[subscription_id, plan_id, meter.pk, hour] = _whole(
                    book, plan_id, meter, used
                )
    return _put(book, wanted, known)


def _book(subscription_ids: Collection[int]) -> Book:
    rows = Subscription.objects.filter(pk__in=subscription_ids)
    return load_book(rows.select_related("organization", "application", "product"))


def _meters(book: Book, pk: int, plan_id: int, hour: datetime) -> set[Meter]:
    """The meters that the subscription's price of that plan asked in that hour."""
    if plan_id not in book.plans:
        book.learn([plan_id])
    subscription = book.subscriptions[pk]
    period = book.schedule(subscription).period_at(hour)
    version = book.version(subscription, plan_id, period)
    if version is None:
        return set()
    return {c.meter for c in version.components.all() if c.meter is not None}


def _whole(book: Book, plan_id: int, meter: Meter, used: PlanUsage) -> int:
    """As counted, not as priced: bytes and not gigabytes; millionths of reported units."""
    units = quantity(meter, used, charges_overage=book.plans[plan_id].charges_overage)
    exponent = len(str(meter.unit_size)) - 1
    return int(units.scaleb(exponent + (MICRO_EXPONENT if meter.kind == Meter.Kind.UNITS else 0)))


@dataclass(frozen=True, slots=True)
class Held:
    """What the outbox holds of an hour: the sum and the last revision, both of one look at it."""

    value: int = 0
    revision: int = -1


def _counted(
    period: Period, subscription_ids: Collection[int] | None, *, of_period: bool
) -> dict[Key, Held]:
    """What the outbox already holds. Read before the usage: what is newer wins by its revision."""
    rows = MeterEvent.objects.filter(hour__gte=period.start, hour__lt=period.end)
    kinds = Q(meter__kind__in=OF_PERIOD)
    rows = rows.filter(kinds if of_period else ~kinds)
    if subscription_ids is not None:
        rows = rows.filter(subscription__in=subscription_ids)
    revoked = Q(state__in=[State.REVOKING, State.REVOKED])
    kept = Sum("value", filter=~revoked, default=0)
    sums = rows.order_by().values_list("subscription_id", "plan_id", "meter_id", "hour")
    found = sums.annotate(total=kept, last=Max("revision"))
    return {(s, p, m, h): Held(total, last) for s, p, m, h, total, last in found}


def _put(book: Book, wanted: Wanted, known: dict[Key, Held]) -> int:
    """Rows for the differences. Who looked before another collector wrote loses to its revision."""
    gone = dict.fromkeys(known.keys() - wanted.keys(), 0)
    rows = [
        _row(book, key, value, known.get(key, Held()))
        for key, value in (wanted | gone).items()
        if value != known.get(key, Held()).value
    ]
    MeterEvent.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    return len(rows)


def _row(book: Book, key: Key, value: int, held: Held) -> MeterEvent:
    pk, plan_id, meter_id, hour = key
    revision = held.revision + 1
    subscription = book.subscriptions[pk]
    return MeterEvent(
        organization_id=subscription.organization_id,
        subscription=subscription,
        plan_id=plan_id,
        meter_id=meter_id,
        hour=hour,
        revision=revision,
        value=value - held.value,
        identifier=f"u:{subscription.public_id}:{plan_id}:{meter_id}:{hour:%Y%m%d%H}:{revision}",
        due_at=clock.now(),
    )


def send_usage(
    gateway: PaymentGateway, *, organization_id: int | None = None, limit: int = MAX_SENT
) -> int:
    """Send what waits and is due, oldest first; returns how many were settled.

    Several customers at once, but one sender for each: never two calls at once for a customer and
    meter. With an organization only its rows are sent, due or not: a close does not wait for a
    back-off.
    """
    rows = MeterEvent.objects.waiting()
    if organization_id is not None:
        return _send_all(gateway, rows.filter(organization=organization_id), limit)
    with try_advisory_lock(LockId.STRIPE_METERING, 2) as held:
        return _send_all(gateway, rows.filter(due_at__lte=clock.now()), limit) if held else 0


def _send_all(gateway: PaymentGateway, rows: QuerySet[MeterEvent], limit: int) -> int:
    found = rows.order_by("hour", "id").values_list("organization_id", "pk")
    by_customer: dict[int, list[int]] = defaultdict(list)
    for owner_id, pk in found[:limit]:
        by_customer[owner_id].append(pk)
    if not by_customer:
        return 0
    try:
        sync_meters(gateway)
    except (StripeUnavailable, StripeRefused) as error:
        logger.warning("usage is not sent: %s", error)
        every = [pk for ids in by_customer.values() for pk in ids]
        MeterEvent.objects.waiting().filter(pk__in=every).update(last_error=str(error)[:400])
        return 0
    return together(lambda one: _send_some(gateway, *one), by_customer.items())


def _send_some(gateway: PaymentGateway, organization_id: int, ids: Sequence[int]) -> int:
    """A customer's rows, one after the other; none while another sends them."""
    with try_advisory_lock(LockId.STRIPE_USAGE, organization_id) as held:
        if not held:
            return 0
        rows = MeterEvent.objects.waiting().filter(pk__in=ids)
        rows = rows.select_related("organization", "meter")
        customer: StripeCustomer | None = None
        settled = 0
        for row in rows.order_by("hour", "id"):
            try:
                customer = customer or ensure_customer(gateway, row.organization)
                settled += _send(gateway, row, customer)
            except (StripeUnavailable, StripeRefused) as error:  # not the event: customer or meter
                _postpone(row, str(error))
        return settled


def _send(gateway: PaymentGateway, row: MeterEvent, customer: StripeCustomer) -> bool:
    now = clock.now()
    if row.hour < now - SENDABLE:
        return _refuse(row, State.TOO_LATE, "Stripe takes usage of the past 35 days only")
    if row.tried_at and row.tried_at < now - IDENTIFIER_KNOWN and _is_there(gateway, row, customer):
        return MeterEvent.objects.settle(row, State.SENT, at=now)
    if row.tried_at is None:
        if row.value < 0:
            replace_event(row)
        revoke_replaced(gateway, row, customer)
        if not row.value:  # what was revoked is all that was to be said
            return MeterEvent.objects.settle(row, State.SENT, at=now)
        told = told_as(row)
        row.lane, row.told_at = told.lane, told.at
        MeterEvent.objects.filter(pk=row.pk, tried_at=None).update(
            tried_at=now, lane=told.lane, told_at=told.at
        )
    params = {
        "event_name": event_name(row.meter, row.lane),
        "identifier": row.identifier,
        "timestamp": int(_moment(row).timestamp()),
        "payload": {"stripe_customer_id": customer.stripe_id, "value": str(row.value)},
    }
    try:
        gateway.create("billing.meter_events", params)
    except StripeRefused as refusal:
        if refusal.reason != "resource_already_exists":
            return _refuse(row, State.REFUSED, str(refusal))
    return MeterEvent.objects.settle(row, State.SENT, at=now)


def _is_there(gateway: PaymentGateway, row: MeterEvent, customer: StripeCustomer) -> bool:
    """Whether Stripe counts the row that was tried so long ago that its identifier is forgotten."""
    minute = _moment(row).replace(second=0, microsecond=0)
    start = int(minute.timestamp())
    there = gateway.meter_total(
        meter_id(gateway, row.meter, row.lane), customer.stripe_id, start=start, end=start + MINUTE
    )
    rows = MeterEvent.objects.told_between(minute, minute + timedelta(seconds=MINUTE)).filter(
        organization=row.organization_id, meter=row.meter_id, lane=row.lane, state=State.SENT
    )
    sent = rows.aggregate(total=Sum("value"))["total"]
    return there - (sent or 0) == row.value


def _moment(row: MeterEvent) -> datetime:
    return row.told_at or row.hour


def _refuse(row: MeterEvent, state: str, error: str) -> bool:
    """Keep what cannot be sent where people see it; the invoice charges it all the same."""
    settled = MeterEvent.objects.settle(row, state, at=clock.now(), error=error)
    logger.error("usage %s was not taken by Stripe: %s", row.identifier, error)
    return settled


def _postpone(row: MeterEvent, error: str) -> None:
    wait = min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2 ** min(row.attempts, 12))
    MeterEvent.objects.waiting().filter(pk=row.pk).update(
        attempts=row.attempts + 1,
        due_at=clock.now() + timedelta(seconds=random.uniform(wait / 2, wait)),  # noqa: S311
        last_error=error[:400],
    )


def note_refused(identifiers: Iterable[tuple[str, str]]) -> int:
    """Mark events that Stripe took and reported later; returns how many of ours these were."""
    found = 0
    for identifier, error in identifiers:
        row = MeterEvent.objects.filter(identifier=identifier, state=State.SENT).first()
        if row is None:
            continue
        MeterEvent.objects.filter(pk=row.pk).update(state=State.REFUSED, last_error=error[:400])
        record(SYSTEM, "meter_event.refused", row.subscription, after={"error": error[:400]})
        found += 1
    return found


def send_again(*, organization_id: int) -> int:
    """Let refused usage wait once more, under a new identifier, after the cause was mended."""
    again = 0
    for row in MeterEvent.objects.filter(organization=organization_id, state=State.REFUSED):
        base = row.identifier.split("~", 1)[0]
        again += MeterEvent.objects.filter(pk=row.pk, state=State.REFUSED).update(
            state=State.WAITING,
            identifier=f"{base}~{row.attempts + 1}",
            attempts=row.attempts + 1,
            tried_at=None,
            due_at=clock.now(),
        )
    return again
