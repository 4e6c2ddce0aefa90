"""A quantity under a price, tier by tier: every part says what it cost and why."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from billing.rating.amounts import EXACT, ZERO
from billing.rating.prices import Graduated, Package, PerUnit, Tier, UsagePrice, Volume

if TYPE_CHECKING:
    from billing.rating.prices import Pricing


@dataclass(frozen=True, slots=True)
class Part:
    """`quantity` units, those after the first `after` of the period; `amount` is exact.

    amount = quantity × unit_amount + flat_amount, or packages × unit_amount for packages.
    """

    after: Decimal
    quantity: Decimal
    unit_amount: Decimal
    flat_amount: Decimal
    amount: Decimal
    is_included: bool = False
    packages: int | None = None


def split(price: UsagePrice, quantity: Decimal, before: Decimal = ZERO) -> tuple[Part, ...]:
    """The parts of `quantity` units that follow `before` units of the same period.

    `before` is not zero where one allowance spans several lines: an application that leaves a plan
    and comes back. Nothing is charged twice: graduated tiers and packages go on where the earlier
    line ended; under volume pricing all units so far choose the tier of those that follow.
    Runs in the EXACT context.
    """
    if quantity <= 0:
        return ()
    free = min(quantity, max(ZERO, EXACT.subtract(price.included, before)))
    parts = [Part(before, free, ZERO, ZERO, ZERO, is_included=True)] if free else []
    charged = EXACT.subtract(quantity, free)
    if charged:
        charged_before = max(ZERO, EXACT.subtract(before, price.included))
        offset = EXACT.add(before, free)
        parts += _charged(
            price.pricing, charged, charged_before, EXACT.subtract(offset, charged_before)
        )
    return tuple(parts)


def _charged(pricing: Pricing, quantity: Decimal, before: Decimal, offset: Decimal) -> list[Part]:
    """Parts of charged units; `offset` is how many free units stand before them."""
    match pricing:
        case PerUnit(unit_amount):
            amount = EXACT.multiply(quantity, unit_amount)
            return [Part(EXACT.add(before, offset), quantity, unit_amount, ZERO, amount)]
        case Graduated(tiers):
            return _graduated(tiers, quantity, before, offset)
        case Volume(tiers):
            return [_volume(tiers, quantity, before, offset)]
        case Package(size, amount):
            return [_packages(size, amount, quantity, before, offset)]


def _graduated(
    tiers: tuple[Tier, ...], quantity: Decimal, before: Decimal, offset: Decimal
) -> list[Part]:
    last = EXACT.add(before, quantity)
    parts = []
    for tier in tiers:
        start = max(before, tier.after)
        end = last if tier.up_to is None else min(last, tier.up_to)
        if end <= start:
            continue
        flat = tier.flat_amount if before <= tier.after else ZERO  # due once, by the first unit
        units = EXACT.subtract(end, start)
        amount = EXACT.add(EXACT.multiply(units, tier.unit_amount), flat)
        parts.append(Part(EXACT.add(start, offset), units, tier.unit_amount, flat, amount))
    return parts


def _volume(tiers: tuple[Tier, ...], quantity: Decimal, before: Decimal, offset: Decimal) -> Part:
    last = EXACT.add(before, quantity)
    tier = next(tier for tier in tiers if tier.up_to is None or last <= tier.up_to)
    flat = tier.flat_amount if before <= tier.after else ZERO
    amount = EXACT.add(EXACT.multiply(quantity, tier.unit_amount), flat)
    return Part(EXACT.add(before, offset), quantity, tier.unit_amount, flat, amount)


def _packages(
    size: Decimal, amount: Decimal, quantity: Decimal, before: Decimal, offset: Decimal
) -> Part:
    begun = packages_begun(EXACT.add(before, quantity), size) - packages_begun(before, size)
    return Part(
        after=EXACT.add(before, offset),
        quantity=quantity,
        unit_amount=amount,
        flat_amount=ZERO,
        amount=EXACT.multiply(Decimal(begun), amount),
        packages=begun,
    )


def packages_begun(quantity: Decimal, size: Decimal) -> int:
    """How many packages hold `quantity` units; one that is begun counts."""
    whole, rest = EXACT.divmod(quantity, size)
    return int(whole) + int(rest > 0)
