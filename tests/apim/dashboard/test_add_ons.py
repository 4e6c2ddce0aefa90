"""Finance and publishers say what is counted and what is offered beside the plans."""

from decimal import Decimal

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from billing.models import AddOn, Meter
from billing.services import create_add_on


def test_a_meter_is_made_listed_and_renamed_but_never_counts_otherwise(installation, fiona_client):
    values = {
        "name": "Traffic",
        "kind": "bytes",
        "unit_name": "gigabyte",
        "unit_size": str(10**9),
        "statuses": "2xx, 404",
        "slug": "smuggled",
    }
    assert fiona_client.post(reverse("dashboard:meter-new"), values).status_code == 302
    meter = Meter.objects.get(name="Traffic")
    assert (meter.statuses, meter.unit_size, meter.slug) == (["2xx", "404"], 10**9, "traffic")
    page = fiona_client.get(reverse("dashboard:meters")).text
    for text in ("Traffic", "gigabyte", "1,000,000,000 of it", "with status 2xx, 404"):
        assert text in page, text
    url = reverse("dashboard:meter-edit", args=[meter.public_id])
    again = {"name": "Volume", "unit_name": "GB", "kind": "calls", "unit_size": "1"}
    assert fiona_client.post(url, again).status_code == 302
    meter.refresh_from_db()
    assert (meter.name, meter.unit_name, meter.kind, meter.unit_size) == (
        "Volume",
        "GB",
        "bytes",
        10**9,
    )


def test_a_status_that_is_none_is_said_beside_its_field(installation, fiona_client):
    values = {
        "name": "Odd",
        "kind": "calls",
        "unit_name": "call",
        "unit_size": "1",
        "statuses": "9xx",
    }
    answer = fiona_client.post(reverse("dashboard:meter-new"), values)
    assert answer.status_code == 422
    assert "9xx" in answer.context["form"].errors["statuses"][0]


def test_an_add_on_is_offered_repriced_and_withdrawn(installation, fiona_client):
    product = installation.product
    values = {"name": "Support", "offered": product.public_id, "meter": "", "amount_EUR": "12.50"}
    url = reverse("dashboard:add-on-new")
    assert fiona_client.post(url, values | {"amount_EUR": ""}).status_code == 422
    assert fiona_client.post(url, values | {"amount_EUR": "-1"}).status_code == 422
    assert fiona_client.post(url, values).status_code == 302
    made = AddOn.objects.get()
    assert "€12.50" in fiona_client.get(reverse("dashboard:add-ons")).text
    prices = reverse("dashboard:add-on-prices", args=[made.public_id])
    assert fiona_client.post(prices, {"amount_EUR": "15", "amount_USD": "16"}).status_code == 302
    assert {p.currency: p.amount for p in made.prices.all()} == {
        "EUR": Decimal(15),
        "USD": Decimal(16),
    }
    fiona_client.post(reverse("dashboard:add-on-withdraw", args=[made.public_id]))
    made.refresh_from_db()
    assert made.withdrawn_at is not None
    assert fiona_client.get(prices).status_code == 404


def test_a_private_add_on_with_a_meter_says_for_whom_and_by_what(installation, acme, fiona_client):
    meter = Meter.objects.create(name="Storms", slug="storms", kind="calls", unit_name="warning")
    values = {
        "name": "Storms",
        "offered": installation.plan.public_id,
        "meter": meter.public_id,
        "amount_EUR": "0.002",
    }
    url = reverse("dashboard:add-on-new") + f"?organization={acme.public_id}"
    assert fiona_client.post(url, values).status_code == 302
    made = AddOn.objects.get()
    assert (made.organization, made.plan, made.meter) == (acme, installation.plan, meter)
    page = fiona_client.get(reverse("dashboard:add-ons")).text
    assert "only Acme" in page
    assert "per warning" in page


@pytest.mark.parametrize("page", ["meters", "meter-new", "add-ons", "add-on-new"])
def test_support_neither_counts_nor_offers(installation, sam_client, page):
    assert sam_client.get(reverse(f"dashboard:{page}")).status_code == 404


def test_what_is_private_to_a_customer_is_listed_for_no_other(installation, acme):
    create_add_on(
        actor=SYSTEM,
        product=installation.product,
        name="Only theirs",
        amounts={"EUR": Decimal(1)},
        organization=acme,
    )
    assert AddOn.objects.filter(organization=acme).count() == 1
