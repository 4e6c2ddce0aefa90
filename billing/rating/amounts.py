"""The one rounding rule, and arithmetic that refuses to lose a digit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import TYPE_CHECKING

from apim.core.money import exponent

if TYPE_CHECKING:
    from datetime import datetime

    from apim.core.periods import Period

ZERO = Decimal(0)
# Products of the longest price (24 digits), quantity (27 digits) and percentage fit many times.
# `Inexact` is trapped: an operation that would have to round raises instead.
EXACT = Context(
    prec=200, rounding=ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation, Overflow, FloatOperation]
)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a period in whole seconds; prices per period are due in this proportion."""

    part: int
    whole: int

    @property
    def is_whole(self) -> bool:
        return self.part == self.whole


WHOLE = Share(1, 1)


def share_of(period: Period, *spans: tuple[datetime, datetime]) -> Share:
    """The seconds of the spans (which do not overlap) that lie inside the period.

    Real seconds: the month of a clock change has 3,600 more or fewer.
    """
    part = sum(
        max(0, int((min(end, period.end) - max(start, period.start)).total_seconds()))
        for start, end in spans
    )
    return Share(part, int((period.end - period.start).total_seconds()))


def round_minor(amount: Decimal, currency: str, share: Share = WHOLE) -> int:
    """`amount` × `share` in minor units, rounded once, half to even.

    Exact also where the share is no finite decimal: the division is one of whole numbers.
    """
    minor = EXACT.scaleb(amount, exponent(currency))
    if share.is_whole:
        return int(minor.to_integral_value(ROUND_HALF_EVEN, EXACT))
    numerator, denominator = minor.as_integer_ratio()
    return divide_half_even(numerator * share.part, denominator * share.whole)


def divide_half_even(numerator: int, denominator: int) -> int:
    """The quotient of whole numbers, rounded half to even; the denominator is positive."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return quotient + int(twice > denominator or (twice == denominator and quotient % 2 == 1))


def major(amount_minor: int, currency: str) -> Decimal:
    """Minor units as an exact amount in major units."""
    return Decimal(amount_minor).scaleb(-exponent(currency), EXACT)
