"""An application goes on a plan, changes it, and leaves."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.core import clock
from apim.gateway import redis_connection
from apim.keys import services as keys
from apim.keys.models import Application, Subscription
from billing.rating.prices import Terms, per_unit
from billing.services import draft_version, publish_version
from tests.portal.conftest import make_plan


def test_the_page_shows_price_limits_and_the_applications(alice_client, board, paid):
    page = alice_client.get(reverse("portal:subscribe", args=[paid.public_id])).text
    assert "€0.002" in page
    assert "50 calls per second" in page
    assert "500,000 calls per month" in page
    assert "Harbour board" in page
    assert "100,000 calls in a month cost €198.00" in page


def test_subscribing_an_application_leads_to_its_first_key(alice_client, board, paid):
    url = reverse("portal:subscribe", args=[paid.public_id])
    answer = alice_client.post(url, {"application": board.public_id})
    assert answer["Location"] == reverse("portal:key-issue", args=[board.public_id])
    made = Subscription.objects.get()
    assert (made.application, made.plan, made.state) == (board, paid, "active")


def test_a_new_application_is_made_on_the_way(alice_client, acme, free):
    url = reverse("portal:subscribe", args=[free.public_id])
    assert alice_client.post(url, {"application": "new"}).status_code == 422
    alice_client.post(url, {"application": "new", "name": "Fresh"})
    assert Subscription.objects.get().application == Application.objects.get(name="Fresh")


def test_a_refused_subscription_takes_its_new_application_back(alice_client, acme, board, free):
    url = reverse("portal:subscribe", args=[free.public_id])
    answer = alice_client.post(url, {"application": "new", "name": "Harbour board"})
    assert answer.status_code == 422
    assert Application.objects.count() == 1
    assert not Subscription.objects.exists()


def test_a_plan_with_approval_waits_and_says_so(alice_client, board, gated):
    url = reverse("portal:subscribe", args=[gated.public_id])
    assert "A publisher approves" in alice_client.get(url).text
    page = alice_client.post(url, {"application": board.public_id}, follow=True).text
    assert "waits for approval" in page
    assert Subscription.objects.get().state == "pending"


def test_an_application_that_has_the_product_is_not_offered_again(
    alice_client, board, free, subscription
):
    page = alice_client.get(reverse("portal:subscribe", args=[free.public_id])).text
    assert f'value="{board.public_id}"' not in page
    assert "Already subscribed" in page


def test_nobody_subscribes_a_neighbours_application(charlie_client, board, paid):
    url = reverse("portal:subscribe", args=[paid.public_id])
    assert "Harbour board" not in charlie_client.get(url).text
    assert charlie_client.post(url, {"application": board.public_id}).status_code == 422
    assert not Subscription.objects.exists()


def test_billing_members_cannot_subscribe_and_visitors_sign_in_first(
    bella_client, visitor_client, board, paid
):
    url = reverse("portal:subscribe", args=[paid.public_id])
    assert bella_client.post(url, {"application": board.public_id}).status_code == 404
    answer = visitor_client.get(url)
    assert answer["Location"] == f"{reverse('account_login')}?next={url}"


def test_a_plan_that_is_not_published_cannot_be_reached(alice_client, harbour):
    draft = catalog.create_plan(actor=SYSTEM, product=harbour, name="Draft")
    assert alice_client.get(reverse("portal:subscribe", args=[draft.public_id])).status_code == 404


def test_changing_the_plan_offers_the_others_of_the_product(alice_client, subscription, free):
    url = reverse("portal:subscription-change", args=[subscription.public_id])
    page = alice_client.get(url).text
    assert "Free" in page
    answer = alice_client.post(url, {"plan": free.public_id})
    assert answer.status_code == 302
    subscription.refresh_from_db()
    assert subscription.plan == free


def test_a_plan_with_approval_cannot_be_taken_by_changing_to_it(alice_client, subscription, gated):
    url = reverse("portal:subscription-change", args=[subscription.public_id])
    answer = alice_client.post(url, {"plan": gated.public_id})
    assert answer.status_code == 422
    assert "approval" in answer.text
    subscription.refresh_from_db()
    assert subscription.plan != gated


def test_cancelling_asks_first_and_names_the_consequence(alice_client, subscription):
    url = reverse("portal:subscription-cancel", args=[subscription.public_id])
    assert "will start failing" in alice_client.get(url).text
    subscription.refresh_from_db()
    assert subscription.state == "active"
    alice_client.post(url)
    subscription.refresh_from_db()
    assert subscription.state == "cancelled"
    assert alice_client.post(url).status_code == 409


@pytest.mark.parametrize("name", ["subscription", "subscription-change", "subscription-cancel"])
def test_an_outsider_reaches_no_subscription(charlie_client, subscription, name):
    url = reverse(f"portal:{name}", args=[subscription.public_id])
    assert charlie_client.get(url).status_code == 404
    assert charlie_client.post(url).status_code in {404, 405}
    subscription.refresh_from_db()
    assert subscription.state == "active"


def test_every_state_of_a_subscription_has_its_words(alice_client, board, harbour, tides):
    others = []
    for name in ("A", "B"):
        product = catalog.create_product(actor=SYSTEM, name=name, versions=[tides])
        catalog.publish_product(actor=SYSTEM, product=product)
        others.append(make_plan(product, "Plan", approval="manual"))
    waiting = keys.subscribe(actor=SYSTEM, application=board, plan=others[0])
    refused = keys.subscribe(actor=SYSTEM, application=board, plan=others[1])
    keys.reject_subscription(actor=SYSTEM, subscription=refused, note="Call us first")
    page = alice_client.get(
        reverse("portal:application-subscriptions", args=[board.public_id])
    ).text
    assert "A publisher has to approve it" in page
    assert "Call us first" in page
    for found in (waiting, refused):
        shown = alice_client.get(reverse("portal:subscription", args=[found.public_id]))
        assert shown.status_code == 200


def test_a_page_stands_while_the_counters_are_away(alice_client, board, subscription, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis_connection.connection.cache_clear()
    page = alice_client.get(reverse("portal:application-subscriptions", args=[board.public_id]))
    assert page.status_code == 200
    redis_connection.connection.cache_clear()
    assert "cannot be read at the moment" in page.text


def test_a_subscription_shows_the_price_it_keeps_and_an_offer_the_new_one(
    alice_client, board, paid, time_machine
):
    joined = keys.subscribe(actor=SYSTEM, application=board, plan=paid)
    time_machine.move_to(clock.now() + timedelta(hours=1))
    sheet = Terms("", "EUR", usage=(per_unit(Decimal("0.009")),))
    draft = draft_version(actor=SYSTEM, plan=paid, sheets=[sheet])
    publish_version(actor=SYSTEM, version=draft)
    offer = alice_client.get(reverse("portal:subscribe", args=[paid.public_id])).text
    assert "€0.009" in offer
    for name, argument in (("application-subscriptions", board), ("subscription", joined)):
        page = alice_client.get(reverse(f"portal:{name}", args=[argument.public_id])).text
        assert "€0.002" in page
        assert "€0.009" not in page
