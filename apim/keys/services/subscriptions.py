"""Subscriptions: asked for, decided, paused, ended, moved to another plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.models import Plan, Product
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.keys.errors import (
    AlreadySubscribed,
    PlanNeedsApproval,
    PlanNotOffered,
    SubscriptionStateConflict,
)
from apim.keys.guards import fitting, lock_active_application
from apim.keys.models import Subscription
from apim.outbox.services import publish

if TYPE_CHECKING:
    from apim.audit.actors import Actor
    from apim.keys.models import Application

State, Hold = Subscription.State, Subscription.Hold


@transaction.atomic
def subscribe(*, actor: Actor, application: Application, plan: Plan) -> Subscription:
    """Put the application on the plan; pending when the plan asks for approval.

    Raises PlanNotOffered, AlreadySubscribed, ApplicationNotActive, OrganizationSuspended.
    """
    application = lock_active_application(application)
    plan = _offered(plan)
    is_waiting = plan.approval == Plan.Approval.MANUAL
    now = clock.now()
    subscription = Subscription(
        organization=application.organization,
        application=application,
        plan=plan,
        product=plan.product,
        state=State.PENDING if is_waiting else State.ACTIVE,
        activated_at=None if is_waiting else now,
    )
    try:
        with transaction.atomic():
            subscription.save()
    except IntegrityError as error:  # the database allows one open subscription per product
        raise AlreadySubscribed from error
    _tell(
        actor,
        "subscription.requested" if is_waiting else "subscription.created",
        subscription,
        after={"plan": plan.public_id, "state": subscription.state},
    )
    return subscription


@transaction.atomic
def approve_subscription(
    *, actor: Actor, subscription: Subscription, note: str = ""
) -> Subscription:
    """Let a waiting subscription begin.

    Raises SubscriptionStateConflict unless pending, PlanNotOffered, ApplicationNotActive,
    OrganizationSuspended.
    """
    lock_active_application(subscription.application)
    _offered(subscription.plan)
    return _change_state(
        actor,
        subscription,
        "subscription.approved",
        State.ACTIVE,
        only_from=(State.PENDING,),
        activated_at=clock.now(),
        decision_note=fitting(Subscription, "decision_note", note, named="note"),
    )


def reject_subscription(
    *, actor: Actor, subscription: Subscription, note: str = ""
) -> Subscription:
    """Refuse a waiting subscription; the applicant reads the note. Raises SubscriptionStateConflict."""
    return _change_state(
        actor,
        subscription,
        "subscription.rejected",
        State.REJECTED,
        only_from=(State.PENDING,),
        ended_at=clock.now(),
        decision_note=fitting(Subscription, "decision_note", note, named="note"),
    )


@transaction.atomic
def suspend_subscription(
    *, actor: Actor, subscription: Subscription, hold: str = Hold.STAFF
) -> Subscription:
    """Put a hold on a subscription: its calls are refused until every hold is lifted.

    Raises SubscriptionStateConflict unless it is active or suspended, or when it has this hold.
    """
    row = Subscription.objects.select_for_update().get(pk=subscription.pk)
    if row.state not in {State.ACTIVE, State.SUSPENDED} or hold in row.reasons:
        raise SubscriptionStateConflict
    return _set_holds(actor, subscription, row, row.reasons | {hold}, "subscription.suspended")


@transaction.atomic
def resume_subscription(
    *, actor: Actor, subscription: Subscription, hold: str = Hold.STAFF
) -> Subscription:
    """Lift a hold; with the last one the subscription goes on.

    Raises SubscriptionStateConflict when it does not have this hold: nobody lifts another's.
    """
    row = Subscription.objects.select_for_update().get(pk=subscription.pk)
    if hold not in row.reasons:
        raise SubscriptionStateConflict
    return _set_holds(actor, subscription, row, row.reasons - {hold}, "subscription.resumed")


def _set_holds(
    actor: Actor,
    subscription: Subscription,
    row: Subscription,
    holds: frozenset[str],
    action: str,
) -> Subscription:
    """Write the holds and what follows for the state; `row` is locked."""
    before = {"state": row.state, "holds": sorted(row.reasons)}
    row.holds = sorted(holds)
    row.state = State.SUSPENDED if holds else State.ACTIVE
    row.save(update_fields=["holds", "state"])
    subscription.refresh_from_db()
    after = {"state": row.state, "holds": row.holds}
    _tell(actor, action, subscription, before=before, after=after)
    return subscription


def cancel_subscription(*, actor: Actor, subscription: Subscription) -> Subscription:
    """End an open subscription at once. Raises SubscriptionStateConflict."""
    return _change_state(
        actor,
        subscription,
        "subscription.cancelled",
        State.CANCELLED,
        only_from=Subscription.OPEN,
        ended_at=clock.now(),
        holds=[],
    )


@transaction.atomic
def change_plan(
    *, actor: Actor, subscription: Subscription, plan: Plan, is_approved: bool = False
) -> Subscription:
    """Move an active or pending subscription to another plan of the same product.

    A plan with manual approval needs `is_approved`, which only a publisher may say.
    Raises PlanNeedsApproval, PlanNotOffered, InvalidInput for another product's plan,
    SubscriptionStateConflict, ApplicationNotActive, OrganizationSuspended.
    """
    lock_active_application(subscription.application)
    plan = _offered(plan)
    row = Subscription.objects.select_for_update().get(pk=subscription.pk)
    if plan.product_id != row.product_id:
        raise InvalidInput(fields={"plan": [_("This plan belongs to another product.")]})
    if plan.approval == Plan.Approval.MANUAL and not is_approved:
        raise PlanNeedsApproval
    if row.state not in {State.ACTIVE, State.PENDING} or plan.pk == row.plan_id:
        raise SubscriptionStateConflict
    before = row.plan.public_id
    row.plan = plan
    row.save(update_fields=["plan"])
    _tell(
        actor,
        "subscription.plan_changed",
        row,
        before={"plan": before},
        after={"plan": plan.public_id},
    )
    return row


def _offered(plan: Plan) -> Plan:
    """The plan as it is now, locked against a simultaneous retirement."""
    row = Plan.objects.select_for_update(of=("self",)).select_related("product").get(pk=plan.pk)
    if row.state != Plan.State.PUBLISHED or row.product.state != Product.State.PUBLISHED:
        raise PlanNotOffered
    return row


@transaction.atomic
def _change_state(
    actor: Actor,
    subscription: Subscription,
    action: str,
    to: str,
    *,
    only_from: tuple[str, ...],
    **values: Any,
) -> Subscription:
    if not Subscription.objects.change_state(subscription, to, only_from=only_from, **values):
        raise SubscriptionStateConflict
    before = {"state": subscription.state}
    subscription.refresh_from_db()
    _tell(actor, action, subscription, before=before, after={"state": to})
    return subscription


def _tell(actor: Actor, action: str, subscription: Subscription, **difference: Any) -> None:
    record(actor, action, subscription, **difference)
    publish("subscription.changed", subscription_id=subscription.pk)
