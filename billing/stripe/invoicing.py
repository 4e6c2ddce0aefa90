"""Invoices on their way to Stripe: usage first, then a draft, our lines on it, then finalized.

The draft is the one that Stripe makes of metered usage (billing.stripe.drafts), or one of ours.

Each step looks at what is there before it makes anything, and carries an idempotency key; so it can
break off anywhere, for any time, and go on. A draft that does not add up to what was rated is not
finalized.
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apim.core import clock
from apim.core.locks import LockId, try_advisory_lock
from billing.models import Invoice, MeterEvent, RatedLine
from billing.stripe.catalogue import sync_meters
from billing.stripe.customers import ensure_customer
from billing.stripe.drafts import (
    Incomplete,
    adopt,
    check_counted,
    differences,
    lines_of,
    metered_on,
    note_metered,
)
from billing.stripe.metering import collect_of_period, collect_period, send_usage
from billing.stripe.mirror import take_invoice
from billing.stripe.ports import StripeRefused, StripeUnavailable
from billing.stripe.together import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from billing.models import StripeCustomer
    from billing.stripe.drafts import Metered
    from billing.stripe.ports import PaymentGateway, Remote

logger = logging.getLogger(__name__)

MAX_SENT = 1_000
RETRY_BASE_SECONDS, RETRY_MAX_SECONDS = 30, 3_600
DESCRIPTION_LENGTH = 500
METADATA = "apim_invoice"
LINE_METADATA = "apim_line"
CREDIT = "credit"
# docs.stripe.com/changelog/2016-02-22/no-more-than-250-invoice-items; what is more is summed up.
MAX_LINES = 250
REST = "rest"


def send_invoices(gateway: PaymentGateway, *, limit: int = MAX_SENT) -> int:
    """Bring the invoices that are due to Stripe; returns how many got there."""
    with try_advisory_lock(LockId.STRIPE_INVOICES) as held:
        if not held:
            return 0
        rows = Invoice.objects.to_send().filter(due_at__lte=clock.now())
        rows = rows.select_related("organization").order_by("due_at", "id")
        by_customer: dict[int, list[Invoice]] = {}
        for invoice in rows[:limit]:
            by_customer.setdefault(invoice.organization_id, []).append(invoice)
        if by_customer:
            sync_meters(gateway)
        return together(lambda mine: _send_some(gateway, mine), by_customer.values())


def _send_some(gateway: PaymentGateway, invoices: Iterable[Invoice]) -> int:
    """A customer's invoices, one after the other."""
    return sum(_try_to_send(gateway, invoice) for invoice in invoices)


def _try_to_send(gateway: PaymentGateway, invoice: Invoice) -> bool:
    # Counted before it is tried: who comes after a process that died looks for what it left.
    Invoice.objects.filter(pk=invoice.pk).update(attempts=invoice.attempts + 1)
    try:
        _send(gateway, invoice)
    except (StripeUnavailable, StripeRefused, Incomplete) as error:
        logger.warning("invoice %s is not at Stripe yet: %s", invoice.public_id, error)
        wait = min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2 ** min(invoice.attempts, 10))
        Invoice.objects.to_send().filter(pk=invoice.pk).update(
            due_at=clock.now() + timedelta(seconds=random.uniform(wait / 2, wait)),  # noqa: S311
            last_error=str(error)[:400],
        )
        return False
    return True


def _send(gateway: PaymentGateway, invoice: Invoice) -> None:
    _send_usage_first(gateway, invoice)
    customer = ensure_customer(gateway, invoice.organization)
    draft = _draft(gateway, invoice, customer)
    if draft["status"] == "draft":
        draft = _complete(gateway, invoice, customer, draft)
        if draft["subtotal"] != invoice.charged_minor:
            raise Incomplete(
                f"Stripe's draft comes to {draft['subtotal']}, ours to {invoice.charged_minor}"
                f" {invoice.currency} minor units; it is not finalized"
            )
        draft = gateway.finalize_invoice(draft["id"], key=_key(invoice, "finalize"))
    take_invoice(gateway, invoice, draft)
    Invoice.objects.to_send().filter(pk=invoice.pk).update(step=Invoice.Step.DONE, last_error="")


def _send_usage_first(gateway: PaymentGateway, invoice: Invoice) -> None:
    """Stripe knows the usage of a period before its invoice is final."""
    mine: set[int] = set()
    for placed in invoice.periods.select_related("period"):
        period = placed.period.period
        mine.add(placed.period.subscription_id)
        collect_period(period, [placed.period.subscription_id])
        collect_of_period(period, placed.period.subscription_id)
    waiting = MeterEvent.objects.waiting().filter(subscription__in=mine, hour__lt=invoice.ends_at)
    if waiting.exists():
        send_usage(gateway, organization_id=invoice.organization_id)
    if (left := waiting.count()) > 0:
        raise Incomplete(f"{left} hours of usage are not at Stripe yet")


def _draft(gateway: PaymentGateway, invoice: Invoice, customer: StripeCustomer) -> Remote:
    if invoice.stripe_id:
        return gateway.fetch("invoices", invoice.stripe_id)
    found = None
    if invoice.attempts:  # tried before: its answer may have been lost
        every = gateway.every("invoices", {"customer": customer.stripe_id})
        found = next((i for i in every if i["metadata"].get(METADATA) == invoice.public_id), None)
    if found is None:
        found = adopt(gateway, invoice, customer, {METADATA: invoice.public_id})
    if found is None:
        params = _invoice_params(invoice, customer)
        found = gateway.create("invoices", params, key=_key(invoice, customer.stripe_id))
    Invoice.objects.filter(pk=invoice.pk).update(stripe_id=found["id"], status=found["status"])
    invoice.stripe_id = found["id"]
    return found


def _key(invoice: Invoice, what: str) -> str:
    """Holds for one attempt. Stripe answers a key that failed with the same failure for a day."""
    return f"{invoice.public_id}:{what}:{invoice.attempts}"


def _invoice_params(invoice: Invoice, customer: StripeCustomer) -> dict[str, Any]:
    charge: dict[str, Any] = {"collection_method": "charge_automatically"}
    if not customer.has_payment_method:
        charge = {
            "collection_method": "send_invoice",
            "days_until_due": settings.BILLING_PAYMENT_DAYS,
        }
    tax = {"automatic_tax": {"enabled": True}} if settings.STRIPE_TAX else {}
    return {
        "customer": customer.stripe_id,
        "currency": invoice.currency.lower(),
        "auto_advance": False,  # we finalize it, when it is complete
        "pending_invoice_items_behavior": "exclude",
        "metadata": {METADATA: invoice.public_id},
        **charge,
        **tax,
    }


def _complete(
    gateway: PaymentGateway, invoice: Invoice, customer: StripeCustomer, draft: Remote
) -> Remote:
    """Put on the draft what is not on it yet: all that Stripe has not billed by a metered price."""
    rated = list(_rated(invoice))
    there = list(lines_of(gateway, draft))
    metered = metered_on(there, rated)
    check_counted(gateway, invoice, customer, metered)
    note_metered(invoice, metered)
    billed = {line.pk for one in metered for line in one.lines}
    rest = [line for line in rated if line.pk not in billed]
    names = {line["metadata"].get(LINE_METADATA) for line in there}
    wanted = _few([*_lines(invoice, rest), *_differences(metered)])
    missing = [
        params | {"metadata": params["metadata"] | {LINE_METADATA: name}}
        for name, params in wanted
        if name not in names
    ]
    if not missing:
        return gateway.fetch("invoices", draft["id"])
    if settings.STRIPE_TAX:
        return _add_one_by_one(gateway, invoice, customer, missing)
    return gateway.add_lines(draft["id"], missing, key=_key(invoice, "lines"))


def _add_one_by_one(
    gateway: PaymentGateway,
    invoice: Invoice,
    customer: StripeCustomer,
    lines: Iterable[dict[str, Any]],
) -> Remote:
    """Only an invoice item says by itself whether its amount includes tax.

    docs.stripe.com/api/invoice-line-item/bulk knows that of a price only, and of no negative one.
    """
    base = {
        "customer": customer.stripe_id,
        "invoice": invoice.stripe_id,
        "currency": invoice.currency.lower(),
    }
    for line in lines:
        key = _key(invoice, line["metadata"][LINE_METADATA])
        gateway.create("invoice_items", base | line, key=key)
    return gateway.fetch("invoices", str(invoice.stripe_id))


def _few(lines: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """No more lines than an invoice takes: the last ones as one for each tax behavior."""
    if len(lines) <= MAX_LINES:
        return lines
    kept, more = lines[: MAX_LINES - 2], lines[MAX_LINES - 2 :]
    sums: dict[str, int] = {}
    for _name, params in more:
        behavior = params.get("tax_behavior", "")
        sums[behavior] = sums.get(behavior, 0) + params["amount"]
    for behavior, amount in sums.items():
        words = f"{len(more)} more lines, see your invoice in the developer portal"
        rest = {"amount": amount, "description": words, "discountable": False, "metadata": {}}
        tax = {"tax_behavior": behavior} if behavior else {}
        kept.append((f"{REST}{behavior}", rest | tax))
    return kept


def _rated(invoice: Invoice) -> QuerySet[RatedLine]:
    rows = RatedLine.objects.filter(period__invoiced__invoice=invoice).select_related(
        "period__subscription__application", "origin", "version", "plan__product"
    )
    return rows.order_by("period", "position")


def _differences(metered: Sequence[Metered]) -> list[tuple[str, dict[str, Any]]]:
    """Taxed as the prices that they complete."""
    lines = {f"difference:{one.item.pk}": one.lines for one in metered}
    return [(name, params | _tax(lines[name])) for name, params in differences(metered)]


def _lines(invoice: Invoice, rows: Sequence[RatedLine]) -> list[tuple[str, dict[str, Any]]]:
    found = [
        (line.public_id, _line(line))
        for line in rows
        if line.amount_minor or (line.kind in {"usage", "correction"} and line.quantity)
    ]
    if invoice.credit_minor:
        credit = {
            "amount": -invoice.credit_minor,
            "description": "Prepaid credit",
            "discountable": False,
            "metadata": {},
        }
        found.append((CREDIT, credit | _tax(rows)))
    return found


def _line(line: RatedLine) -> dict[str, Any]:
    """Amount and words; the metadata says what it was computed from."""
    origin = line.origin or line.period
    words = f"{line.period.subscription.application.name}: {line.description}"
    if line.plan is not None:
        words = f"{line.plan.product.name} {line.plan.name}, {words}"
    if line.quantity and line.kind != "add_on":
        words = f"{words} ({line.quantity.normalize():,f})"
    metadata = {"apim_period": origin.public_id}
    if line.version is not None:
        metadata["apim_version"] = line.version.public_id
    if line.origin is not None:
        metadata["apim_origin"] = line.origin.public_id
    return {
        "amount": line.amount_minor,
        "description": words[:DESCRIPTION_LENGTH],
        "discountable": False,
        "period": {
            "start": int(origin.starts_at.timestamp()),
            "end": int(origin.ends_at.timestamp()),
        },
        "metadata": metadata,
        **_tax([line]),
    }


def _tax(lines: Sequence[RatedLine] | Any) -> dict[str, str]:
    """Whether the amount includes tax, as the plan version says; only Stripe Tax asks."""
    if not settings.STRIPE_TAX:
        return {}
    version = next((line.version for line in lines if line.version is not None), None)
    return {"tax_behavior": version.tax_behavior if version else "exclusive"}
