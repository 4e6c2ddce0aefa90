"""Taxes as Stripe works them out: those of an invoice in words, and those of a bill beforehand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache

from apim.core.money import Money
from billing.models import PlanVersion, StripeCustomer
from billing.stripe.adapter import connect, is_configured
from billing.stripe.ports import StripeRefused, StripeUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.rating.lines import Bill
    from billing.selectors.outlook import ExplainedChange
    from billing.stripe.ports import PaymentGateway, Remote

# A rate at Stripe keeps its percentage; docs.stripe.com/tax/tax-rates
RATE_SECONDS = 86_400
EXCLUSIVE = PlanVersion.TaxBehavior.EXCLUSIVE.value


def tax_rows(gateway: PaymentGateway, found: Remote) -> list[dict[str, Any]]:
    """The taxes of an invoice of Stripe's, as `Invoice.taxes` keeps them."""
    return [_row(gateway, tax) for tax in found.get("total_taxes") or ()]


def _row(gateway: PaymentGateway, tax: Mapping[str, Any]) -> dict[str, Any]:
    named = (tax.get("tax_rate_details") or {}).get("tax_rate")
    rate = _rate(gateway, str(named)) if named else {}
    return {
        **rate,
        "amount_minor": tax["amount"],
        "taxable_minor": tax.get("taxable_amount"),
        "is_inclusive": tax.get("tax_behavior") == "inclusive",
        "reason": tax.get("taxability_reason") or "",
    }


def _rate(gateway: PaymentGateway, rate_id: str) -> dict[str, str]:
    """Name and percentage; nothing where Stripe does not say them now."""
    key = f"stripe-tax-rate:{rate_id}"
    known: dict[str, str] | None = cache.get(key)
    if known is not None:
        return known
    try:
        found = gateway.fetch("tax_rates", rate_id)
    except (StripeRefused, StripeUnavailable):
        return {"name": "", "percent": ""}
    percent = found.get("effective_percentage") or found.get("percentage") or 0
    row = {"name": str(found.get("display_name") or ""), "percent": f"{percent:g}"}
    cache.set(key, row, RATE_SECONDS)
    return row


def tax_of_bill(gateway: PaymentGateway, organization_id: int, bill: Bill) -> int | None:
    """The tax that would be added to (not the one included in) a bill, in minor units.

    Worked out by Stripe from the lines that the invoice will have. None where Stripe Tax is not
    used, the customer has no address there yet, or Stripe does not answer.
    """
    customer = StripeCustomer.objects.filter(organization=organization_id, is_deleted=False).first()
    if not settings.STRIPE_TAX or customer is None:
        return None
    items = bill_items(bill)
    if not items:
        return 0
    params = {
        "customer": customer.stripe_id,
        "currency": bill.currency.lower(),
        "automatic_tax": {"enabled": True},
        "invoice_items": items,
    }
    try:
        found = gateway.preview_invoice(params)
    except (StripeRefused, StripeUnavailable):
        return None
    if (found.get("automatic_tax") or {}).get("status") != "complete":
        return None
    added = [t for t in found.get("total_taxes") or () if t.get("tax_behavior") != "inclusive"]
    return sum(int(tax["amount"]) for tax in added)


def with_taxes(change: ExplainedChange, organization_id: int) -> ExplainedChange:
    """The change with the tax that its bills will get, as far as Stripe says it now."""
    if not settings.STRIPE_TAX or not is_configured():
        return change
    gateway = connect()
    found: list[Money] = []
    for bill in change.preview.changed:
        amount = tax_of_bill(gateway, organization_id, bill)
        if amount is None:
            return change
        found.append(Money(amount, bill.currency))
    return replace(change, taxes=tuple(found))


def bill_items(bill: Bill) -> list[dict[str, Any]]:
    """The bill's lines as items of a preview, with the tax behaviour of their plan versions."""
    ids = {line.version for line in bill.lines if line.version}
    rows = PlanVersion.objects.filter(public_id__in=ids)
    behaviors = dict(rows.values_list("public_id", "tax_behavior"))
    return [
        {
            "amount": line.amount_minor,
            "currency": bill.currency.lower(),
            "tax_behavior": behaviors.get(line.version, EXCLUSIVE),
        }
        for line in bill.lines
        if line.amount_minor
    ]
