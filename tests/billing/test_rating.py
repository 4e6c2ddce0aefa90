"""Rating is exact: free calls first, then calls times price, rounded once, half to even."""

import random
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

import pytest

from apim.core.money import Money
from billing.charges import rate


@pytest.mark.parametrize(
    ("amount", "included", "calls", "minor"),
    [
        ("0.01", 0, 0, 0),
        ("0.01", 0, 1, 1),
        ("0.01", 100, 100, 0),
        ("0.01", 100, 101, 1),
        ("0.005", 0, 1, 0),  # half a cent, to even
        ("0.005", 0, 3, 2),
        ("0.000000000001", 0, 10**15, 100_000),
        ("0.000000000001", 0, 10**18 + 5 * 10**9, 100_000_000),  # exactly half a cent more
        ("99999999.999999999999", 0, 10**15, 10**25 - 100_000),
        ("0", 0, 10**12, 0),
    ],
)
def test_charged_calls_times_price_rounded_half_to_even(amount, included, calls, minor):
    charged, money = rate(calls, included, Decimal(amount), "EUR")
    assert charged == max(0, calls - included)
    assert money == Money(minor, "EUR")


def test_currencies_without_and_with_three_decimals():
    assert rate(3, 0, Decimal("0.5"), "JPY")[1] == Money(2, "JPY")
    assert rate(3, 0, Decimal("0.5"), "KWD")[1] == Money(1500, "KWD")


def test_the_amount_is_never_half_a_cent_from_the_exact_one():
    rng = random.Random(11)
    exactly = Context(prec=100)
    for _ in range(2000):
        calls, included = rng.randrange(10 ** rng.randrange(1, 16)), rng.randrange(10**6)
        amount = Decimal(rng.randrange(10**20)).scaleb(-12)
        charged, money = rate(calls, included, amount, "EUR")
        exact = Fraction(amount) * charged * 100
        assert abs(Fraction(money.amount_minor) - exact) <= Fraction(1, 2)
        product = exactly.multiply(amount, Decimal(charged * 100))
        rounded = product.quantize(Decimal(1), ROUND_HALF_EVEN, context=exactly)
        assert money.amount_minor == int(rounded)
