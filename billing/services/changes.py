"""Upgrade, downgrade, cancel, pause and return: now, or at the end of the billing period."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.actors import SYSTEM
from apim.audit.services import record
from apim.core import clock
from apim.core.errors import DomainError
from apim.keys import services as keys
from apim.keys.errors import PlanNeedsApproval
from apim.keys.models import Subscription
from billing.errors import ChangeNotPossible, ChangeSettled, NotInCurrency, OnlyAtPeriodEnd
from billing.models import BillingTerms, ScheduledChange, UnpaidSuspension
from billing.selectors.book import load_book
from billing.selectors.versions import offered_version
from billing.services.tenures import note_subscription
from billing.terms import terms_of

if TYPE_CHECKING:
    from datetime import datetime

    from apim.audit.actors import Actor
    from apim.catalog.models import Plan

Kind, State = ScheduledChange.Kind, ScheduledChange.State
logger = logging.getLogger(__name__)
MAX_DUE = 500


@transaction.atomic
def change_now(
    *,
    actor: Actor,
    subscription: Subscription,
    kind: str,
    plan: Plan | None = None,
    is_approved: bool = False,
) -> Subscription:
    """Carry a change out at once; a planned one is withdrawn by it.

    Fees and minimums of the old plan end now and those of the new one begin, by the second; usage
    stays with the plan it was made on. Raises OnlyAtPeriodEnd for a plan with other periods,
    NotInCurrency, ChangeNotPossible, and what apim.keys.services refuses.
    """
    _check(subscription, kind, plan, is_now=True)
    waiting = ScheduledChange.objects.waiting().filter(subscription=subscription).first()
    if waiting is not None:
        _settle(actor, waiting, State.WITHDRAWN)
    return _carry_out(actor, subscription, kind, plan, is_approved=is_approved, at=clock.now())


@transaction.atomic
def plan_change(
    *,
    actor: Actor,
    subscription: Subscription,
    kind: str,
    plan: Plan | None = None,
    is_approved: bool = False,
    due_at: datetime | None = None,
) -> ScheduledChange:
    """Plan a change for the end of the running billing period, or for `due_at`.

    One change at a time: it takes the place of one planned before.
    Raises NotInCurrency, ChangeNotPossible, and for a plan that needs it PlanNeedsApproval.
    """
    Subscription.objects.select_for_update().get(pk=subscription.pk)
    _check(subscription, kind, plan, is_now=False)
    if plan is not None and plan.approval == plan.Approval.MANUAL and not is_approved:
        raise PlanNeedsApproval
    waiting = ScheduledChange.objects.waiting().filter(subscription=subscription).first()
    if waiting is not None:
        _settle(actor, waiting, State.WITHDRAWN)
    change = ScheduledChange.objects.create(
        subscription=subscription,
        organization_id=subscription.organization_id,
        kind=kind,
        plan=plan,
        is_approved=is_approved,
        due_at=due_at or period_end(subscription),
    )
    record(
        actor,
        "subscription.change_planned",
        subscription,
        after={
            "kind": kind,
            "plan": plan.public_id if plan else None,
            "due_at": change.due_at.isoformat(),
        },
    )
    return change


@transaction.atomic
def withdraw_change(*, actor: Actor, change: ScheduledChange) -> ScheduledChange:
    """Leave everything as it is. Raises ChangeSettled."""
    _settle(actor, change, State.WITHDRAWN)
    change.refresh_from_db()
    return change


def apply_due_changes() -> int:
    """Carry out what is due, each on its own; returns how many were settled.

    A change that is no longer possible, such as to a plan that was retired, fails with the reason
    and the subscription stays as it is.
    """
    due = ScheduledChange.objects.waiting().filter(due_at__lte=clock.now())
    ids = list(due.order_by("due_at", "id").values_list("pk", flat=True)[:MAX_DUE])
    return sum(_apply(pk) for pk in ids)


def _apply(pk: int) -> bool:
    try:
        with transaction.atomic():
            change = _claimed(pk)
            if change is None:
                return False
            _settle(SYSTEM, change, State.APPLIED)
            _carry_out(
                SYSTEM,
                change.subscription,
                change.kind,
                change.plan,
                is_approved=change.is_approved,
                at=change.due_at,
            )
    except DomainError as refusal:
        logger.warning("planned change %s: %s", pk, refusal)
        with transaction.atomic():
            change = _claimed(pk)
            if change is not None:
                _settle(SYSTEM, change, State.FAILED, note=refusal.message)
    return True


def _claimed(pk: int) -> ScheduledChange | None:
    return (
        ScheduledChange.objects.waiting()
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("subscription__organization", "plan")
        .filter(pk=pk)
        .first()
    )


def period_end(subscription: Subscription) -> datetime:
    """The end of the billing period that is running."""
    book = load_book([subscription])
    return book.schedule(subscription).period_at(clock.now()).end


def _check(subscription: Subscription, kind: str, plan: Plan | None, *, is_now: bool) -> None:
    if (kind == Kind.PLAN) != (plan is not None) or kind not in Kind.values:
        raise ChangeNotPossible
    if subscription.state not in _POSSIBLE_IN[Kind(kind)]:
        raise ChangeNotPossible
    if kind == Kind.RESUME and _is_unpaid(subscription):
        raise ChangeNotPossible(_("It goes on by itself as soon as the open invoice is paid."))
    if plan is None:
        return
    terms = BillingTerms.objects.filter(subscription=subscription).first()
    version = offered_version(plan.pk, subscription.organization_id)
    if terms is None or version is None:
        return
    if terms.currency not in version.currencies and _is_charged(subscription):
        raise NotInCurrency
    if is_now and (terms.cadence, terms.months) != (version.cadence, version.months):
        raise OnlyAtPeriodEnd


def _is_unpaid(subscription: Subscription) -> bool:
    return UnpaidSuspension.objects.filter(subscription=subscription, ended_at=None).exists()


def _is_charged(subscription: Subscription) -> bool:
    """Whether its present plan costs anything; a free one ties it to no currency."""
    version = offered_version(subscription.plan_id, subscription.organization_id)
    return version is not None and not terms_of(version).is_free


_POSSIBLE_IN = {
    Kind.PLAN: {Subscription.State.ACTIVE},
    Kind.PAUSE: {Subscription.State.ACTIVE},
    Kind.RESUME: {Subscription.State.SUSPENDED},
    Kind.CANCEL: set(Subscription.OPEN),
}


def _carry_out(
    actor: Actor,
    subscription: Subscription,
    kind: str,
    plan: Plan | None,
    *,
    is_approved: bool,
    at: datetime,
) -> Subscription:
    """Change the subscription, and note its tenure as of `at`."""
    note_subscription(subscription_id=subscription.pk, at=at)  # what was before, if not yet noted
    match kind:
        case Kind.PLAN if plan is not None:
            row = keys.change_plan(
                actor=actor, subscription=subscription, plan=plan, is_approved=is_approved
            )
            _follow_plan(row, at)
        case Kind.CANCEL:
            row = keys.cancel_subscription(actor=actor, subscription=subscription)
        case Kind.PAUSE:
            row = keys.suspend_subscription(actor=actor, subscription=subscription)
        case _:
            row = keys.resume_subscription(actor=actor, subscription=subscription)
    note_subscription(subscription_id=row.pk, at=at)
    return row


def _follow_plan(subscription: Subscription, at: datetime) -> None:
    """Take over the periods of the new plan from the change on, after a free plan its currency."""
    version = offered_version(subscription.plan_id, subscription.organization_id)
    terms = BillingTerms.objects.filter(subscription=subscription).first()
    if version is None or terms is None:
        return
    if terms.currency not in version.currencies:
        terms.currency = version.currency
        terms.save(update_fields=["currency"])
    if (terms.cadence, terms.months) != (version.cadence, version.months):
        terms.cadence, terms.months = version.cadence, version.months
        zone = ZoneInfo(subscription.organization.time_zone)
        terms.anchor_on = at.astimezone(zone).date()
        terms.save(update_fields=["cadence", "months", "anchor_on"])


def _settle(actor: Actor, change: ScheduledChange, state: str, note: str = "") -> None:
    if not ScheduledChange.objects.settle(change, state, at=clock.now(), note=note):
        raise ChangeSettled
    record(
        actor,
        f"subscription.change_{state}",
        change.subscription,
        before={"kind": change.kind, "due_at": change.due_at.isoformat()},
        after={"state": state, "note": note},
    )
