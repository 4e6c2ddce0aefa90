"""Rated lines and the bill that they make: each line says what it was computed from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from billing.rating.amounts import WHOLE, ZERO

if TYPE_CHECKING:
    from decimal import Decimal

    from billing.rating.amounts import Share
    from billing.rating.split import Part


class LineKind(StrEnum):
    SETUP = "setup"
    FEE = "fee"
    USAGE = "usage"
    TRIAL = "trial"
    MINIMUM = "minimum"
    ADD_ON = "add_on"
    DISCOUNT = "discount"
    # What late usage adds to or takes from a period that was closed before.
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Line:
    """One amount and its reasons; `amount_minor` is rounded, all else exact.

    Usage: `quantity` units of `meter`, split into `parts`, the first `included` of them free.
    Fees and minimums: `base` for a whole period, due for `share` of it. A minimum's `base` is the
    promised amount and `amount_minor` what fees and usage fell short of it. Discounts are negative.
    """

    kind: LineKind
    key: str
    version: str
    currency: str
    amount_minor: int
    meter: str = ""
    quantity: Decimal = ZERO
    included: Decimal = ZERO
    parts: tuple[Part, ...] = ()
    base: Decimal = ZERO
    share: Share = WHOLE

    @property
    def charged(self) -> Decimal:
        """Units beyond the free ones."""
        return self.quantity - sum((p.quantity for p in self.parts if p.is_included), ZERO)


@dataclass(frozen=True, slots=True)
class Bill:
    """What one subscription owes for one period, before credits and taxes."""

    currency: str
    lines: tuple[Line, ...]

    @property
    def subtotal_minor(self) -> int:
        """Before discounts."""
        return sum(x.amount_minor for x in self.lines if x.kind is not LineKind.DISCOUNT)

    @property
    def discount_minor(self) -> int:
        """What discounts take off, as a positive number."""
        return -sum(x.amount_minor for x in self.lines if x.kind is LineKind.DISCOUNT)

    @property
    def total_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)
