"""Changing and cancelling say what they cost first, and can wait for the period's end."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.keys import services as keys
from billing.models import ScheduledChange
from billing.rating.prices import Fee, Terms, per_unit
from billing.services import apply_due_changes, draft_version, note_subscription, publish_version
from tests.billing.prices import make_version
from tests.portal.conftest import make_plan

MIDDLE = datetime(2026, 6, 16, tzinfo=UTC)  # half of June is over


def page_url(name, subscription):
    return reverse(f"portal:{name}", args=[subscription.public_id])


@pytest.fixture
def middle_of_june():
    with time_machine.travel(datetime(2026, 6, 1, tzinfo=UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture
def small(middle_of_june, harbour):
    plan = make_plan(harbour, "Small")
    make_version(plan, Terms("", "EUR", fees=(Fee("base", Decimal(30)),)))
    return plan


@pytest.fixture
def large(middle_of_june, harbour):
    plan = make_plan(harbour, "Large")
    terms = Terms("", "EUR", fees=(Fee("base", Decimal(90)),), setup=Decimal(7))
    make_version(plan, terms)
    return plan


@pytest.fixture
def held(middle_of_june, acme, board, small, large):
    acme.time_zone = "UTC"
    acme.save()
    made = keys.subscribe(actor=SYSTEM, application=board, plan=small)
    note_subscription(subscription_id=made.pk)
    middle_of_june.move_to(MIDDLE)
    return made


def test_an_upgrade_states_what_this_period_will_cost_and_changes_nothing_yet(
    alice_client, held, large
):
    url = page_url("subscription-change", held)
    answer = alice_client.get(url, {"plan": large.public_id, "when": "now"})
    preview = answer.context["preview"].preview
    # Half of €30 and half of €90, and the setup of the new plan.
    assert [money.amount_minor for money in preview.differences] == [1500 + 4500 + 700 - 3000]
    for words in ("€30.00", "€67.00", "€90.00", "€7.00 for the setup", "Change to Large now"):
        assert words in answer.text, words
    held.refresh_from_db()
    assert held.plan.name == "Small"


def test_an_upgrade_at_the_periods_end_costs_nothing_more_in_this_one(alice_client, held, large):
    url = page_url("subscription-change", held)
    answer = alice_client.get(url, {"plan": large.public_id, "when": "end"})
    assert [m.amount_minor for m in answer.context["preview"].preview.differences] == [0]
    assert alice_client.post(url, {"plan": large.public_id, "when": "end"}).status_code == 302
    held.refresh_from_db()
    assert held.plan.name == "Small"
    shown = alice_client.get(page_url("subscription", held)).text
    assert "The plan will be Large from" in shown
    with time_machine.travel(datetime(2026, 7, 1, 1, tzinfo=UTC), tick=False):
        apply_due_changes()
    held.refresh_from_db()
    assert held.plan.name == "Large"


def test_a_planned_change_can_be_taken_back(alice_client, charlie_client, held, large):
    alice_client.post(page_url("subscription-cancel", held), {"when": "end"})
    assert "until then nothing changes" in alice_client.get(page_url("subscription", held)).text
    keep = page_url("subscription-keep", held)
    assert charlie_client.post(keep).status_code == 404
    assert alice_client.post(keep).status_code == 302
    assert not ScheduledChange.objects.waiting().exists()
    assert alice_client.post(keep).status_code == 404
    held.refresh_from_db()
    assert held.state == "active"


def test_cancelling_states_both_ways(alice_client, held):
    page = alice_client.get(page_url("subscription-cancel", held)).text
    assert "€15.00" in page  # now: half a month
    assert "€30.00" in page  # at the end: all of it
    assert "1 Jul 2026" in page


def test_the_subscription_shows_its_period_and_what_it_comes_to(alice_client, held):
    page = alice_client.get(page_url("subscription", held)).text
    assert "This billing period" in page
    assert "€30.00 per month" in page
    assert "Expected at its end" in page


def test_a_private_price_is_shown_to_its_customer_only(
    alice_client, charlie_client, acme, board, small
):
    private = draft_version(
        actor=SYSTEM,
        plan=small,
        sheets=[Terms("", "EUR", usage=(per_unit(Decimal("0.0123")),))],
        organization=acme,
    )
    publish_version(actor=SYSTEM, version=private, starts_at=clock.now())
    url = reverse("portal:subscribe", args=[small.public_id])
    assert "€0.0123" in alice_client.get(url).text
    assert "€0.0123" not in charlie_client.get(url).text
    assert "€30.00" in charlie_client.get(url).text
    assert "€0.0123" not in alice_client.get(reverse("portal:pricing")).text


def test_a_plan_in_another_rhythm_can_only_be_taken_at_the_periods_end(alice_client, harbour, held):
    yearly = make_plan(harbour, "Yearly")
    make_version(yearly, Terms("", "EUR", fees=(Fee("base", Decimal(300)),)), months=12)
    url = page_url("subscription-change", held)
    refused = alice_client.post(url, {"plan": yearly.public_id, "when": "now"})
    assert refused.status_code == 422
    assert "end of the billing period only" in refused.text
    assert alice_client.post(url, {"plan": yearly.public_id, "when": "end"}).status_code == 302


def test_a_pause_states_what_it_costs_and_ends_by_the_one_who_began_it(alice_client, held):
    page = alice_client.get(page_url("subscription", held)).text
    assert page_url("subscription-pause", held) in page
    page = alice_client.get(page_url("subscription-pause", held)).text
    assert "€15.00" in page  # half of June
    assert "Each whole period while it is paused" in page
    assert "instead of €30.00" in page
    alice_client.post(page_url("subscription-pause", held), {"when": "now"})
    held.refresh_from_db()
    assert (held.state, held.holds) == ("suspended", ["developer"])
    assert alice_client.get(page_url("subscription-pause", held)).status_code == 404
    page = alice_client.get(page_url("subscription", held)).text
    assert "You paused it" in page
    assert "fees count from then on" in alice_client.get(page_url("subscription-resume", held)).text
    alice_client.post(page_url("subscription-resume", held))
    held.refresh_from_db()
    assert held.state == "active"


def test_a_pause_can_wait_for_the_periods_end(alice_client, held, middle_of_june):
    assert (
        alice_client.post(page_url("subscription-pause", held), {"when": "end"}).status_code == 302
    )
    middle_of_june.move_to(datetime(2026, 7, 1, 0, 5, tzinfo=UTC))
    apply_due_changes()
    held.refresh_from_db()
    assert held.holds == ["developer"]


def test_what_the_publisher_suspended_offers_no_way_back(alice_client, held):
    keys.suspend_subscription(actor=SYSTEM, subscription=held)
    page = alice_client.get(page_url("subscription", held)).text
    assert "until the publisher lifts the suspension" in page
    assert alice_client.get(page_url("subscription-resume", held)).status_code == 404


def test_the_stated_moment_is_what_is_confirmed(alice_client, held, large, middle_of_june):
    url = page_url("subscription-change", held)
    page = alice_client.get(url, {"plan": large.public_id, "when": "now"})
    stated = page.context["preview"].preview
    middle_of_june.shift(1800)
    body = {"plan": large.public_id, "when": "now", "stated_at": stated.effective_at.isoformat()}
    assert body["stated_at"] in page.text
    assert alice_client.post(url, body).status_code == 302
    assert held.tenures.get(ended_at=None).started_at == stated.effective_at
    middle_of_june.shift(7200)
    refused = alice_client.post(page_url("subscription-pause", held), body)
    assert refused.status_code == 409
    held.refresh_from_db()
    assert held.state == "active"
