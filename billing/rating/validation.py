"""What is wrong with terms, before anybody is charged by them. Plain codes; billing words them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from billing.rating.amounts import ZERO
from billing.rating.prices import (
    MAX_AMOUNT,
    MAX_AMOUNT_DECIMALS,
    MAX_QUANTITY,
    Graduated,
    Package,
    PerUnit,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from billing.rating.prices import Terms, Tier, UsagePrice

MAX_TIERS = 100
MAX_TRIAL_DAYS = 366


@dataclass(frozen=True, slots=True)
class Problem:
    """`field` is a path such as `usage.0.tiers.2.up_to`; `code` one of the codes of this module."""

    field: str
    code: str
    value: str = ""


def problems(terms: Terms) -> tuple[Problem, ...]:
    """All that is wrong with the terms; empty when they can be charged by."""
    return tuple(_problems(terms))


def _problems(terms: Terms) -> Iterator[Problem]:
    for name in ("minimum", "setup"):
        yield from _amount(name, getattr(terms, name))
    for index, fee in enumerate(terms.fees):
        yield from _amount(f"fees.{index}.amount", fee.amount)
    if not 0 <= terms.trial_days <= MAX_TRIAL_DAYS:
        yield Problem("trial_days", "trial_length", str(MAX_TRIAL_DAYS))
    keys = [*(price.key for price in terms.usage), *(fee.key for fee in terms.fees)]
    if len(set(keys)) != len(keys):
        yield Problem("usage", "key_twice")
    for index, price in enumerate(terms.usage):
        yield from _usage(f"usage.{index}", price)


def _usage(field: str, price: UsagePrice) -> Iterator[Problem]:
    yield from _quantity(f"{field}.included", price.included, least=ZERO)
    match price.pricing:
        case PerUnit(unit_amount):
            yield from _amount(f"{field}.unit_amount", unit_amount)
        case Package(size, amount):
            yield from _quantity(f"{field}.package_size", size, least=None)
            yield from _amount(f"{field}.package_amount", amount)
        case Graduated(tiers) | Volume(tiers):
            yield from _tiers(f"{field}.tiers", tiers)


def _tiers(field: str, tiers: tuple[Tier, ...]) -> Iterator[Problem]:
    if not tiers:
        yield Problem(field, "no_tiers")
    elif len(tiers) > MAX_TIERS:
        yield Problem(field, "too_many_tiers", str(MAX_TIERS))
    else:
        amiss = [p for index, tier in enumerate(tiers) for p in _tier(f"{field}.{index}", tier)]
        # Bounds that are no numbers cannot be compared.
        yield from amiss or _row(field, tiers)


def _tier(field: str, tier: Tier) -> Iterator[Problem]:
    yield from _amount(f"{field}.unit_amount", tier.unit_amount)
    yield from _amount(f"{field}.flat_amount", tier.flat_amount)
    yield from _quantity(f"{field}.after", tier.after, least=ZERO)
    if tier.up_to is not None:
        yield from _quantity(f"{field}.up_to", tier.up_to, least=None)


def _row(field: str, tiers: tuple[Tier, ...]) -> Iterator[Problem]:
    """From nothing to the end, without a gap or an overlap."""
    if tiers[0].after:
        yield Problem(f"{field}.0.after", "tier_gap", "0")
    for index, tier in enumerate(tiers):
        if tier.up_to is not None and tier.up_to <= tier.after:
            yield Problem(f"{field}.{index}.up_to", "tier_empty", f"{tier.after:f}")
    for index, (one, following) in enumerate(pairwise(tiers)):
        if one.up_to is None:
            yield Problem(f"{field}.{index}.up_to", "tier_endless")
        elif one.up_to != following.after:
            code = "tier_gap" if following.after > one.up_to else "tier_overlap"
            yield Problem(f"{field}.{index + 1}.after", code, f"{one.up_to:f}")
    if tiers[-1].up_to is not None:
        yield Problem(f"{field}.{len(tiers) - 1}.up_to", "tier_last_ends")


def _amount(field: str, amount: Decimal) -> Iterator[Problem]:
    if not amount.is_finite() or amount < 0:
        yield Problem(field, "negative")
    elif amount >= MAX_AMOUNT:
        yield Problem(field, "too_large", f"{MAX_AMOUNT:f}")
    elif -int(amount.normalize().as_tuple().exponent) > MAX_AMOUNT_DECIMALS:
        yield Problem(field, "too_fine", str(MAX_AMOUNT_DECIMALS))


def _quantity(field: str, quantity: Decimal, *, least: Decimal | None) -> Iterator[Problem]:
    """`least` None asks for more than nothing."""
    if not quantity.is_finite() or quantity < 0 or (least is None and not quantity):
        yield Problem(field, "negative" if least is not None else "not_positive")
    elif quantity > MAX_QUANTITY:
        yield Problem(field, "too_large", f"{MAX_QUANTITY:f}")
    elif quantity != quantity.to_integral_value():
        yield Problem(field, "not_whole")
