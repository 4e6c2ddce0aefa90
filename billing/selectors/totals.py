"""An invoice's sums in the order in which they are added up: lines, credit, taxes, payments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.core.money import Money
from apim.ui.formatting import money_minor
from billing.models import MoneyBack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from billing.models import Invoice


@dataclass(frozen=True, slots=True)
class TotalRow:
    """`is_sum`: the sum of what is above it; else added, or only said where `amount` is None."""

    label: str
    amount: Money | None
    is_sum: bool = False


def invoice_totals(invoice: Invoice, money_back: Iterable[MoneyBack] = ()) -> tuple[TotalRow, ...]:
    """From our lines to what is still due; taxes as Stripe has worked them out."""
    return tuple(_rows(invoice, money_back))


def _rows(invoice: Invoice, money_back: Iterable[MoneyBack]) -> Iterator[TotalRow]:
    def money(minor: int) -> Money:
        return Money(minor, invoice.currency)

    yield TotalRow(_("Lines"), money(invoice.rated_minor))
    if invoice.credit_minor:
        yield TotalRow(_("Paid by prepaid credit"), money(-invoice.credit_minor))
    included = any(tax["is_inclusive"] for tax in invoice.taxes)
    label = _("Subtotal, tax included") if included else _("Subtotal before tax")
    yield TotalRow(label, money(invoice.charged_minor), is_sum=True)
    if not invoice.stripe_id:
        yield TotalRow(_("Tax is worked out when the invoice is sent."), None)
        return
    yield from _taxes(invoice)
    yield TotalRow(_("Total"), money(invoice.total_minor), is_sum=True)
    if invoice.paid_minor:
        yield TotalRow(_("Paid"), money(-invoice.paid_minor))
    for back in money_back:
        if back.kind == MoneyBack.Kind.CREDIT_NOTE:
            yield TotalRow(_("Credit note"), money(-back.amount_minor))
        else:
            yield TotalRow(
                f"{back.get_kind_display()}: {money_minor(back.amount_minor, back.currency)}", None
            )
    yield TotalRow(_("Still due"), money(invoice.due_minor), is_sum=True)


def _taxes(invoice: Invoice) -> Iterator[TotalRow]:
    for tax in invoice.taxes:
        amount = Money(tax["amount_minor"], invoice.currency)
        if tax["reason"] == "reverse_charge":
            yield TotalRow(_("Reverse charge: the tax is owed by the recipient."), None)
        elif tax["is_inclusive"]:
            words = {
                "tax": _named(tax),
                "amount": money_minor(amount.amount_minor, invoice.currency),
            }
            yield TotalRow(_("Of which %(tax)s: %(amount)s") % words, None)
        else:
            words = {"tax": _named(tax), "base": _base(tax, invoice.currency)}
            yield TotalRow(_("%(tax)s on %(base)s") % words, amount)
    if not invoice.taxes:
        yield TotalRow(_("Tax"), Money(invoice.tax_minor, invoice.currency))


def _named(tax: Mapping[str, str]) -> str:
    """Such as “VAT 19 %”."""
    name, percent = tax.get("name") or _("Tax"), tax.get("percent", "")
    return f"{name} {percent}\u00a0%" if percent else name


def _base(tax: Mapping[str, int | None], currency: str) -> str:
    taxable = tax.get("taxable_minor")
    return money_minor(int(taxable), currency) if taxable is not None else "–"
