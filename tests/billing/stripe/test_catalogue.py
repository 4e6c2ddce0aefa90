"""Products, meters, prices and customers at Stripe are made from ours, once."""

from decimal import Decimal

import pytest

from billing.models import StripeCustomer, StripeObject
from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    Terms,
    Tier,
    UsagePrice,
    Volume,
    per_unit,
)
from billing.stripe.catalogue import sync_catalogue
from billing.stripe.checkouts import checkout_url
from billing.stripe.customers import ensure_customer, mirror_customer, portal_url
from billing.stripe.ports import StripeUnavailable
from tests.billing.prices import make_version

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def version(world):
    tiers = (Tier(D(0), D(100), D("0.10"), D(1)), Tier(D(100), None, D("0.033333333333")))
    usage = (
        UsagePrice("graduated", "calls", Graduated(tiers), D(50)),
        UsagePrice("volume", "calls", Volume(tiers)),
        UsagePrice("packages", "calls", Package(D(1000), D("0.5"))),
        per_unit(D("0.000001")),
    )
    terms = Terms("", "EUR", fees=(Fee("base", D(10)),), usage=usage, minimum=D(20), setup=D(5))
    yen = Terms("", "JPY", fees=(Fee("base", D(1000)),), usage=usage, minimum=D(2000), setup=D(500))
    return make_version(world.plan, terms, yen)


def test_the_catalogue_is_made_once_and_says_what_ours_says(version, gateway, sim):
    assert sync_catalogue(gateway) > 0
    prices = {p["lookup_key"]: p for p in gateway.every("prices", {"expand": ["data.tiers"]})}
    of = {key.split(":", 1)[1]: price for key, price in prices.items()}
    assert of["EUR:base"]["unit_amount"] == 1000
    assert of["JPY:base"]["unit_amount"] == 1000
    assert of["EUR:calls"]["unit_amount_decimal"] == "0.0001"
    assert of["EUR:packages"]["transform_quantity"] == {"divide_by": 1000, "round": "up"}
    tiers = [
        (t["up_to"], t["unit_amount_decimal"], t["flat_amount"])
        for t in of["EUR:graduated"]["tiers"]
    ]
    assert tiers == [(50, "0", None), (150, "10", 100), (None, "3.3333333333", None)]
    assert of["EUR:volume"]["tiers_mode"] == "volume"
    assert of["EUR:setup"]["recurring"] is None
    assert "EUR:minimum" not in of  # Stripe has no words for it
    counts = {what: len(list(gateway.every(what))) for what in ("products", "billing.meters")}
    assert sync_catalogue(gateway) == 0
    assert len(list(gateway.every("prices"))) == len(prices)
    assert counts == {what: len(list(gateway.every(what))) for what in counts}


@pytest.mark.parametrize(
    "lost", ["POST /v1/products", "POST /v1/billing/meters", "POST /v1/prices"]
)
def test_an_answer_that_is_lost_makes_nothing_twice(version, gateway, sim, lost):
    sim.order("fail_requests", match=lost, times=3, status=500, after=True)
    with pytest.raises(StripeUnavailable):
        sync_catalogue(gateway)
    StripeObject.objects.all().delete()  # what a process that was killed had not noted
    sync_catalogue(gateway)
    names = [meter["event_name"] for meter in gateway.every("billing.meters")]
    keys = [price["lookup_key"] for price in gateway.every("prices")]
    assert len(names) == len(set(names)) == 1
    assert len(keys) == len(set(keys)) == 12
    assert len(list(gateway.every("products"))) == 1


def test_a_renamed_product_is_renamed_at_stripe(version, gateway, world):
    sync_catalogue(gateway)
    type(world.product).objects.update(name="Sea and sky")
    assert sync_catalogue(gateway) == 1
    assert [p["name"] for p in gateway.every("products")] == ["Sea and sky"]


def test_an_organization_is_one_customer_whatever_it_is_called(gateway, world, sim):
    organization = world.customer.organization
    sim.order("fail_requests", match="POST /v1/customers", times=3, status=500, after=True)
    with pytest.raises(StripeUnavailable):
        ensure_customer(gateway, organization)
    organization.name, organization.billing_email = "Acme & Co", "money@acme.example"
    organization.save()
    row = ensure_customer(gateway, organization)
    (found,) = gateway.every("customers")
    assert (found["name"], found["email"]) == ("Acme & Co", "money@acme.example")
    assert found["metadata"] == {"apim_organization": organization.public_id}
    assert ensure_customer(gateway, organization) == row


def test_checkout_and_portal_lead_to_pages_of_stripe(gateway, world, sim):
    organization = world.customer.organization
    page = checkout_url(
        gateway,
        organization,
        currency="EUR",
        return_url="https://x.example/ok",
        cancel_url="https://x.example/no",
    )
    assert page.startswith(f"{sim.url}/checkout/")
    portal = portal_url(gateway, organization, return_url="https://x.example/")
    assert portal.startswith(f"{sim.url}/portal/")


def test_the_payment_method_is_mirrored(gateway, world, sim):
    row = ensure_customer(gateway, world.customer.organization)
    method = sim.client.v1.payment_methods.attach("pm_card_visa", {"customer": row.stripe_id})
    given = {"invoice_settings": {"default_payment_method": method.id}}
    gateway.update("customers", row.stripe_id, given)
    mirror_customer(gateway, row.stripe_id)
    row = StripeCustomer.objects.get()
    assert (row.payment_method, row.payment_label) == (method.id, "visa 4242")
