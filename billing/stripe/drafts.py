"""Drafts that Stripe makes of metered subscriptions: held until our invoice is complete on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apim.core import clock
from billing.models import Invoice, MeteredItem, MeteredLine, MeterEvent, StripeSubscription
from billing.rating.lines import LineKind
from billing.stripe.catalogue import meter_id
from billing.stripe.cycles import Cycle
from billing.stripe.metered import SHIFT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing.models import RatedLine, StripeCustomer
    from billing.stripe.ports import PaymentGateway, Remote

# Sums at Stripe lag behind what was sent; after that the difference is an item of ours.
LAG = timedelta(hours=6)
DIFFERENCE = "apim_difference"
OF_CYCLE = "subscription_cycle"


class Incomplete(Exception):
    """The invoice cannot be completed as it stands; the text says why."""


def hold(gateway: PaymentGateway, found: Remote) -> bool:
    """Keep Stripe from finalizing a draft of metered usage; True if it is one.

    Stripe finalizes what nobody holds an hour after the period's end.
    """
    if found["status"] != "draft" or not found["auto_advance"] or _subscription_of(found) is None:
        return False
    gateway.update("invoices", found["id"], {"auto_advance": False})
    return True


def _subscription_of(found: Remote) -> StripeSubscription | None:
    """docs.stripe.com/api/invoices/object: parent.subscription_details.subscription."""
    if found.get("billing_reason") != OF_CYCLE:
        return None
    details = (found.get("parent") or {}).get("subscription_details") or {}
    return StripeSubscription.objects.filter(stripe_id=details.get("subscription")).first()


def adopt(
    gateway: PaymentGateway, invoice: Invoice, customer: StripeCustomer, metadata: dict[str, str]
) -> Remote | None:
    """The draft that Stripe made of the invoice's period, ours from now on; None if there is none.

    One that Stripe finalized meanwhile, because nobody held it in its hour, is taken back: the
    invoice is made anew, of items alone.
    """
    found = _of_period(gateway, invoice)
    if found is None:
        return None
    if found["status"] == "open":
        gateway.void_invoice(found["id"], key=f"{invoice.public_id}:void:{invoice.attempts}")
        return None
    if found["status"] == "paid" and found["total"]:
        _credit(gateway, found)
    if found["status"] != "draft":
        return None
    changes: dict[str, Any] = {"auto_advance": False, "metadata": metadata}
    if not customer.has_payment_method and found["collection_method"] != "send_invoice":
        changes["collection_method"] = "send_invoice"
        changes["days_until_due"] = settings.BILLING_PAYMENT_DAYS
    elif customer.has_payment_method and found["collection_method"] == "send_invoice":
        changes["collection_method"] = "charge_automatically"
    return gateway.update("invoices", found["id"], changes)


def _credit(gateway: PaymentGateway, found: Remote) -> None:
    """What was paid on it becomes the customer's balance, which pays the invoice that is made anew.

    docs.stripe.com/invoicing/credit-notes: a paid invoice cannot be voided; `credit_amount` goes to
    the balance, which Stripe applies to the next invoice.
    """
    if any(
        note["status"] != "void" for note in gateway.every("credit_notes", {"invoice": found["id"]})
    ):
        return
    params = {
        "invoice": found["id"],
        "amount": found["total"],
        "credit_amount": found["total"],
        "reason": "order_change",
        "memo": "Billed again with all of its lines; what was paid counts for that invoice.",
    }
    gateway.create("credit_notes", params, key=f"credit:{found['id']}")


def _of_period(gateway: PaymentGateway, invoice: Invoice) -> Remote | None:
    rows = StripeSubscription.objects.filter(
        organization=invoice.organization_id, currency=invoice.currency, stripe_id__isnull=False
    ).exclude(ended_at__lt=invoice.ends_at - SHIFT)
    for row in rows:
        turn = Cycle(row.day, row.hour).nearest(invoice.ends_at)
        if abs(turn - invoice.ends_at) > SHIFT:
            continue
        for found in gateway.every("invoices", {"subscription": row.stripe_id}):
            ends_at = datetime.fromtimestamp(found["period_end"], UTC)
            if found["billing_reason"] == OF_CYCLE and ends_at == turn:
                return found
    return None


@dataclass(slots=True)
class Metered:
    """An item's part of a draft: what Stripe made of it, and our lines that it stands for."""

    item: MeteredItem
    stripe_minor: int
    lines: list[RatedLine]

    @property
    def rated_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)

    @property
    def difference_minor(self) -> int:
        return self.rated_minor - self.stripe_minor


def lines_of(gateway: PaymentGateway, draft: Remote) -> Iterable[Remote]:
    """All lines of a draft; the first ten come with it."""
    shown = draft["lines"]
    return gateway.invoice_lines(draft["id"]) if shown["has_more"] else shown["data"]


def metered_on(there: Iterable[Remote], lines: Iterable[RatedLine]) -> list[Metered]:
    """The items of metered usage on a draft, each with the rated lines of the same price.

    `there`: what Stripe has on the draft. `lines`: what we rated.
    """
    amounts: dict[str, int] = {}
    for line in there:
        if (item_id := _item_of(line)) is not None:
            amounts[item_id] = amounts.get(item_id, 0) + line["amount"]
    items = MeteredItem.objects.filter(stripe_id__in=amounts).select_related("component__meter")
    rated = list(lines)
    found = []
    for item in items.order_by("id"):
        mine = [line for line in rated if _is_of(line, item)]
        rated = [line for line in rated if line not in mine]
        found.append(Metered(item, amounts[str(item.stripe_id)], mine))
    return found


def _item_of(line: Remote) -> str | None:
    parent = line.get("parent") or {}
    details = parent.get("subscription_item_details") or {}
    item = details.get("subscription_item")
    return str(item) if item else None


def _is_of(line: RatedLine, item: MeteredItem) -> bool:
    return (
        line.kind == LineKind.USAGE
        and line.period.subscription_id == item.subscription_id
        and line.version_id == item.component.version_id
        and line.key == item.component.key
    )


def check_counted(
    gateway: PaymentGateway, invoice: Invoice, customer: StripeCustomer, found: Iterable[Metered]
) -> None:
    """Raise Incomplete while Stripe's sums lag behind what was sent for the invoice's periods."""
    if invoice.created_at < clock.now() - LAG:
        return
    for one in found:
        cycle = Cycle(one.item.stripe_subscription.day, one.item.stripe_subscription.hour)
        end = cycle.nearest(invoice.ends_at)
        start = cycle.nearest(min(p.period.starts_at for p in invoice.periods.all()))
        sent = _sent(one.item, start, end)
        meter = one.item.component.meter
        assert meter is not None, "a usage price has a meter"
        there = gateway.meter_total(
            meter_id(gateway, meter, one.item.lane),
            customer.stripe_id,
            start=int(start.timestamp()),
            end=int(end.timestamp()),
        )
        if there != sent:
            raise Incomplete(f"Stripe has counted {there} {meter.slug} of {sent} that were sent")


def _sent(item: MeteredItem, start: datetime, end: datetime) -> int:
    rows = MeterEvent.objects.told_between(start, end).filter(
        organization=item.organization_id,
        meter=item.component.meter,
        lane=item.lane,
        state=MeterEvent.State.SENT,
    )
    return sum(rows.values_list("value", flat=True))


def differences(found: Iterable[Metered]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Items of ours for what Stripe's prices could not say, by name."""
    for one in found:
        if one.difference_minor:
            words = f"{one.item.component.name or one.item.component.key}: as rated"
            yield (
                f"difference:{one.item.pk}",
                {
                    "amount": one.difference_minor,
                    "description": words,
                    "discountable": False,
                    "metadata": {DIFFERENCE: str(one.item.stripe_id)},
                },
            )


def note_metered(invoice: Invoice, found: Iterable[Metered]) -> None:
    """Keep both figures, so that everybody can see that they agree, or by how much they do not."""
    MeteredLine.objects.bulk_create(
        [
            MeteredLine(
                organization_id=invoice.organization_id,
                invoice=invoice,
                item=one.item,
                rated_minor=one.rated_minor,
                stripe_minor=one.stripe_minor,
            )
            for one in found
        ],
        update_conflicts=True,
        unique_fields=["invoice", "item"],
        update_fields=["rated_minor", "stripe_minor"],
    )


def let_go(gateway: PaymentGateway, *, before: datetime) -> int:
    """Finalize held drafts of periods that came to nothing, so that none stays for ever.

    `before`: periods that ended earlier are closed, and would have an invoice if they had to.
    """
    done = 0
    for row in StripeSubscription.objects.filter(stripe_id__isnull=False):
        if row.ended_at is not None and row.ended_at < before - timedelta(days=40):
            continue
        for found in gateway.every("invoices", {"subscription": row.stripe_id, "status": "draft"}):
            ends_at = datetime.fromtimestamp(found["period_end"], UTC)
            if ends_at > before or found["metadata"].get("apim_invoice"):
                continue
            if _is_still_to_come(row, ends_at):
                continue
            done += _finish(gateway, found)
    return done


def _is_still_to_come(row: StripeSubscription, ends_at: datetime) -> bool:
    """Whether a period that ended there is open, or its invoice is on its way."""
    near = (ends_at - SHIFT, ends_at + SHIFT)
    invoices = Invoice.objects.filter(organization=row.organization_id, ends_at__range=near)
    if invoices.filter(currency=row.currency, stripe_id=None).exists():
        return True
    items = row.items.filter(starts_at__lt=ends_at).exclude(
        ends_at__lte=ends_at - timedelta(days=32)
    )
    subscriptions = {item.subscription_id for item in items}
    closed = row.organization.billing_periods.filter(
        subscription__in=subscriptions, ends_at__range=near
    )
    return not subscriptions <= set(closed.values_list("subscription_id", flat=True))


def _finish(gateway: PaymentGateway, found: Remote) -> int:
    if found["subtotal"]:
        item = {
            "customer": found["customer"],
            "invoice": found["id"],
            "currency": found["currency"],
            "amount": -found["subtotal"],
            "description": "Rated as nothing",
            "metadata": {DIFFERENCE: found["id"]},
        }
        gateway.create("invoice_items", item)  # a second try finds a draft of nothing
    gateway.finalize_invoice(found["id"], key=f"nothing:{found['id']}:{clock.now():%Y%m%d%H%M}")
    return 1
