"""Amounts as Stripe computes them: Decimal minor units, each line rounded half up.

Tiers: docs.stripe.com/products-prices/pricing-models. In graduated pricing each tier prices its own
units; in volume pricing the tier that the total reaches prices all of them. A flat amount is due
once its tier is reached.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Charge:
    """One line of a price: `quantity` units at `unit`, or a flat amount when `is_flat`."""

    amount: int
    quantity: int
    unit: Decimal
    is_flat: bool = False
    tier: int | None = None


def rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def decimal_text(number: Decimal) -> str:
    """Return the number without exponent and without trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def charges(price: dict[str, Any], quantity: int) -> list[Charge]:
    """Return what a quantity of a price costs; a negative quantity costs nothing."""
    units = max(quantity, 0)
    if price["billing_scheme"] == "tiered":
        tiers = price["_"]["tiers"]
        return (
            _graduated(tiers, units)
            if price["tiers_mode"] == "graduated"
            else _volume(tiers, units)
        )
    unit = Decimal(price["unit_amount_decimal"])
    if transform := price.get("transform_quantity"):
        way = ROUND_CEILING if transform["round"] == "up" else ROUND_FLOOR
        units = int((Decimal(units) / transform["divide_by"]).to_integral_value(way))
    return [Charge(amount=rounded(unit * units), quantity=units, unit=unit)]


def total(price: dict[str, Any], quantity: int) -> int:
    return sum(charge.amount for charge in charges(price, quantity))


def _graduated(tiers: list[dict[str, Any]], units: int) -> list[Charge]:
    found: list[Charge] = []
    below = 0
    for number, tier in enumerate(tiers, start=1):
        if number > 1 and units <= below:
            break
        upto = units if tier["up_to"] is None else min(units, tier["up_to"])
        found += _tier(tier, number, max(upto - below, 0))
        below = tier["up_to"] or units
    return found


def _volume(tiers: list[dict[str, Any]], units: int) -> list[Charge]:
    for number, tier in enumerate(tiers, start=1):
        if tier["up_to"] is None or units <= tier["up_to"]:
            return _tier(tier, number, units)
    raise AssertionError("the last tier has no end")


def _tier(tier: dict[str, Any], number: int, units: int) -> list[Charge]:
    unit = Decimal(tier["unit_amount_decimal"] or 0)
    found = [Charge(amount=rounded(unit * units), quantity=units, unit=unit, tier=number)]
    flat = Decimal(tier["flat_amount_decimal"] or 0)
    if flat:
        amount = rounded(flat)
        found.append(Charge(amount=amount, quantity=1, unit=flat, is_flat=True, tier=number))
    return found


def prorated(amount: int, *, start: int, end: int, at: int) -> int:
    """Return the share of `amount` for the time from `at` to the period's end, by the second."""
    if end <= start:
        return 0
    return rounded(Decimal(amount) * (end - at) / (end - start))


def split(amount: int, weights: list[int]) -> list[int]:
    """Share an amount out by weights; the parts add up exactly (largest remainder)."""
    whole = sum(weights)
    if whole == 0:
        return [0 for _ in weights]
    parts = [amount * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: -(amount * weights[i] % whole))
    for i in order[: amount - sum(parts)]:
        parts[i] += 1
    return parts


def net(line: dict[str, Any]) -> int:
    """Return a line's amount after discounts and credits."""
    taken = sum(part["amount"] for part in line["pretax_credit_amounts"])
    return int(line["amount"] - taken)
