"""What Stripe says of invoices and money back, taken over. Always fetched, never from an event.

So the order in which events arrive does not matter.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from apim.audit.actors import SYSTEM
from apim.audit.services import record
from apim.core import clock
from billing.models import Invoice, MoneyBack, StripeCustomer
from billing.stripe.taxes import tax_rows

if TYPE_CHECKING:
    from billing.stripe.ports import PaymentGateway, Remote

Status = Invoice.Status
OWED = frozenset({Status.OPEN, Status.UNCOLLECTIBLE})
UNSETTLED = OWED | {Status.DRAFT}


def mirror_invoice(gateway: PaymentGateway, stripe_id: str) -> Invoice | None:
    """Take over the invoice as it is now; None when it is none of ours."""
    return take_over(gateway, gateway.fetch("invoices", stripe_id))


def take_over(gateway: PaymentGateway, found: Remote) -> Invoice | None:
    """As `mirror_invoice`, for one that was just fetched."""
    row = Invoice.objects.filter(stripe_id=found["id"]).first()
    if row is None:
        named = found["metadata"].get("apim_invoice", "")
        row = Invoice.objects.filter(public_id=named, stripe_id=None).first()
    return take_invoice(gateway, row, found) if row is not None else None


def take_invoice(gateway: PaymentGateway, invoice: Invoice, found: Remote) -> Invoice:
    """Write Stripe's fields into our row, and what has changed into the audit log."""
    return _write(invoice, found, tax_rows(gateway, found))


@transaction.atomic
def _write(invoice: Invoice, found: Remote, taxes: list[dict[str, Any]]) -> Invoice:
    row = Invoice.objects.select_for_update().get(pk=invoice.pk)
    before = row.status
    for name, value in _values(found).items():
        setattr(row, name, value)
    row.taxes = taxes
    row.unpaid_since = _unpaid_since(row, found)
    if row.unpaid_since is None:
        row.reminders = 0
    row.synced_at = clock.now()
    row.save()
    if row.status != before:
        after = {"status": row.status, "total_minor": row.total_minor, "currency": row.currency}
        record(SYSTEM, f"invoice.{row.status}", row, before={"status": before}, after=after)
    return row


def _values(found: Remote) -> dict[str, Any]:
    moments = found.get("status_transitions") or {}
    error = found.get("last_finalization_error") or {}
    return {
        "stripe_id": found["id"],
        "number": found.get("number") or "",
        "status": found.get("status") or "",
        "subtotal_minor": found["subtotal"],
        "tax_minor": sum(tax["amount"] for tax in found.get("total_taxes") or ()),
        "total_minor": found["total"],
        # `amount_due` stays what was asked for; what is left of it is another field.
        "due_minor": found["amount_remaining"] if found.get("status") in UNSETTLED else 0,
        "paid_minor": found["amount_paid"],
        "payment_attempts": found.get("attempt_count") or 0,
        "tax_status": (found.get("automatic_tax") or {}).get("status") or "",
        "problem": str(error.get("message") or "")[:400],
        "page_url": found.get("hosted_invoice_url") or "",
        "pdf_url": found.get("invoice_pdf") or "",
        "payment_due_at": _moment(found.get("due_date")),
        "finalized_at": _moment(moments.get("finalized_at")),
        "paid_at": _moment(moments.get("paid_at")),
    }


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _unpaid_since(row: Invoice, found: Remote) -> datetime | None:
    """Since a payment failed, or since the day it was due; kept while it is owed."""
    if row.status not in OWED:
        return None
    if row.unpaid_since is not None:
        return row.unpaid_since
    now = clock.now()
    if row.payment_due_at is not None:
        return row.payment_due_at if row.payment_due_at <= now else None
    return now if found.get("attempted") else None


def mirror_charge(gateway: PaymentGateway, charge_id: str) -> None:
    """Take over refunds and disputes of a charge, and the invoice that it paid."""
    charge = gateway.fetch("charges", charge_id)
    customer = _customer(charge.get("customer"))
    if customer is None:
        return
    invoice = _invoice_of(gateway, charge)
    for kind, what in ((MoneyBack.Kind.REFUND, "refunds"), (MoneyBack.Kind.DISPUTE, "disputes")):
        for found in gateway.every(what, {"charge": charge_id}):
            _take_back(kind, customer, invoice, found)
    if invoice is not None and invoice.stripe_id:
        mirror_invoice(gateway, invoice.stripe_id)


def mirror_credit_note(gateway: PaymentGateway, stripe_id: str) -> None:
    found = gateway.fetch("credit_notes", stripe_id)
    customer = _customer(found.get("customer"))
    if customer is None:
        return
    invoice = Invoice.objects.filter(stripe_id=found["invoice"]).first()
    _take_back(MoneyBack.Kind.CREDIT_NOTE, customer, invoice, found)
    if invoice is not None:
        mirror_invoice(gateway, found["invoice"])


def _customer(stripe_id: str | None) -> StripeCustomer | None:
    return StripeCustomer.objects.filter(stripe_id=stripe_id).first() if stripe_id else None


def _invoice_of(gateway: PaymentGateway, charge: Remote) -> Invoice | None:
    """docs.stripe.com/api/invoice-payment: the payment intent names the invoice."""
    intent = charge.get("payment_intent")
    if not intent:
        return None
    payment = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    paid = next(gateway.every("invoice_payments", payment), None)
    return Invoice.objects.filter(stripe_id=paid["invoice"]).first() if paid else None


@transaction.atomic
def _take_back(kind: str, customer: StripeCustomer, invoice: Invoice | None, found: Remote) -> None:
    values = {
        "organization_id": customer.organization_id,
        "invoice": invoice,
        "kind": kind,
        "amount_minor": found["amount"],
        "currency": str(found["currency"]).upper(),
        "status": found.get("status") or "",
        "reason": str(found.get("reason") or "")[:80],
        "at": _moment(found["created"]),
    }
    before = MoneyBack.objects.filter(stripe_id=found["id"]).first()
    row, _made = MoneyBack.objects.update_or_create(stripe_id=found["id"], defaults=values)
    if before is None or before.status != row.status:
        after = {"amount_minor": row.amount_minor, "currency": row.currency, "status": row.status}
        about = invoice or customer.organization
        organization_id = customer.organization_id
        record(SYSTEM, f"{kind}.noted", about, after=after, organization_id=organization_id)
