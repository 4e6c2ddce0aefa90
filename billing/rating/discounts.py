"""Discounts: percentages of what is left, then amounts; a bill never falls below nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from billing.rating.amounts import EXACT, ZERO, major, round_minor
from billing.rating.lines import Line, LineKind

if TYPE_CHECKING:
    from collections.abc import Iterable

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Discount:
    """Either a `percent` (0 < percent ≤ 100) or an `amount` per period in the bill's currency."""

    key: str
    percent: Decimal = ZERO
    amount: Decimal = ZERO


def discount_lines(discounts: Iterable[Discount], subtotal_minor: int, currency: str) -> list[Line]:
    """One negative line per discount that takes something off.

    Percentages come first, each of what those before it left, rounded like every line; then
    amounts. An amount is never prorated and never more than what is left.
    """
    lines, left = [], subtotal_minor
    for discount in sorted(discounts, key=lambda one: not one.percent):
        if discount.percent:
            share = EXACT.divide(discount.percent, HUNDRED)
            off = round_minor(EXACT.multiply(major(left, currency), share), currency)
        else:
            off = round_minor(discount.amount, currency)
        off = max(0, min(off, left))
        if off:
            left -= off
            base = discount.percent or discount.amount
            lines.append(Line(LineKind.DISCOUNT, discount.key, "", currency, -off, base=base))
    return lines
