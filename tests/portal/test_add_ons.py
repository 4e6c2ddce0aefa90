"""A developer adds extras to a subscription, sees what they cost, and ends them."""

from decimal import Decimal

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.keys import services as keys
from billing.models import SubscriptionAddOn
from billing.rating.prices import Fee, Terms
from billing.services import create_add_on, note_subscription
from tests.billing.prices import make_version
from tests.portal.conftest import make_plan


@pytest.fixture
def held(acme, board, harbour):
    plan = make_plan(harbour, "Small")
    make_version(plan, Terms("", "EUR", fees=(Fee("base", Decimal(30)),)))
    made = keys.subscribe(actor=SYSTEM, application=board, plan=plan)
    note_subscription(subscription_id=made.pk)
    return made


@pytest.fixture
def support(held):
    return create_add_on(
        actor=SYSTEM, product=held.product, name="Support", amounts={"EUR": Decimal("12.5")}
    )


def test_an_add_on_is_added_shown_with_its_price_and_ended(alice_client, held, support):
    url = reverse("portal:subscription-add-ons", args=[held.public_id])
    assert "€12.50" in alice_client.get(url).text
    alice_client.post(url, {"add_on": support.public_id, "quantity": "3"})
    row = SubscriptionAddOn.objects.get()
    assert (row.quantity, row.organization) == (3, held.organization)
    end = reverse("portal:add-on-end", args=[row.public_id])
    assert "Support" in alice_client.get(end).text
    row.refresh_from_db()
    assert row.ended_at is None
    alice_client.post(end)
    row.refresh_from_db()
    assert row.ended_at is not None


@pytest.mark.parametrize("quantity", ["0", "-1", "many", "", "1000001"])
def test_a_number_of_pieces_that_cannot_be_adds_nothing(alice_client, held, support, quantity):
    url = reverse("portal:subscription-add-ons", args=[held.public_id])
    answer = alice_client.post(
        url, {"add_on": support.public_id, "quantity": quantity}, follow=True
    )
    assert "between 1 and a million" in answer.text
    assert not SubscriptionAddOn.objects.exists()


def test_what_is_not_offered_to_the_subscription_cannot_be_added(alice_client, held, support):
    support.withdrawn_at = held.created_at
    support.save()
    url = reverse("portal:subscription-add-ons", args=[held.public_id])
    answer = alice_client.post(url, {"add_on": support.public_id, "quantity": "1"})
    assert answer.status_code == 404


def test_a_neighbours_add_ons_are_not_mine(charlie_client, alice_client, held, support):
    url = reverse("portal:subscription-add-ons", args=[held.public_id])
    alice_client.post(url, {"add_on": support.public_id, "quantity": "1"})
    row = SubscriptionAddOn.objects.get()
    assert charlie_client.get(url).status_code == 404
    assert (
        charlie_client.post(reverse("portal:add-on-end", args=[row.public_id])).status_code == 404
    )
    row.refresh_from_db()
    assert row.ended_at is None
