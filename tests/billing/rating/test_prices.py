"""Published examples and the corners of each pricing model."""

from decimal import Decimal, localcontext

import pytest

from billing.rating.amounts import EXACT, WHOLE, Share
from billing.rating.discounts import Discount
from billing.rating.engine import HeldAddOn, Segment, effective_unit_amount, rate
from billing.rating.lines import LineKind
from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    PerUnit,
    Terms,
    Tier,
    UsagePrice,
    Volume,
    per_unit,
)
from billing.rating.split import split

# https://docs.stripe.com/subscriptions/pricing-models/tiered-pricing: 1-5 fonts 7 USD,
# 6-10 6.5 USD, 11 and more 6 USD.
FONTS = ((0, 5, "7"), (5, 10, "6.5"), (10, None, "6"))


def tiers(*rows):
    return tuple(
        Tier(
            Decimal(after),
            None if up_to is None else Decimal(up_to),
            Decimal(unit),
            Decimal(flat[0] if flat else 0),
        )
        for after, up_to, unit, *flat in rows
    )


def total(pricing, quantity, *, included=0, before=0, currency="USD", **terms):
    price = UsagePrice("calls", "calls", pricing, Decimal(included))
    segment = Segment(
        Terms("v1", currency, usage=(price,), **terms),
        usage={"calls": Decimal(quantity)},
        before={"calls": Decimal(before)},
    )
    return rate([segment], currency=currency).total_minor


@pytest.mark.parametrize(
    ("fonts", "volume", "graduated"),
    [
        (1, 700, 700),
        (5, 3500, 3500),
        (6, 3900, 4150),
        (20, 12000, 12750),
        (25, 15000, 15750),
        (0, 0, 0),
    ],
)
def test_stripes_documented_tiers_come_out_as_documented(fonts, volume, graduated):
    assert total(Volume(tiers(*FONTS)), fonts) == volume
    assert total(Graduated(tiers(*FONTS)), fonts) == graduated


@pytest.mark.parametrize(("units", "packages"), [(0, 0), (1, 1), (5, 1), (6, 2), (10, 2), (11, 3)])
def test_a_package_that_is_begun_counts_in_full(units, packages):
    # Stripe's package pricing: 25 USD for each group of 5 units.
    assert total(Package(Decimal(5), Decimal(25)), units) == packages * 2500


def test_a_tiers_flat_amount_is_due_once_it_is_reached():
    priced = tiers(
        (0, 1000, "0", "200"), (1000, 10_000, "0.02", "300"), (10_000, None, "0.01", "1")
    )
    assert total(Graduated(priced), 0) == 0
    assert total(Graduated(priced), 1000) == 20_000
    assert total(Graduated(priced), 1001) == 20_000 + 30_000 + 2
    assert total(Volume(priced), 1001) == 30_000 + 2002


def test_included_units_are_free_and_tiers_count_those_beyond():
    assert total(Graduated(tiers(*FONTS)), 105, included=100) == 3500
    assert total(Package(Decimal(5), Decimal(25)), 106, included=100) == 5000
    assert total(PerUnit(Decimal("0.10")), 3, included=3) == 0


def test_every_part_says_what_it_cost_and_where_it_lies():
    price = UsagePrice("calls", "calls", Graduated(tiers(*FONTS)), Decimal(2))
    parts = split(price, Decimal(9))
    assert [(p.after, p.quantity, p.unit_amount, p.amount, p.is_included) for p in parts] == [
        (0, 2, 0, 0, True),
        (2, 5, 7, 35, False),
        (7, 2, Decimal("6.5"), 13, False),
    ]
    packages = split(UsagePrice("c", "c", Package(Decimal(5), Decimal(25)), Decimal(1)), Decimal(7))
    assert [(p.packages, p.amount) for p in packages] == [(None, 0), (2, 50)]


@pytest.mark.parametrize(
    "pricing", [PerUnit(Decimal(7)), Graduated(tiers(*FONTS)), Package(Decimal(5), Decimal(25))]
)
def test_a_quantity_in_two_lines_costs_what_it_costs_in_one(pricing):
    for whole in range(30):
        for first in range(whole + 1):
            two = total(pricing, first, included=3) + total(
                pricing, whole - first, included=3, before=first
            )
            assert two == total(pricing, whole, included=3)


def test_the_minimum_adds_what_fees_and_usage_fall_short_of():
    terms = Terms(
        "v1",
        "EUR",
        usage=(per_unit(Decimal("0.01")),),
        fees=(Fee("base", Decimal(10)),),
        minimum=Decimal(50),
    )

    def bill(calls, share=WHOLE):
        return rate([Segment(terms, share, {"calls": Decimal(calls)})], currency="EUR")

    assert [line.amount_minor for line in bill(1000).lines] == [1000, 1000, 3000]
    assert bill(1000).lines[-1].kind is LineKind.MINIMUM
    assert bill(4000).total_minor == 5000
    assert bill(5000).total_minor == 6000
    assert bill(0, Share(1, 2)).total_minor == 2500


def test_fees_are_due_for_their_share_and_setup_once_and_whole():
    terms = Terms("v1", "EUR", fees=(Fee("base", Decimal(31)),), setup=Decimal(99))
    day = Share(86_400, 31 * 86_400)
    assert rate([Segment(terms, day, is_setup_due=True)], currency="EUR").total_minor == 10_000
    assert rate([Segment(terms, day)], currency="EUR").total_minor == 100


def test_usage_of_the_trial_is_shown_and_free():
    terms = Terms("v1", "EUR", usage=(per_unit(Decimal(1)),))
    bill = rate(
        [Segment(terms, usage={"calls": Decimal(2)}, trial_usage={"calls": Decimal(7)})],
        currency="EUR",
    )
    assert [(x.kind, x.quantity, x.amount_minor) for x in bill.lines] == [
        ("trial", 7, 0),
        ("usage", 2, 200),
    ]


def test_discounts_take_percentages_first_and_never_more_than_there_is():
    terms = Terms("v1", "EUR", fees=(Fee("base", Decimal(100)),))
    bill = rate(
        [Segment(terms)],
        currency="EUR",
        discounts=[
            Discount("ten", amount=Decimal(10)),
            Discount("half", percent=Decimal(50)),
            Discount("all", amount=Decimal(1000)),
            Discount("nothing left", amount=Decimal(5)),
        ],
    )
    assert [(x.key, x.amount_minor) for x in bill.lines[1:]] == [
        ("half", -5000),
        ("ten", -1000),
        ("all", -4000),
    ]
    assert (bill.subtotal_minor, bill.discount_minor, bill.total_minor) == (10_000, 10_000, 0)


def test_add_ons_count_by_number_and_share():
    bill = rate([], currency="EUR", add_ons=[HeldAddOn("seat", Decimal(5), 3, Share(1, 3))])
    assert bill.total_minor == 500


def test_currencies_are_never_mixed():
    with pytest.raises(ValueError, match="currency"):
        rate([Segment(Terms("v1", "USD"))], currency="EUR")


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
def test_units_times_price_is_exact_and_rounded_once_half_to_even(amount, included, calls, minor):
    assert total(PerUnit(Decimal(amount)), calls, included=included, currency="EUR") == minor


def test_currencies_without_and_with_three_decimals():
    assert total(PerUnit(Decimal("0.5")), 3, currency="JPY") == 2
    assert total(PerUnit(Decimal("0.5")), 3, currency="KWD") == 1500


def test_a_price_and_its_parts_are_exact_beyond_any_default_precision():
    huge = Decimal("123456789012.123456789012")
    price = UsagePrice("calls", "calls", PerUnit(huge))
    (part,) = split(price, Decimal(10**18 - 1))
    with localcontext(EXACT):
        assert part.amount == huge * (10**18 - 1)


def test_the_average_price_of_a_charged_unit():
    terms = Terms("v1", "EUR", usage=(per_unit(Decimal("0.10"), included=Decimal(5)),))
    (line,) = rate([Segment(terms, usage={"calls": Decimal(10)})], currency="EUR").lines
    assert (line.included, line.charged) == (5, 5)
    assert effective_unit_amount(line) == Decimal("0.1")


# https://stripe.com/docs/billing/subscriptions/tiers: 5, 4, 3, 2 and 1 USD.
STAIRS = ((0, 5, "5"), (5, 10, "4"), (10, 15, "3"), (15, 20, "2"), (20, None, "1"))
# https://getlago.com/docs/guide/plans/charges/charge-models/volume: every tier with 10 USD more.
LAGO = (
    (0, 10_000, "0.001", "10"),
    (10_000, 50_000, "0.0008", "10"),
    (50_000, 100_000, "0.0006", "10"),
    (100_000, None, "0.0004", "10"),
)
# https://zuplo.com/docs/articles/monetization/pricing-models.
ZUPLO = ((0, 1000, "0.10"), (1000, 10_000, "0.05"), (10_000, None, "0.01"))


@pytest.mark.parametrize(
    ("pricing", "quantity", "amount_minor"),
    [
        *((Volume(tiers(*STAIRS)), q, a) for q, a in ((1, 500), (5, 2500), (6, 2400), (20, 4000))),
        (Volume(tiers(*STAIRS)), 25, 2500),
        (Graduated(tiers(*STAIRS)), 5, 2500),
        (Graduated(tiers(*STAIRS)), 6, 2900),
        (Volume(tiers(*LAGO)), 65_000, 4900),
        (Graduated(tiers(*ZUPLO)), 15_000, 60_000),
        (Volume(tiers(*ZUPLO)), 15_000, 15_000),
        (PerUnit(Decimal("0.001")), 100_000, 10_000),
    ],
)
def test_published_examples_come_out_as_published(pricing, quantity, amount_minor):
    terms = Terms("", "USD", usage=(UsagePrice("units", "units", pricing),))
    bill = rate([Segment(terms, usage={"units": Decimal(quantity)})], currency="USD")
    assert bill.total_minor == amount_minor
