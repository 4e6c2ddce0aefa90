"""What things cost: the pricing models, and the terms that a plan version puts together.

Amounts are in major units of the terms' currency, quantities in the meter's priced units.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from billing.rating.amounts import ZERO


@dataclass(frozen=True, slots=True)
class Tier:
    """The units above `after` up to and including `up_to`; None has no end.

    `flat_amount` is due once when the first unit of the tier is reached.
    """

    after: Decimal
    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class PerUnit:
    unit_amount: Decimal


@dataclass(frozen=True, slots=True)
class Graduated:
    """Each unit costs what its own tier says."""

    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """All units cost what the tier says that the period's last unit falls into."""

    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """A package of `size` units costs `amount`; one that is begun counts in full."""

    size: Decimal
    amount: Decimal


Pricing = PerUnit | Graduated | Volume | Package


@dataclass(frozen=True, slots=True)
class UsagePrice:
    """The first `included` units of a period are free; tiers and packages count those beyond."""

    key: str
    meter: str
    pricing: Pricing
    included: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Fee:
    """A flat amount per whole period, due for the share of it in which it was held."""

    key: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """One plan version's prices in one currency.

    `minimum` is what fees and usage of a whole period come to at least; a shortfall is a line.
    `setup` is due once, in the first paid period. `trial_days` are free of charge.
    """

    version: str
    currency: str
    usage: tuple[UsagePrice, ...] = ()
    fees: tuple[Fee, ...] = ()
    minimum: Decimal = ZERO
    setup: Decimal = ZERO
    trial_days: int = 0

    @property
    def meters(self) -> frozenset[str]:
        return frozenset(price.meter for price in self.usage)

    @property
    def is_free(self) -> bool:
        """Whether no usage whatever can cost anything."""
        fixed = self.minimum or self.setup or any(fee.amount for fee in self.fees)
        return not fixed and not any(can_cost(price.pricing) for price in self.usage)


def can_cost(pricing: Pricing) -> bool:
    """Whether some quantity costs more than nothing."""
    match pricing:
        case PerUnit(unit_amount):
            return bool(unit_amount)
        case Package(_size, amount):
            return bool(amount)
        case Graduated(tiers) | Volume(tiers):
            return any(tier.unit_amount or tier.flat_amount for tier in tiers)


def per_unit(unit_amount: Decimal, *, included: Decimal = ZERO, meter: str = "calls") -> UsagePrice:
    """The plainest price: so much per unit after the free ones."""
    return UsagePrice(meter, meter, PerUnit(unit_amount), included)


# The largest number that a price or a quantity may have, and how finely they may be written.
MAX_AMOUNT = Decimal(10) ** 12
MAX_QUANTITY = Decimal(10) ** 18
MAX_AMOUNT_DECIMALS = 12
