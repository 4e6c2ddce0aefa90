"""A second, naive rating: Fractions, one unit range at a time, none of the engine's code."""

from dataclasses import dataclass
from fractions import Fraction

MINOR = {"EUR": 100, "USD": 100, "GBP": 100, "CHF": 100, "JPY": 1, "KWD": 1000}


@dataclass
class Case:
    """One segment: plain strings and integers, as a price list would say them."""

    currency: str
    usage: list  # (meter, model, included, numbers)
    quantities: dict
    before: dict
    fees: list
    minimum: str
    setup: str
    seconds: tuple
    discounts: list
    add_ons: list


def half_even(value):
    """Nearest whole number, ties to the even one, by cases."""
    below = value.numerator // value.denominator
    over = value - below
    if over < Fraction(1, 2):
        return below
    if over > Fraction(1, 2):
        return below + 1
    return below if below % 2 == 0 else below + 1


def minor(value, currency):
    return half_even(value * MINOR[currency])


def graduated(units, tiers):
    """The whole price of `units` from nothing."""
    total, start = Fraction(0), 0
    for up_to, unit, flat in tiers:
        if units > start:
            end = units if up_to is None else min(units, up_to)
            total += (end - start) * Fraction(unit) + Fraction(flat)
        start = up_to
        if up_to is None:
            break
    return total


def usage_price(model, numbers, included, before, quantity):
    """What the units before+1 … before+quantity cost, as the difference of two whole prices."""
    paid_before = max(0, before - included)
    paid_after = max(0, before + quantity - included)
    paid = paid_after - paid_before
    if paid == 0:
        return Fraction(0)
    if model == "per_unit":
        return paid * Fraction(numbers)
    if model == "graduated":
        return graduated(paid_after, numbers) - graduated(paid_before, numbers)
    if model == "package":
        size, amount = numbers
        return (-(-paid_after // size) - -(-paid_before // size)) * Fraction(amount)
    start = 0
    for up_to, unit, flat in numbers:
        if up_to is None or paid_after <= up_to:
            reached_now = paid_before <= start
            return paid * Fraction(unit) + (Fraction(flat) if reached_now else 0)
        start = up_to
    raise AssertionError


def bill(case):
    """The total in minor units."""
    share = Fraction(*case.seconds)
    total = 0
    for fee in case.fees:
        total += minor(Fraction(fee) * share, case.currency)
    for meter, model, included, numbers in case.usage:
        price = usage_price(
            model, numbers, included, case.before.get(meter, 0), case.quantities.get(meter, 0)
        )
        total += minor(price, case.currency)
    total = max(total, minor(Fraction(case.minimum) * share, case.currency))
    total += minor(Fraction(case.setup), case.currency)
    for amount, quantity, seconds in case.add_ons:
        total += minor(Fraction(amount) * quantity * Fraction(*seconds), case.currency)
    for percent in [value for kind, value in case.discounts if kind == "percent"]:
        cut = minor(Fraction(total, MINOR[case.currency]) * Fraction(percent) / 100, case.currency)
        total -= min(total, cut)
    for amount in [value for kind, value in case.discounts if kind == "amount"]:
        total -= min(total, minor(Fraction(amount), case.currency))
    return total
