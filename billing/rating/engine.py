"""Rating one subscription's period: terms, usage and time in, a bill out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from billing.rating.amounts import EXACT, WHOLE, ZERO, Share, major, round_minor
from billing.rating.discounts import discount_lines
from billing.rating.lines import Bill, Line, LineKind
from billing.rating.prices import PerUnit, UsagePrice
from billing.rating.split import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from billing.rating.discounts import Discount
    from billing.rating.prices import Terms

Quantities = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Segment:
    """A subscription's time on one set of terms in one period.

    `share`: the part of the period that fees and minimum are due for (pauses and trial excluded).
    `usage`: quantities by meter of the paid time; `trial_usage` of the trial, shown but free.
    `before`: what an earlier segment of the same allowance has used up.
    """

    terms: Terms
    share: Share = WHOLE
    usage: Quantities = field(default_factory=dict)
    trial_usage: Quantities = field(default_factory=dict)
    before: Quantities = field(default_factory=dict)
    is_setup_due: bool = False


@dataclass(frozen=True, slots=True)
class HeldAddOn:
    """`quantity` of an add-on at `amount` per whole period, held for `share` of it.

    With a `meter`: the `used` units at `amount` each, whatever the share.
    """

    key: str
    amount: Decimal
    quantity: int = 1
    share: Share = WHOLE
    meter: str = ""
    used: Decimal = ZERO


def rate(
    segments: Sequence[Segment],
    *,
    currency: str,
    rated: Sequence[Line] = (),
    add_ons: Iterable[HeldAddOn] = (),
    discounts: Iterable[Discount] = (),
) -> Bill:
    """The bill of one period: setup, fees, usage and minimum per segment, add-ons, discounts.

    `rated`: lines of segments that were rated before, with `segment_lines`.
    Raises ValueError when terms are in another currency: amounts are never added across them.
    """
    if any(segment.terms.currency != currency for segment in segments):
        raise ValueError(f"all terms of a bill are in its currency, {currency}")
    with localcontext(EXACT):
        lines = [*rated, *(line for segment in segments for line in segment_lines(segment))]
        lines += (_add_on_line(add_on, currency) for add_on in add_ons)
        subtotal = sum(line.amount_minor for line in lines)
        lines += discount_lines(discounts, subtotal, currency)
    return Bill(currency, tuple(lines))


def segment_lines(segment: Segment) -> Iterator[Line]:
    """Setup, fees, usage and the minimum of one segment. Runs in the EXACT context."""
    terms = segment.terms
    if segment.is_setup_due and terms.setup:
        amount = round_minor(terms.setup, terms.currency)
        yield Line(LineKind.SETUP, "setup", terms.version, terms.currency, amount, base=terms.setup)
    towards_minimum = 0
    for line in (*_fee_lines(segment), *_usage_lines(segment)):
        towards_minimum += line.amount_minor
        yield line
    if terms.minimum:
        promised = round_minor(terms.minimum, terms.currency, segment.share)
        if promised > towards_minimum:
            yield Line(
                LineKind.MINIMUM,
                "minimum",
                terms.version,
                terms.currency,
                promised - towards_minimum,
                base=terms.minimum,
                share=segment.share,
            )


def _fee_lines(segment: Segment) -> Iterator[Line]:
    terms = segment.terms
    for fee in terms.fees:
        amount = round_minor(fee.amount, terms.currency, segment.share)
        yield Line(
            LineKind.FEE,
            fee.key,
            terms.version,
            terms.currency,
            amount,
            base=fee.amount,
            share=segment.share,
        )


def _usage_lines(segment: Segment) -> Iterator[Line]:
    for price in segment.terms.usage:
        tried = segment.trial_usage.get(price.meter, ZERO)
        if tried:
            yield Line(
                LineKind.TRIAL,
                price.key,
                segment.terms.version,
                segment.terms.currency,
                0,
                meter=price.meter,
                quantity=tried,
            )
        yield usage_line(segment, price)


def usage_line(segment: Segment, price: UsagePrice) -> Line:
    """Usage × price, tier by tier, rounded once. Runs in the EXACT context."""
    quantity = segment.usage.get(price.meter, ZERO)
    before = segment.before.get(price.meter, ZERO)
    parts = split(price, quantity, before)
    amount = sum((part.amount for part in parts), ZERO)
    return Line(
        LineKind.USAGE,
        price.key,
        segment.terms.version,
        segment.terms.currency,
        round_minor(amount, segment.terms.currency),
        meter=price.meter,
        quantity=quantity,
        included=max(ZERO, price.included - before),
        parts=parts,
    )


def _add_on_line(add_on: HeldAddOn, currency: str) -> Line:
    if add_on.meter:
        return _metered_add_on_line(add_on, currency)
    base = add_on.amount * add_on.quantity
    return Line(
        LineKind.ADD_ON,
        add_on.key,
        "",
        currency,
        round_minor(base, currency, add_on.share),
        quantity=Decimal(add_on.quantity),
        base=base,
        share=add_on.share,
    )


def _metered_add_on_line(add_on: HeldAddOn, currency: str) -> Line:
    price = UsagePrice(add_on.key, add_on.meter, PerUnit(add_on.amount))
    parts = split(price, add_on.used)
    amount = round_minor(sum((part.amount for part in parts), ZERO), currency)
    return Line(
        LineKind.ADD_ON,
        add_on.key,
        "",
        currency,
        amount,
        meter=add_on.meter,
        quantity=add_on.used,
        parts=parts,
    )


def effective_unit_amount(line: Line) -> Decimal | None:
    """What a charged unit came to on average, to 12 decimals; None when nothing was charged."""
    if not line.charged:
        return None
    average = major(line.amount_minor, line.currency) / line.charged
    return average.quantize(Decimal("1E-12"))
