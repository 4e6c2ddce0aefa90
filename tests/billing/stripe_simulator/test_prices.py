"""Section 4: prices, and what quantities of them cost."""

from decimal import Decimal

import pytest
import stripe

from billing.stripe_simulator.money import charges, prorated, split, total

# docs.stripe.com/products-prices/pricing-models: $7 up to 5, $6.50 up to 10, $6 beyond.
DOCUMENTED = [(5, "700"), (10, "650"), (None, "600")]


def _tiered(mode, tiers):
    shown = [
        {"up_to": end, "unit_amount_decimal": unit, "flat_amount_decimal": (flat or [None])[0]}
        for end, unit, *flat in tiers
    ]
    return {"billing_scheme": "tiered", "tiers_mode": mode, "_": {"tiers": shown}}


@pytest.mark.parametrize(
    ("quantity", "volume", "graduated"),
    [(1, 700, 700), (5, 3500, 3500), (6, 3900, 4150), (20, 12000, 12750), (25, 15000, 15750)],
)
def test_volume_and_graduated_tiers_cost_what_stripes_documentation_says(
    quantity, volume, graduated
):
    assert total(_tiered("volume", DOCUMENTED), quantity) == volume
    assert total(_tiered("graduated", DOCUMENTED), quantity) == graduated


def test_flat_amounts_are_due_once_their_tier_is_reached():
    tiers = [(5, "500", "1000"), (None, "400", "2000")]
    graduated, volume = _tiered("graduated", tiers), _tiered("volume", tiers)
    assert [total(graduated, n) for n in (0, 5, 6)] == [1000, 3500, 5900]
    assert [total(volume, n) for n in (5, 6)] == [3500, 4400]


def test_nothing_and_less_than_nothing_cost_nothing():
    price = {"billing_scheme": "per_unit", "unit_amount_decimal": "0.5"}
    assert [total(price, n) for n in (0, -100)] == [0, 0]


@pytest.mark.parametrize(("way", "packages"), [("up", 3), ("down", 2)])
def test_packages_are_rounded_to_whole_ones(way, packages):
    transform = {"divide_by": 1000, "round": way}
    price = {
        "billing_scheme": "per_unit",
        "unit_amount_decimal": "100",
        "transform_quantity": transform,
    }
    (charge,) = charges(price, 2_500)
    assert (charge.quantity, charge.amount) == (packages, packages * 100)


def test_each_line_is_rounded_half_up():
    price = {"billing_scheme": "per_unit", "unit_amount_decimal": "0.5"}
    assert [total(price, n) for n in (1, 2, 3)] == [1, 1, 2]
    exact = {"billing_scheme": "per_unit", "unit_amount_decimal": "0.000000000001"}
    assert total(exact, 10**12) == 1


def test_proration_is_by_the_second_and_shares_add_up():
    assert prorated(3000, start=0, end=30, at=15) == 1500
    assert prorated(3000, start=0, end=30, at=30) == 0
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(5, [0, 0]) == [0, 0]


def test_a_price_states_whole_and_decimal_amounts(shop):
    whole = shop.v1.prices.retrieve(shop.flat(1000))
    assert (whole.unit_amount, str(whole.unit_amount_decimal)) == (1000, "1000")
    exact = shop.v1.prices.retrieve(shop.metered(unit_amount_decimal="0.000000000001"))
    assert (exact.unit_amount, exact.unit_amount_decimal) == (None, Decimal("0.000000000001"))


def test_tiers_are_shown_only_when_expanded(shop):
    price = shop.graduated({"up_to": 5, "unit_amount": 1}, {"up_to": "inf", "unit_amount": 2})
    assert "tiers" not in shop.v1.prices.retrieve(price)
    tiers = shop.v1.prices.retrieve(price, {"expand": ["tiers"]}).tiers
    assert [tier.up_to for tier in tiers] == [5, None]


METERED = {"interval": "month", "usage_type": "metered"}
LAST = {"up_to": "inf", "unit_amount": 1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"unit_amount_decimal": "0.1234567890123"}, "12 decimal places"),
        ({"unit_amount": -1}, "at least 0"),
        ({"unit_amount": 1, "unit_amount_decimal": "1"}, "only specify one"),
        ({}, "Missing required param"),
        ({"unit_amount": 1, "currency": "euros"}, "Invalid currency"),
        ({"unit_amount": 1, "recurring": METERED}, "backed by a meter"),
        ({"unit_amount": 1, "recurring": {"interval": "month", "meter": "mtr_1"}}, "metered"),
        ({"unit_amount": 1, "recurring": {**METERED, "meter": "mtr_none"}}, "No such meter"),
        ({"unit_amount": 1, "recurring": {"interval": "hour"}}, "must be one of day"),
        ({"billing_scheme": "tiered", "tiers_mode": "volume"}, "tiers"),
        ({"billing_scheme": "tiered", "tiers": [LAST]}, "tiers_mode"),
        (
            {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": [{"up_to": 5}]},
            "unit amount or a flat",
        ),
        (
            {
                "billing_scheme": "tiered",
                "tiers_mode": "volume",
                "tiers": [{"up_to": 5, "unit_amount": 1}],
            },
            "last tier",
        ),
        (
            {
                "billing_scheme": "tiered",
                "tiers_mode": "graduated",
                "tiers": [{"up_to": n, "unit_amount": 1} for n in (5, 5, "inf")],
            },
            "must rise",
        ),
        (
            {
                "billing_scheme": "tiered",
                "tiers_mode": "volume",
                "tiers": [LAST],
                "transform_quantity": {"divide_by": 2, "round": "up"},
            },
            "transform_quantity",
        ),
        ({"unit_amount": 1, "transform_quantity": {"divide_by": 2}}, "transform_quantity.round"),
    ],
)
def test_a_price_that_stripe_refuses_is_refused(shop, given, message):
    wanted = {"currency": "eur", "product": shop.product(), **given}
    with pytest.raises(stripe.InvalidRequestError, match=message):
        shop.v1.prices.create(wanted)


def test_a_prices_amount_never_changes(shop):
    price = shop.flat()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.prices.update(price, {"unit_amount": 1})
    assert refused.value.code == "parameter_unknown"
    assert shop.v1.prices.update(price, {"active": False}).active is False


def test_a_tax_behavior_is_set_once(shop):
    price = shop.flat()
    assert shop.v1.prices.update(price, {"tax_behavior": "inclusive"}).tax_behavior == "inclusive"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be changed"):
        shop.v1.prices.update(price, {"tax_behavior": "exclusive"})


def test_a_lookup_key_belongs_to_one_price_until_it_is_transferred(shop):
    first = shop.flat(lookup_key="pro")
    with pytest.raises(stripe.InvalidRequestError, match="already uses"):
        shop.flat(lookup_key="pro")
    second = shop.flat(lookup_key="pro", transfer_lookup_key=True)
    found = shop.v1.prices.list({"lookup_keys": ["pro"]}).data
    assert [price.id for price in found] == [second]
    assert shop.v1.prices.retrieve(first).lookup_key is None


def test_a_product_with_prices_cannot_be_deleted(shop):
    price = shop.v1.prices.retrieve(shop.flat())
    with pytest.raises(stripe.InvalidRequestError, match="prices"):
        shop.v1.products.delete(price.product)
    assert shop.v1.products.delete(shop.product()).deleted


def test_a_metered_item_takes_no_quantity(shop):
    customer = shop.customer()
    with pytest.raises(stripe.InvalidRequestError, match="quantity of a metered"):
        shop.subscribe(customer, {"price": shop.metered(), "quantity": 1})


def test_an_archived_price_cannot_be_subscribed_to(shop):
    price = shop.flat()
    shop.v1.prices.update(price, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        shop.subscribe(shop.customer(), price)
