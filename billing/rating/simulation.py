"""A draft plan against real usage: revenue before and after, who wins, who loses, break-even."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import TYPE_CHECKING

from billing.rating.amounts import EXACT, ZERO
from billing.rating.engine import Segment, segment_lines
from billing.rating.prices import Graduated, Package, Volume

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.rating.prices import Terms, UsagePrice


@dataclass(frozen=True, slots=True)
class Outcome:
    """One subscription's total over the simulated periods, under the plan it had and the draft."""

    key: str
    label: str
    organization: str
    before_minor: int
    after_minor: int
    periods: int = 1

    @property
    def difference_minor(self) -> int:
        return self.after_minor - self.before_minor


@dataclass(frozen=True, slots=True)
class Simulation:
    """`winners` pay less under the draft, `losers` more; each with the largest change first."""

    currency: str
    outcomes: tuple[Outcome, ...]
    break_even: tuple[Decimal, ...] = ()

    @property
    def before_minor(self) -> int:
        return sum(outcome.before_minor for outcome in self.outcomes)

    @property
    def after_minor(self) -> int:
        return sum(outcome.after_minor for outcome in self.outcomes)

    @property
    def difference_minor(self) -> int:
        return self.after_minor - self.before_minor

    @property
    def winners(self) -> tuple[Outcome, ...]:
        return _sorted(o for o in self.outcomes if o.difference_minor < 0)

    @property
    def losers(self) -> tuple[Outcome, ...]:
        return _sorted(o for o in self.outcomes if o.difference_minor > 0)

    @property
    def unchanged(self) -> int:
        return sum(outcome.difference_minor == 0 for outcome in self.outcomes)


def _sorted(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    return tuple(sorted(outcomes, key=lambda o: (-abs(o.difference_minor), o.label, o.key)))


# Where the search for break-even ends when no price says more.
SEARCH_TO = Decimal(10) ** 12
_PACKAGES_LOOKED_AT = 64


def break_even(first: Terms, second: Terms, meter: str) -> tuple[Decimal, ...]:
    """The quantities of `meter` per period from which another of the two is the cheaper one.

    Each is the smallest whole quantity at which the order turns. Between two bounds of tiers,
    allowances and the minimum both costs rise steadily, so one turn per stretch is found exactly;
    prices in packages also turn back and forth at single packages, of which the first are looked at.
    Fees and minimum count for a whole period, setup and other meters do not.
    """
    found: list[Decimal] = []
    with localcontext(EXACT):
        points = sorted(_bounds(first, meter) | _bounds(second, meter))
        for low, high in pairwise(points):
            sign = _cheaper(first, second, meter, low)
            if sign != _cheaper(first, second, meter, high):
                found.append(_turn(first, second, meter, low, high))
    return tuple(found)


def _turn(first: Terms, second: Terms, meter: str, low: Decimal, high: Decimal) -> Decimal:
    sign = _cheaper(first, second, meter, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _cheaper(first, second, meter, middle) == sign:
            low = middle
        else:
            high = middle
    return high


def _cheaper(first: Terms, second: Terms, meter: str, quantity: Decimal) -> int:
    """-1 when the first costs less, 1 when the second does, 0 when they cost the same."""
    difference = cost_minor(first, meter, quantity) - cost_minor(second, meter, quantity)
    return (difference > 0) - (difference < 0)


def cost_minor(terms: Terms, meter: str, quantity: Decimal) -> int:
    """A whole period's fees, minimum and `quantity` units of one meter. In the EXACT context."""
    segment = Segment(terms, usage={meter: quantity})
    return sum(line.amount_minor for line in segment_lines(segment))


def _bounds(terms: Terms, meter: str) -> set[Decimal]:
    """Quantities between which the cost rises steadily."""
    points = {ZERO, SEARCH_TO} | {Decimal(10) ** power for power in range(12)}
    for price in terms.usage:
        if price.meter == meter:
            points |= _own_bounds(price)
    if terms.minimum:
        points.add(_minimum_reached(terms, meter))
    return points | {point + 1 for point in points if point < SEARCH_TO}


def _own_bounds(price: UsagePrice) -> set[Decimal]:
    points = {price.included}
    match price.pricing:
        case Graduated(tiers) | Volume(tiers):
            points |= {price.included + tier.up_to for tier in tiers if tier.up_to is not None}
        case Package(size, _amount):
            points |= {price.included + size * n for n in range(1, _PACKAGES_LOOKED_AT)}
        case _:
            pass
    return {point for point in points if point < SEARCH_TO}


def _minimum_reached(terms: Terms, meter: str) -> Decimal:
    """The smallest quantity at which the minimum no longer decides."""
    low, high = ZERO, SEARCH_TO
    lowest = cost_minor(terms, meter, ZERO)
    while high - low > 1:
        middle = (low + high) // 2
        if cost_minor(terms, meter, middle) <= lowest:
            low = middle
        else:
            high = middle
    return low
