"""The price editor: drafts in every pricing model, a worked example, publishing, simulation."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.core import clock
from billing.models import PlanVersion
from billing.selectors import current_price
from billing.services import create_meter, publish_version

BASE = {"currency": "EUR", "cadence": "calendar", "months": "1", "tax_behavior": "exclusive"}


def row(number, **values):
    return {f"u{number}_{name}": value for name, value in values.items()}


def tiers(number, *rows):
    """Rows of (up to, each unit, and once); text, as they are typed."""
    return {
        f"u{number}_t{at}_{part}": value
        for at, cells in enumerate(rows)
        for part, value in zip(("up_to", "unit", "flat"), cells, strict=False)
    }


VOLUME = row(0, meter="calls", model="volume")
GRADUATED = tiers(0, ("10000", "0.002"), ("", "0.001", "5"))


@pytest.fixture
def new_url(installation):
    return reverse("dashboard:plan-version-new", args=[installation.plan.public_id])


@pytest.fixture
def draft(installation, fiona_client, new_url):
    """A fee, graduated calls and packages of bytes, as finance types them."""
    create_meter(actor=SYSTEM, name="Traffic", kind="bytes", unit_name="gigabyte", unit_size=10**9)
    values = {
        **BASE,
        "fee": "49",
        "fee_name": "Base fee",
        "setup": "10",
        "trial_days": "14",
        **row(0, meter="calls", model="graduated", included="1000"),
        **GRADUATED,
        **row(1, meter="traffic", model="package", amount="3", package_size="10"),
    }
    answer = fiona_client.post(new_url, values)
    assert answer.status_code == 302, answer.context["form"].errors
    return PlanVersion.objects.drafts().get()


def test_a_draft_keeps_what_was_typed_and_nobody_pays_it(installation, fiona_client, draft):
    before = current_price(installation.plan)
    assert before is not None
    assert before.unit_amount == Decimal("0.25")
    assert (draft.trial_days, draft.currencies) == (14, ("EUR",))
    page = fiona_client.get(reverse("dashboard:plan-version", args=[draft.public_id])).text
    for text in (
        "Base fee",
        "€49.00 per month",
        "after 1,000 free",
        "1 to 10,000: €0.002 each",
        "10,001 and more: €0.001 each, and €5.00 once",
        "€3.00 for each 10 (gigabyte) begun",
        "€10.00 once",
    ):
        assert text in page, text


def test_the_worked_example_adds_up_line_by_line(fiona_client, draft):
    url = reverse("dashboard:plan-version", args=[draft.public_id])
    answer = fiona_client.get(url, {"units": 21_000})
    ((_currency, _rows, bill),) = answer.context["sheets"]
    amounts = [one.amount.amount_minor for one in bill.rows]
    # Setup 10, fee 49, calls 10,000 × 0.002 + 10,000 × 0.001 + 5, traffic 2,100 × 3.
    assert sorted(amounts) == sorted([1000, 4900, 3500, 630_000])
    assert bill.total.amount_minor == sum(amounts)
    assert "10,000 × €0.002" in answer.text
    assert "2,100 packages × €3.00" in answer.text
    assert "whole number" in fiona_client.get(url, {"units": "many"}).text


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        (VOLUME | tiers(0, ("100", "0.1"), ("50", "0.2"), ("", "1")), "u0_t1_up_to", "end"),
        (VOLUME | tiers(0, ("100", "0.1")), "u0_t0_up_to", "without end"),
        (VOLUME | tiers(0, ("100", "x"), ("", "1")), "u0_t0_unit", "number"),
        (VOLUME | tiers(0, ("100", "1"), ("", "-1")), "u0_t1_unit", "greater"),
        (VOLUME | tiers(0, ("100", "1"), (), ("50", "", "2")), "u0_t2_unit", "0 is free"),
        (VOLUME, "u0_t0_unit", "at least one"),
        (row(0, meter="calls", model="per_unit"), "u0_amount", "0 is free"),
        (row(0, meter="calls", model="package", amount="1"), "u0_package_size", "How many"),
        (row(1, meter="calls", model="per_unit", amount="-1"), "u1_amount", "greater"),
        ({"minimum": "1" + "0" * 12}, "minimum", "less than"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
    fiona_client, new_url, values, field, words
):
    answer = fiona_client.post(new_url, {**BASE, "fee": "12.34", **values})
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[field])
    assert "12.34" in answer.text
    assert not PlanVersion.objects.drafts().exists()


def test_a_second_currency_has_the_same_prices_and_can_be_removed(fiona_client, draft):
    url = reverse("dashboard:plan-sheet", args=[draft.public_id, "USD"])
    form = fiona_client.get(url).context["form"]
    values = {name: value for name, value in form.initial.items() if value is not None}
    answer = fiona_client.post(url, {**values, "fee": "55"})
    assert answer.status_code == 302
    draft = PlanVersion.objects.get(pk=draft.pk)
    assert draft.currencies == ("EUR", "USD")
    assert draft.components.get(currency="USD", kind="fee").amount == 55
    odd = fiona_client.post(url, {**values, "u1_meter": ""})
    assert odd.status_code == 422
    remove = reverse("dashboard:plan-sheet-remove", args=[draft.public_id, "USD"])
    fiona_client.post(remove)
    assert PlanVersion.objects.get(pk=draft.pk).currencies == ("EUR",)


def test_publishing_keeps_subscribers_unless_they_are_moved_with_notice(
    installation, fiona_client, draft
):
    url = reverse("dashboard:plan-version-publish", args=[draft.public_id])
    assert "1 subscription is on the plan" in fiona_client.get(url).text
    soon = (clock.now() + timedelta(days=3)).date().isoformat()
    refused = fiona_client.post(url, {"moves": "move", "moves_on": soon})
    assert refused.status_code == 422
    assert "days before" in refused.text
    assert fiona_client.post(url, {"moves": "move"}).status_code == 422
    assert fiona_client.post(url, {"moves": "keep"}).status_code == 302
    draft.refresh_from_db()
    assert (draft.is_draft, draft.moves_at) == (False, None)
    assert current_price(installation.plan) == draft


def test_a_published_version_can_neither_be_edited_nor_deleted(fiona_client, draft):
    publish_version(actor=SYSTEM, version=draft)
    sheet = reverse("dashboard:plan-sheet", args=[draft.public_id, "EUR"])
    assert fiona_client.get(sheet).status_code == 404
    fiona_client.post(reverse("dashboard:plan-version-delete", args=[draft.public_id]))
    assert PlanVersion.objects.filter(pk=draft.pk).exists()


def test_a_private_price_is_one_customers_and_ends(installation, acme, fiona_client, new_url):
    values = {**BASE, **row(0, meter="calls", model="per_unit", amount="0.01")}
    fiona_client.post(f"{new_url}?organization={acme.public_id}", values)
    private = PlanVersion.objects.get(organization=acme)
    publish_version(actor=SYSTEM, version=private)
    assert current_price(installation.plan) != private
    fiona_client.post(reverse("dashboard:plan-version-end", args=[private.public_id]))
    private.refresh_from_db()
    assert private.ended_at is not None


def test_the_simulation_shows_revenue_before_and_after_and_who_pays_more(
    installation, fiona_client, draft, time_machine
):
    installation.call(10)
    paid = current_price(installation.plan)
    assert paid is not None
    time_machine.move_to(clock.month_of(clock.now()).end + timedelta(days=2))
    url = reverse("dashboard:plan-version-simulation", args=[draft.public_id])
    answer = fiona_client.get(url)
    result = answer.context["result"]
    assert result.before_minor == 200  # 10 calls, 2 free, €0.25
    assert result.after_minor > result.before_minor
    assert [one.organization for one in result.losers] == [installation.organization.name]
    assert "€2.00" in answer.text


# The worked example of prices that are not saved


def test_the_editor_works_an_example_out_and_saves_nothing(installation, fiona_client):
    url = reverse("dashboard:plan-version-new", args=[installation.plan.public_id])
    before = PlanVersion.objects.count()
    prices = {
        **BASE,
        **row(0, meter="calls", model="graduated", included="1000"),
        **GRADUATED,
        "example": "1",
        "example_units": "21000",
    }
    page = fiona_client.post(url, prices)
    assert page.status_code == 200
    for text in (
        "1,000 free",
        "10,000 × €0.002",
        "10,000 × €0.001 + €5.00",
        'name="example_units"',
    ):
        assert text in page.text, text
    fragment = fiona_client.post(url, prices, headers={"HX-Request": "true"}).text
    assert "10,000 × €0.001 + €5.00" in fragment
    assert "<form" not in fragment
    assert PlanVersion.objects.count() == before


def test_an_example_of_wrong_prices_says_what_is_wrong(installation, fiona_client):
    url = reverse("dashboard:plan-version-new", args=[installation.plan.public_id])
    prices = {**BASE, **VOLUME, **tiers(0, ("100", "0.1"), ("50", "0.2"), ("", "1"))}
    answer = fiona_client.post(url, {**prices, "example": "1"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "has to end after 100" in answer.text


def test_more_tiers_can_be_asked_for_and_nothing_typed_is_lost(installation, fiona_client, new_url):
    typed = {**BASE, **VOLUME, **tiers(0, ("123", "0.1"), ("456", "0.2"), ("789", "0.3"))}
    answer = fiona_client.post(new_url, {**typed, "more": "0"})
    assert answer.status_code == 200
    form = answer.context["form"]
    assert form.tier_rows[0] == 6
    assert 'value="789"' in answer.text
    assert not form.errors
    assert not PlanVersion.objects.drafts().exists()
