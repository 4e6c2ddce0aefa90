"""A paid plan begins when its payment method is there, whoever hears of it first."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail

from apim.accounts.models import Membership, Organization
from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.catalog.models import Plan
from apim.keys.errors import AlreadySubscribed
from apim.keys.models import Application, Subscription
from apim.outbox.services import sweep
from billing.errors import PaymentMethodNeeded
from billing.models import Checkout, StripeCustomer, StripeEvent
from billing.rating.prices import Fee, Terms
from billing.selectors.methods import needs_payment_method
from billing.services import change_now, note_subscription, plan_change, subscribe
from billing.services.trials import review_trials
from billing.stripe.checkouts import heal_checkouts, settle_checkout, start_checkout
from billing.stripe.customers import ensure_customer
from billing.stripe.events import handle_events
from billing.stripe.ports import StripeUnavailable
from billing.stripe.reconciliation import find_lost_events
from tests.billing.prices import make_version
from tests.cast import make_user

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ADDRESS = {"country": "DE", "city": "Kiel", "line1": "Quay 1", "postal_code": "24103"}


def price(plan, fee="49", **values):
    trial = values.pop("trial_days", 0)
    terms = Terms("", "EUR", fees=(Fee("base", Decimal(fee)),), trial_days=trial)
    return make_version(plan, terms, **values)


@pytest.fixture
def board(world):
    """An application of an organization that has paid nothing so far."""
    organization = Organization.objects.create(name="Newcomer")
    return Application.objects.create(organization=organization, name="Board")


@pytest.fixture
def plan(world):
    price(world.plan)
    return world.plan


@pytest.fixture
def begin(gateway, board, plan):
    def run(of=None):
        return start_checkout(
            gateway,
            actor=SYSTEM,
            application=board,
            plan=of or plan,
            return_url="https://apim.example/checkouts/{checkout}/",
            cancel_url="https://apim.example/",
        )

    return run


@pytest.fixture
def pay(sim):
    """What the customer does on Stripe's page."""

    def run(checkout, card="pm_card_visa", **form):
        path = checkout.url.removeprefix(sim.url)
        body = "&".join(f"{name}={value}" for name, value in {"card": card, **form}.items())
        return sim.raw("POST", path, body)

    return run


def hear(gateway):
    find_lost_events(gateway)
    handle_events(gateway)


def subscribed():
    return Subscription.objects.filter(organization__name="Newcomer").first()


def test_a_paid_plan_is_not_begun_without_a_payment_method(board, plan, gateway):
    assert needs_payment_method(board.organization, plan)
    with pytest.raises(PaymentMethodNeeded):
        subscribe(actor=SYSTEM, application=board, plan=plan)
    assert subscribed() is None


def test_nothing_is_asked_where_payments_are_not_set_up(board, plan, settings):
    settings.APIM_STRIPE_SIMULATOR_URL = ""
    assert subscribe(actor=SYSTEM, application=board, plan=plan).state == "active"


def test_nothing_is_asked_for_what_is_free_or_paid_by_invoice(board, world, gateway):
    assert not needs_payment_method(board.organization, world.plan)  # no price at all
    Plan.objects.filter(pk=world.other_plan.pk).update(state="published")
    price(world.other_plan, payment="invoice")
    assert not needs_payment_method(board.organization, world.other_plan)


def test_the_page_names_the_plan_and_its_price_and_leads_back(begin, pay, sim):
    checkout = begin()
    page = sim.raw("GET", checkout.url.removeprefix(sim.url)).text
    assert "Board goes on Tides Small (€49.00 per month)" in page
    answer = pay(checkout)
    assert answer.getheader("Location") == f"https://apim.example/checkouts/{checkout.public_id}/"


@pytest.mark.parametrize("first", ["return", "webhook", "reconciliation"])
def test_whoever_hears_first_begins_the_subscription_and_nobody_twice(begin, pay, gateway, first):
    checkout = begin()
    assert settle_checkout(gateway, checkout).state == "open"
    assert subscribed() is None
    pay(checkout)
    heard = {
        "return": lambda: settle_checkout(gateway, checkout),
        "webhook": lambda: hear(gateway),
        "reconciliation": lambda: heal_checkouts(gateway),
    }
    for way in sorted(heard, key=lambda name: name != first):
        heard[way]()
    made = subscribed()
    assert (made.state, Subscription.objects.filter(application=made.application).count()) == (
        "active",
        1,
    )
    checkout.refresh_from_db()
    assert (checkout.state, checkout.subscription) == ("done", made)
    assert StripeCustomer.objects.get().payment_label == "visa 4242"
    actions = AuditEvent.objects.filter(object_id=checkout.public_id).order_by("id")
    assert [event.action for event in actions] == ["checkout.started", "checkout.done"]


def test_events_in_any_order_lead_to_the_same(begin, pay, gateway):
    checkout = begin()
    pay(checkout)
    find_lost_events(gateway)
    for row in StripeEvent.objects.order_by("-happened_at", "-id"):  # the last one first
        StripeEvent.objects.exclude(pk=row.pk).update(due_at="2100-01-01T00:00Z")
        StripeEvent.objects.filter(pk=row.pk).update(due_at="2020-01-01T00:00Z")
        handle_events(gateway)
    assert subscribed().state == "active"


def test_a_declined_card_subscribes_nothing_and_another_one_does(begin, pay, gateway):
    checkout = begin()
    assert pay(checkout, card="pm_card_chargeDeclined").status == 402
    assert heal_checkouts(gateway) == 0
    assert begin().pk == checkout.pk  # the same page is taken up again
    pay(checkout)
    assert heal_checkouts(gateway) == 1
    assert subscribed().state == "active"


def test_a_session_that_nobody_finished_expires_and_can_be_begun_again(begin, gateway, sim, noon):
    checkout = begin()
    sim.client.v1.checkout.sessions.expire(checkout.stripe_id)
    hear(gateway)
    checkout.refresh_from_db()
    assert (checkout.state, subscribed()) == ("expired", None)
    assert begin().pk != checkout.pk


def test_a_start_whose_answer_was_lost_makes_no_second_session(begin, gateway, sim, pay, noon):
    sim.order("fail_requests", match="POST /v1/checkout/sessions", times=3, status=500, after=True)
    with pytest.raises(StripeUnavailable):
        begin()
    checkout = begin()
    assert Checkout.objects.count() == 1
    pay(checkout)
    hear(gateway)
    assert subscribed().state == "active"


def test_a_row_without_a_session_is_let_go_after_a_day(begin, gateway, sim, noon):
    sim.order("fail_requests", match="POST /v1/checkout/sessions", times=3, status=500)
    with pytest.raises(StripeUnavailable):
        begin()
    assert heal_checkouts(gateway) == 0
    noon.shift(DAY + timedelta(minutes=1))
    assert heal_checkouts(gateway) == 1
    assert Checkout.objects.get().state == "expired"


def test_a_plan_that_was_retired_meanwhile_fails_with_the_reason_and_keeps_the_method(
    begin, pay, gateway, plan
):
    checkout = begin()
    Plan.objects.filter(pk=plan.pk).update(state="retired")
    pay(checkout)
    found = settle_checkout(gateway, checkout)
    assert (found.state, found.subscription) == ("failed", None)
    assert "not open to new subscriptions" in found.note
    assert StripeCustomer.objects.get().has_payment_method


def test_a_plan_with_approval_waits_for_it_after_the_payment_method(begin, pay, gateway, plan):
    Plan.objects.filter(pk=plan.pk).update(approval="manual")
    checkout = begin()
    pay(checkout)
    assert settle_checkout(gateway, checkout).subscription.state == "pending"


def test_an_application_that_has_the_product_begins_no_checkout(begin, board, world):
    Subscription.objects.create(
        organization=board.organization,
        application=board,
        plan=world.other_plan,
        product=world.product,
        state="active",
    )
    with pytest.raises(AlreadySubscribed):
        begin()


def test_with_stripe_tax_the_billing_address_is_asked_for_and_kept(
    begin, pay, gateway, sim, settings
):
    settings.STRIPE_TAX = True
    checkout = begin()
    assert pay(checkout).status != 303
    assert settle_checkout(gateway, checkout).state == "open"
    assert pay(checkout, **ADDRESS).status == 303
    assert settle_checkout(gateway, checkout).state == "done"
    found = gateway.fetch("customers", StripeCustomer.objects.get().stripe_id)
    assert found["address"]["country"] == "DE"


def test_going_from_a_free_to_a_paid_plan_asks_for_the_method_too(board, plan, world, gateway):
    Plan.objects.filter(pk=world.other_plan.pk).update(state="published")
    free = subscribe(actor=SYSTEM, application=board, plan=world.other_plan)
    for change in (change_now, plan_change):
        with pytest.raises(PaymentMethodNeeded):
            change(actor=SYSTEM, subscription=free, kind="plan", plan=plan)
    done = change_now(actor=SYSTEM, subscription=free, kind="plan", plan=plan, is_approved=True)
    assert done.plan == plan  # the publisher may


@pytest.fixture
def trial(board, world, gateway):
    """A subscription of a trial without a payment method, and a person who pays."""
    price(world.plan, trial_days=14, payment="trial_end")
    Membership.objects.create(
        organization=board.organization, user=make_user("Paula"), role="billing"
    )
    made = subscribe(actor=SYSTEM, application=board, plan=world.plan)
    note_subscription(subscription_id=made.pk)
    made.refresh_from_db()
    return made


def state(subscription):
    subscription.refresh_from_db()
    return subscription.state


def test_a_trial_begins_without_a_method_and_is_held_at_its_end_until_there_is_one(
    trial, noon, gateway, sim
):
    assert review_trials() == 0
    noon.move_to(trial.billing_terms.trial_ends_at - 2 * DAY)
    assert (review_trials(), review_trials()) == (1, 0)
    noon.shift(timedelta(minutes=1))
    sweep()
    noon.move_to(trial.billing_terms.trial_ends_at + timedelta(minutes=5))
    assert (review_trials(), review_trials()) == (1, 0)
    noon.shift(timedelta(minutes=1))
    sweep()
    assert state(trial) == "suspended"
    assert trial.holds == ["method"]
    subjects = [message.subject for message in mail.outbox]
    assert len(subjects) == 2
    assert "ends on" in subjects[0]
    assert "payment method is missing" in subjects[1]

    session = sim.client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "eur",
            "customer": _customer(gateway, trial),
            "success_url": "https://x.example/",
        }
    )
    sim.raw("POST", session.url.removeprefix(sim.url), "card=pm_card_visa")
    hear(gateway)
    assert state(trial) == "active"


def _customer(gateway, subscription):
    return ensure_customer(gateway, subscription.organization).stripe_id


def test_a_second_trial_of_a_product_asks_for_the_method_at_once(trial, board, world):
    another = Application.objects.create(organization=board.organization, name="Second")
    with pytest.raises(PaymentMethodNeeded):
        subscribe(actor=SYSTEM, application=another, plan=world.plan)
