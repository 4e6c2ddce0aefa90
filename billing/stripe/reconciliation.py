"""Healing and proof: lost events are found, open invoices fetched again, and the figures compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from django.db.models import Sum

from apim.core import clock
from billing.models import (
    BillingPeriod,
    Invoice,
    Meter,
    MeterEvent,
    RatedLine,
    ReconciliationDifference,
    StripeCustomer,
    StripeEvent,
)
from billing.rating.lines import LineKind
from billing.selectors.quantities import MICRO_EXPONENT
from billing.stripe.customers import mirror_customer
from billing.stripe.events import RECOMMENDED, store_event
from billing.stripe.metered import lanes_of
from billing.stripe.mirror import mirror_invoice
from billing.stripe.together import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from apim.core.clock import Period
    from billing.stripe.ports import PaymentGateway, Remote

# Stripe repeats deliveries for three days and keeps events for thirty.
EVENTS_BACK = timedelta(days=4)
PAGE = 100
STALE = timedelta(hours=6)
MAX_FETCHED = 2_000
Kind = ReconciliationDifference.Kind
COUNTED = [LineKind.USAGE.value, LineKind.TRIAL.value, LineKind.CORRECTION.value]


def find_lost_events(gateway: PaymentGateway, *, back: timedelta = EVENTS_BACK) -> int:
    """Store the events of the last days that never arrived; returns how many."""
    since = int((clock.now() - back).timestamp())
    found = 0
    # Stripe filters by at most twenty types at once.
    for start in range(0, len(RECOMMENDED), 20):
        wanted = {"types": list(RECOMMENDED[start : start + 20]), "created": {"gte": since}}
        every = gateway.every("events", wanted)
        while some := list(islice(every, PAGE)):
            found += _store_unknown(some)
    return found + _store_unknown(list(gateway.thin_events()))


def _store_unknown(events: Sequence[Remote]) -> int:
    """Nearly all have arrived before: one question to the database tells which have not."""
    ids = [event["id"] for event in events]
    known = set(StripeEvent.objects.filter(stripe_id__in=ids).values_list("stripe_id", flat=True))
    return sum(
        store_event(event, source=StripeEvent.Source.RECONCILIATION)[1]
        for event in events
        if event["id"] not in known
    )


def refresh_open(gateway: PaymentGateway) -> int:
    """Fetch again what is not final and was not looked at for hours, whatever events said."""
    stale = clock.now() - STALE
    invoices = Invoice.objects.filter(stripe_id__isnull=False, synced_at__lt=stale).filter(
        status__in=[Invoice.Status.OPEN, Invoice.Status.DRAFT, Invoice.Status.UNCOLLECTIBLE]
    )
    ids = invoices.order_by("synced_at").values_list("stripe_id", flat=True)[:MAX_FETCHED]
    fetched = together(lambda one: mirror_invoice(gateway, str(one)) is not None, ids)
    customers = StripeCustomer.objects.filter(synced_at__lt=clock.now() - timedelta(days=1))
    for stripe_id in customers.order_by("synced_at").values_list("stripe_id", flat=True)[:500]:
        mirror_customer(gateway, stripe_id)
    return fetched


@dataclass(frozen=True, slots=True)
class Drift:
    """Two figures that should be one. Amounts in minor units, usage in whole counted units.

    `meter`: whose usage it is; empty for money.
    """

    kind: Kind
    what: str
    subject: str
    ours: int
    stripes: int
    meter: str = ""

    @property
    def difference(self) -> int:
        return self.stripes - self.ours


def invoice_drift(gateway: PaymentGateway, *, since: datetime) -> Iterator[Drift]:
    """Rated against invoiced: our lines, our invoice and Stripe's, for invoices made since."""
    rows = Invoice.objects.filter(created_at__gte=since).order_by("id")
    for row in rows:
        rated = _rated(row)
        if rated != row.rated_minor:
            yield Drift(Kind.LINES, "lines of the invoice", row.public_id, rated, row.rated_minor)
        there = gateway.fetch("invoices", row.stripe_id)["subtotal"] if row.stripe_id else 0
        if there != row.charged_minor:
            yield Drift(Kind.INVOICE, "invoice at Stripe", row.public_id, row.charged_minor, there)
    left = BillingPeriod.objects.closed().filter(closed_at__gte=since, invoiced__isnull=True)
    for period in left.exclude(total_minor=0):
        yield Drift(
            Kind.PERIOD, "period without an invoice", period.public_id, period.total_minor, 0
        )


def _rated(invoice: Invoice) -> int:
    lines = RatedLine.objects.filter(period__invoiced__invoice=invoice)
    return int(lines.aggregate(total=Sum("amount_minor"))["total"] or 0)


def usage_drift(
    gateway: PaymentGateway, *, organization_id: int, period: Period
) -> Iterator[Drift]:
    """Sent against counted: what the outbox sent in a period and what Stripe's meters hold."""
    customer = StripeCustomer.objects.filter(organization=organization_id).first()
    if customer is None:
        return
    start, end = int(period.start.timestamp()), int(period.end.timestamp())
    rows = MeterEvent.objects.told_between(period.start, period.end).filter(
        organization=organization_id, state=MeterEvent.State.SENT
    )
    for meter, lane, stripe_id in lanes_of(organization_id):
        sent = rows.filter(meter=meter, lane=lane).aggregate(total=Sum("value"))["total"] or 0
        there = gateway.meter_total(stripe_id, customer.stripe_id, start=start, end=end)
        if there != sent:
            what = f"usage of {meter.slug}"
            yield Drift(Kind.COUNTED, what, customer.stripe_id, sent, there, meter.name)


def rating_drift(period: BillingPeriod) -> Iterator[Drift]:
    """Rated against sent: quantities of a closed period's lines, with later corrections."""
    lines = [*period.lines.filter(origin=None), *period.corrections.all()]
    rated: dict[tuple[int | None, int], dict[str, int]] = {}
    names: dict[int, str] = {}
    for line in lines:
        if line.kind not in COUNTED or line.meter is None:
            continue
        names[line.meter.pk] = line.meter.name
        of_meter = rated.setdefault((line.plan_id, line.meter.pk), {})
        exponent = len(str(line.meter.unit_size)) - 1
        exponent += MICRO_EXPONENT if line.meter.kind == Meter.Kind.UNITS else 0
        of_meter[line.key] = of_meter.get(line.key, 0) + int(line.quantity.scaleb(exponent))
    for (plan_id, meter_id), by_price in rated.items():
        sent = (
            MeterEvent.objects.counted()
            .filter(
                subscription=period.subscription_id,
                plan=plan_id,
                meter=meter_id,
                hour__gte=period.starts_at,
                hour__lt=period.ends_at,
            )
            .aggregate(total=Sum("value"))["total"]
            or 0
        )
        ours = max(by_price.values())
        if ours != sent:
            what = f"usage of meter {meter_id}"
            yield Drift(Kind.RATED, what, period.public_id, ours, sent, names[meter_id])
