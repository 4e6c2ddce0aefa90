"""Prices and rated lines as sentences: the same words on every page that shows money."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.core.money import Money
from apim.ui.formatting import number, unit_price
from billing.models import PlanVersion, PriceComponent
from billing.rating.engine import Segment, rate
from billing.rating.lines import LineKind
from billing.selectors.lines import described
from billing.selectors.versions import with_prices
from billing.terms import terms_of, tier_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    from billing.rating.lines import Bill, Line
    from billing.rating.prices import Terms, Tier
    from billing.rating.split import Part

Kind, Model = PriceComponent.Kind, PriceComponent.Model
# A bill says of which plan a line is when it is of so many.
PLANS_TO_NAME = 2


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One price of a version: what it is for, the sentence, and its tiers one by one."""

    label: str
    text: str
    tiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BillRow:
    """One line of a bill: what for, how much of it, how it came to the amount."""

    label: str
    kind: str
    quantity: Decimal
    reasons: tuple[str, ...]
    amount: Money


@dataclass(frozen=True, slots=True)
class WorkedBill:
    """A bill that explains itself; the total is the sum of its rows."""

    rows: tuple[BillRow, ...]
    total: Money


def period_word(months: int) -> str:
    """The length of a billing period, as in “per month”."""
    return {1: _("month"), 3: _("quarter"), 12: _("year")}[months]


def price_rows(version: PlanVersion, currency: str = "") -> tuple[PriceRow, ...]:
    """Every price of the version in the currency (its own), in words."""
    currency = currency or version.currency
    components = [c for c in version.components.all() if c.currency == currency]
    return tuple(_row(component, version.months) for component in components)


def headline(version: PlanVersion) -> tuple[str, str]:
    """The first thing to know of a price and what it is for: (“€49.00”, “per month”)."""
    terms = terms_of(version)
    fees = sum(fee.amount for fee in terms.fees)
    per_period = _("per %(period)s") % {"period": period_word(version.months)}
    if fees:
        return unit_price(fees, terms.currency), per_period
    if terms.minimum:
        return unit_price(terms.minimum, terms.currency), _("at least, %(per)s") % {
            "per": per_period
        }
    price = version.usage_price
    if price is None or price.meter is None:
        return _("Free"), ""
    amount = unit_price(price.first_unit_amount, price.currency)
    if price.model == Model.PACKAGE:
        return amount, _("per %(count)s × %(unit)s") % {
            "count": number(price.package_size or 1),
            "unit": price.meter.shown_unit,
        }
    return amount, _("per %(unit)s") % {"unit": price.meter.shown_unit}


def explained(bill: Bill) -> WorkedBill:
    """The bill's lines in words, of whichever versions they are."""
    ids = {line.version for line in bill.lines if line.version}
    found = with_prices(PlanVersion.objects.filter(public_id__in=ids)).select_related("plan")
    return _worked(bill, {version.public_id: version for version in found})


def _worked(bill: Bill, versions: Mapping[str, PlanVersion]) -> WorkedBill:
    plans = {version.plan_id for version in versions.values()}
    rows = tuple(
        BillRow(
            label=_label(line, versions.get(line.version), is_one_plan=len(plans) < PLANS_TO_NAME),
            kind=line.kind.value,
            quantity=line.quantity,
            reasons=line_reasons(line),
            amount=Money(line.amount_minor, line.currency),
        )
        for line in bill.lines
    )
    return WorkedBill(rows, Money(bill.total_minor, bill.currency))


def _label(line: Line, version: PlanVersion | None, *, is_one_plan: bool) -> str:
    """What the line is for; on a bill of several plans also of which."""
    text = described(line, version)
    return text if is_one_plan or version is None else f"{version.plan.name}: {text}"


def worked_example(
    version: PlanVersion, quantities: Mapping[str, Decimal], currency: str = ""
) -> WorkedBill:
    """What a whole period with these quantities (by meter slug) costs, setup included."""
    terms = terms_of(version, currency)
    segment = Segment(terms, usage=quantities, is_setup_due=True)
    bill = rate([segment], currency=terms.currency)
    return _worked(bill, {version.public_id: version})


def worked_terms(
    terms: Terms, quantities: Mapping[str, Decimal], names: Mapping[str, str]
) -> WorkedBill:
    """As worked_example, of prices that nobody has saved; `names` by price key."""
    segment = Segment(terms, usage=quantities, is_setup_due=True)
    bill = rate([segment], currency=terms.currency)
    worked = _worked(bill, {})
    named = zip(bill.lines, worked.rows, strict=True)
    rows = tuple(replace(row, label=names.get(line.key) or row.label) for line, row in named)
    return replace(worked, rows=rows)


def line_reasons(line: Line) -> tuple[str, ...]:
    """How the line came to its amount, step by step."""
    return tuple(_reasons(line))


def _row(component: PriceComponent, months: int) -> PriceRow:
    amount = unit_price(component.amount, component.currency)
    per = {"amount": amount, "period": period_word(months)}
    match component.kind:
        case Kind.FEE:
            return PriceRow(component.name or _("Flat fee"), _("%(amount)s per %(period)s") % per)
        case Kind.MINIMUM:
            text = _("fees and usage come to at least %(amount)s per %(period)s") % per
            return PriceRow(_("Minimum"), text)
        case Kind.SETUP:
            return PriceRow(_("Setup"), _("%(amount)s once") % per)
        case _:
            return _usage_row(component, amount)


def _usage_row(component: PriceComponent, amount: str) -> PriceRow:
    meter = component.meter
    assert meter is not None
    words = {"amount": amount, "unit": meter.shown_unit, "free": number(component.included)}
    if component.model == Model.PACKAGE:
        words["size"] = number(component.package_size or 1)
        text = _("%(amount)s for each %(size)s (%(unit)s) begun") % words
    elif component.model == Model.GRADUATED:
        text = _("each %(unit)s at the price of its own tier") % words
    elif component.model == Model.VOLUME:
        text = _("all at the price of the tier that the total reaches") % words
    else:
        text = _("%(amount)s per %(unit)s") % words
    if component.included:
        text = _("%(text)s, after %(free)s free") % {"text": text, "free": words["free"]}
    tiers = tuple(_tier(tier_from(row), component.currency) for row in component.tiers)
    return PriceRow(component.name or meter.shown_name, text, tiers)


def _tier(tier: Tier, currency: str) -> str:
    words = {
        "first": number(tier.after + 1),
        "last": number(tier.up_to or 0),
        "amount": unit_price(tier.unit_amount, currency),
        "flat": unit_price(tier.flat_amount, currency),
    }
    text = (
        _("%(first)s and more: %(amount)s each")
        if tier.up_to is None
        else _("%(first)s to %(last)s: %(amount)s each")
    ) % words
    return _("%(text)s, and %(flat)s once") % {"text": text, **words} if tier.flat_amount else text


def _reasons(line: Line) -> Iterator[str]:
    for part in line.parts:
        yield _part(part, line.currency)
    if line.kind in {LineKind.FEE, LineKind.MINIMUM, LineKind.ADD_ON} and line.base:
        words = {
            "amount": unit_price(line.base, line.currency),
            "share": number(100 * line.share.part / line.share.whole, 2),
        }
        if line.kind is LineKind.MINIMUM:
            yield _("at least %(amount)s in a whole period") % words
        if line.kind is LineKind.FEE and line.share.is_whole:
            yield _("%(amount)s for the whole period") % words
        if line.kind is LineKind.ADD_ON and line.quantity:
            yield _("%(quantity)s × %(amount)s") % {"quantity": number(line.quantity), **words}
        if not line.share.is_whole:
            yield _("%(share)s%% of the period, of %(amount)s for all of it") % words


def _part(part: Part, currency: str) -> str:
    words = {
        "quantity": number(part.quantity),
        "amount": unit_price(part.unit_amount, currency),
        "flat": unit_price(part.flat_amount, currency),
        "packages": number(part.packages or 0),
    }
    if part.is_included:
        return _("%(quantity)s free") % words
    if part.packages is not None:
        return _("%(quantity)s in %(packages)s packages × %(amount)s") % words
    text = _("%(quantity)s × %(amount)s") % words
    return _("%(text)s + %(flat)s") % {"text": text, **words} if part.flat_amount else text


def sheets_of(version: PlanVersion) -> Sequence[tuple[str, tuple[PriceRow, ...]]]:
    """(currency, prices in words) for each currency of the version, its own first."""
    return tuple((currency, price_rows(version, currency)) for currency in version.currencies)
