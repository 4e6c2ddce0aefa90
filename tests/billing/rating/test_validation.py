"""Terms that nobody could be charged by are refused by field."""

from decimal import Decimal

import pytest

from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    PerUnit,
    Terms,
    Tier,
    UsagePrice,
    Volume,
)
from billing.rating.validation import MAX_TIERS, problems

D = Decimal


def found(pricing, **terms):
    made = Terms("v1", "EUR", usage=(UsagePrice("calls", "calls", pricing),), **terms)
    return [(problem.field, problem.code) for problem in problems(made)]


def tier(after, up_to, unit="1", flat="0"):
    return Tier(D(after), None if up_to is None else D(up_to), D(unit), D(flat))


@pytest.mark.parametrize(
    ("tiers", "problem"),
    [
        ([], ("usage.0.tiers", "no_tiers")),
        ([tier(0, 10)], ("usage.0.tiers.0.up_to", "tier_last_ends")),
        ([tier(5, None)], ("usage.0.tiers.0.after", "tier_gap")),
        ([tier(0, 10), tier(12, None)], ("usage.0.tiers.1.after", "tier_gap")),
        ([tier(0, 10), tier(8, None)], ("usage.0.tiers.1.after", "tier_overlap")),
        ([tier(0, None), tier(8, None)], ("usage.0.tiers.0.up_to", "tier_endless")),
        ([tier(0, 10), tier(10, 10), tier(10, None)], ("usage.0.tiers.1.up_to", "tier_empty")),
        ([tier(0, None, unit="-1")], ("usage.0.tiers.0.unit_amount", "negative")),
        ([tier(0, None, flat="-1")], ("usage.0.tiers.0.flat_amount", "negative")),
        ([tier(0, "NaN"), tier(10, None)], ("usage.0.tiers.0.up_to", "not_positive")),
        ([tier(0, "1.5"), tier("1.5", None)], ("usage.0.tiers.0.up_to", "not_whole")),
        ([tier(0, None, unit="0.0000000000001")], ("usage.0.tiers.0.unit_amount", "too_fine")),
    ],
)
@pytest.mark.parametrize("model", [Graduated, Volume])
def test_tiers_leave_no_gap_and_do_not_overlap(tiers, problem, model):
    assert problem in found(model(tuple(tiers)))


def test_good_terms_have_no_problem():
    tiers = (tier(0, 10), tier(10, 100), tier(100, None))
    assert not found(Graduated(tiers), minimum=D(5), setup=D(1), fees=(Fee("a", D(1)),))


@pytest.mark.parametrize(
    ("pricing", "terms", "problem"),
    [
        (PerUnit(D("NaN")), {}, ("usage.0.unit_amount", "negative")),
        (PerUnit(D("1E+12")), {}, ("usage.0.unit_amount", "too_large")),
        (Package(D(0), D(1)), {}, ("usage.0.package_size", "not_positive")),
        (Package(D(5), D(-1)), {}, ("usage.0.package_amount", "negative")),
        (PerUnit(D(1)), {"minimum": D(-1)}, ("minimum", "negative")),
        (PerUnit(D(1)), {"fees": (Fee("a", D(-1)),)}, ("fees.0.amount", "negative")),
        (PerUnit(D(1)), {"fees": (Fee("calls", D(1)),)}, ("usage", "key_twice")),
        (PerUnit(D(1)), {"trial_days": 400}, ("trial_days", "trial_length")),
        (Graduated((tier(0, None),) * (MAX_TIERS + 1)), {}, ("usage.0.tiers", "too_many_tiers")),
    ],
)
def test_numbers_that_make_no_sense_are_named(pricing, terms, problem):
    assert problem in found(pricing, **terms)
