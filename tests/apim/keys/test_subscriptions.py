"""Subscriptions: offered plans only, one open one per product, approval where asked."""

import pytest

from apim.accounts.models import Organization
from apim.audit.models import AuditEvent
from apim.catalog.models import Plan, Product
from apim.core.errors import InvalidInput, NotFound
from apim.keys import selectors, services
from apim.keys.errors import (
    AlreadySubscribed,
    ApplicationNotActive,
    OrganizationSuspended,
    PlanNeedsApproval,
    PlanNotOffered,
    SubscriptionStateConflict,
)
from apim.keys.models import Subscription

from .conftest import make_plan

pytestmark = pytest.mark.django_db
State = Subscription.State


@pytest.fixture
def subscription(actor, application, plan):
    return services.subscribe(actor=actor, application=application, plan=plan)


@pytest.fixture
def pending(actor, application, manual_plan):
    return services.subscribe(actor=actor, application=application, plan=manual_plan)


def test_an_automatic_plan_is_active_at_once(subscription, plan):
    assert subscription.state == State.ACTIVE
    assert subscription.activated_at is not None
    assert subscription.product == plan.product


def test_a_manual_plan_waits_for_approval(actor, pending):
    assert pending.state == State.PENDING
    assert list(selectors.pending_subscriptions()) == [pending]
    approved = services.approve_subscription(actor=actor, subscription=pending, note="Welcome")
    assert approved.state == State.ACTIVE
    assert approved.activated_at is not None
    assert approved.decision_note == "Welcome"
    assert not selectors.pending_subscriptions().exists()


def test_a_rejection_ends_it_and_keeps_the_note(actor, pending):
    services.reject_subscription(actor=actor, subscription=pending, note="No contract yet")
    pending.refresh_from_db()
    assert pending.state == State.REJECTED
    assert pending.ended_at is not None
    assert pending.decision_note == "No contract yet"


def test_a_note_that_does_not_fit_is_refused_and_nothing_is_decided(actor, pending):
    with pytest.raises(InvalidInput) as refusal:
        services.reject_subscription(actor=actor, subscription=pending, note="n" * 401)
    assert "note" in refusal.value.fields
    pending.refresh_from_db()
    assert pending.state == State.PENDING


@pytest.mark.parametrize("state", [Plan.State.DRAFT, Plan.State.RETIRED])
def test_a_plan_that_is_not_published_is_not_offered(actor, application, product, state):
    plan = make_plan(product, "Hidden", state=state)
    with pytest.raises(PlanNotOffered):
        services.subscribe(actor=actor, application=application, plan=plan)


@pytest.mark.parametrize("state", [Product.State.DRAFT, Product.State.RETIRED])
def test_a_plan_of_an_unpublished_product_is_not_offered(actor, application, plan, state):
    Product.objects.update(state=state)
    with pytest.raises(PlanNotOffered):
        services.subscribe(actor=actor, application=application, plan=plan)


def test_one_open_subscription_per_product(actor, application, product, subscription):
    with pytest.raises(AlreadySubscribed):
        services.subscribe(actor=actor, application=application, plan=make_plan(product, "Other"))


def test_after_a_cancellation_the_product_is_open_again(actor, application, plan, subscription):
    services.cancel_subscription(actor=actor, subscription=subscription)
    again = services.subscribe(actor=actor, application=application, plan=plan)
    assert again.state == State.ACTIVE


def test_a_suspended_organization_cannot_subscribe(actor, application, plan):
    Organization.objects.update(state=Organization.State.SUSPENDED)
    with pytest.raises(OrganizationSuspended):
        services.subscribe(actor=actor, application=application, plan=plan)


def test_a_suspended_application_cannot_subscribe(actor, application, plan):
    services.suspend_application(actor=actor, application=application)
    with pytest.raises(ApplicationNotActive):
        services.subscribe(actor=actor, application=application, plan=plan)


def test_suspend_and_resume(actor, subscription, published):
    services.suspend_subscription(actor=actor, subscription=subscription)
    assert subscription.state == State.SUSPENDED
    services.resume_subscription(actor=actor, subscription=subscription)
    assert subscription.state == State.ACTIVE
    assert published() == ["subscription.changed"] * 2


@pytest.mark.parametrize(
    ("change", "start"),
    [
        (services.approve_subscription, State.ACTIVE),
        (services.reject_subscription, State.ACTIVE),
        (services.suspend_subscription, State.PENDING),
        (services.resume_subscription, State.ACTIVE),
        (services.resume_subscription, State.PENDING),
        (services.cancel_subscription, State.CANCELLED),
        (services.cancel_subscription, State.REJECTED),
    ],
)
def test_a_change_from_another_state_is_refused(actor, subscription, change, start):
    Subscription.objects.update(state=start)
    subscription.refresh_from_db()
    events = AuditEvent.objects.count()
    with pytest.raises(SubscriptionStateConflict):
        change(actor=actor, subscription=subscription)
    assert AuditEvent.objects.count() == events


def test_change_plan_within_the_product(actor, product, subscription):
    larger = make_plan(product, "Larger")
    changed = services.change_plan(actor=actor, subscription=subscription, plan=larger)
    assert changed.plan == larger
    event = AuditEvent.objects.get(action="subscription.plan_changed")
    assert event.after == {"plan": larger.public_id}


def test_change_to_a_plan_of_another_product_is_refused(actor, subscription):
    other = Product.objects.create(slug="cranes", name="Cranes", state=Product.State.PUBLISHED)
    with pytest.raises(InvalidInput):
        services.change_plan(
            actor=actor, subscription=subscription, plan=make_plan(other, "Starter")
        )


def test_a_manual_plan_is_not_reached_by_changing_to_it(actor, subscription, manual_plan):
    with pytest.raises(PlanNeedsApproval):
        services.change_plan(actor=actor, subscription=subscription, plan=manual_plan)
    services.change_plan(actor=actor, subscription=subscription, plan=manual_plan, is_approved=True)
    subscription.refresh_from_db()
    assert subscription.plan == manual_plan


def test_a_cancelled_subscription_cannot_change_plan(actor, product, subscription):
    services.cancel_subscription(actor=actor, subscription=subscription)
    with pytest.raises(SubscriptionStateConflict):
        services.change_plan(
            actor=actor, subscription=subscription, plan=make_plan(product, "Larger")
        )


def test_an_outsider_finds_nothing(subscription, key, other_organization):
    charlie = other_organization
    for get, row in (
        (selectors.get_application, subscription.application),
        (selectors.get_subscription, subscription),
        (selectors.get_key, key),
    ):
        assert get(row.organization, row.public_id) == row
        assert get(None, row.public_id) == row
        with pytest.raises(NotFound):
            get(charlie, row.public_id)
    assert not selectors.applications(charlie).exists()
    assert not selectors.subscriptions(charlie).exists()
    assert not selectors.api_keys(charlie).exists()
