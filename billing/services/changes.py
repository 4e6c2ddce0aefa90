"""Upgrade, downgrade, cancel, pause and return: now, or at the end of the billing period."""

from __future__ import annotations

import logging
from datetime import timedelta
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
from billing.errors import (
    ChangeNotPossible,
    ChangeSettled,
    NotInCurrency,
    OnlyAtPeriodEnd,
    PaymentMethodNeeded,
    StatementTooOld,
)
from billing.models import BillingTerms, ScheduledChange
from billing.selectors.book import load_book
from billing.selectors.methods import needs_payment_method
from billing.selectors.versions import offered_version
from billing.services.tenures import note_subscription
from billing.terms import terms_of

if TYPE_CHECKING:
    from datetime import datetime

    from apim.audit.actors import Actor
    from apim.catalog.models import Plan

Kind, State = ScheduledChange.Kind, ScheduledChange.State
PAUSED = Subscription.Hold.DEVELOPER
logger = logging.getLogger(__name__)
MAX_DUE = 500
# How long costs that were shown hold.
STATED_FOR = timedelta(hours=1)


@transaction.atomic
def change_now(
    *,
    actor: Actor,
    subscription: Subscription,
    kind: str,
    plan: Plan | None = None,
    is_approved: bool = False,
    stated_at: datetime | None = None,
) -> Subscription:
    """Carry a change out at once; a planned one is withdrawn by it.

    Fees and minimums of the old plan end now and those of the new one begin, by the second; usage
    stays with the plan it was made on. A pause is the organization's own hold, which it alone ends
    (`resume`); while it lasts neither fees nor minimums are due. `stated_at`: the moment for which
    its costs were shown; fees are reckoned as of it, so that what was stated is what is charged.
    Raises OnlyAtPeriodEnd for a plan with other periods, NotInCurrency, ChangeNotPossible,
    PaymentMethodNeeded, StatementTooOld, and what apim.keys.services refuses.
    """
    _check(subscription, kind, plan, is_now=True, is_approved=is_approved)
    waiting = ScheduledChange.objects.waiting().filter(subscription=subscription).first()
    if waiting is not None:
        _settle(actor, waiting, State.WITHDRAWN)
    at = _reckoned_at(subscription, stated_at)
    return _carry_out(actor, subscription, kind, plan, is_approved=is_approved, at=at)


def _reckoned_at(subscription: Subscription, stated_at: datetime | None) -> datetime:
    """The stated moment, as long as nothing that it was worked out from has changed since.

    Like `proration_date` of docs.stripe.com/billing/subscriptions/prorations.
    """
    now = clock.now()
    if stated_at is None:
        return now
    book = load_book([subscription])
    earliest = [now - STATED_FOR, book.schedule(subscription).period_at(now).start]
    earliest += [stay.ended_at or stay.started_at for stay in book.stays_of(subscription)]
    if not max(earliest) <= stated_at <= now:
        raise StatementTooOld
    return stated_at


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
    _check(subscription, kind, plan, is_now=False, is_approved=is_approved)
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


def _check(
    subscription: Subscription, kind: str, plan: Plan | None, *, is_now: bool, is_approved: bool
) -> None:
    if (kind == Kind.PLAN) != (plan is not None) or kind not in Kind.values:
        raise ChangeNotPossible
    if subscription.state not in _POSSIBLE_IN[Kind(kind)]:
        raise ChangeNotPossible
    if kind == Kind.RESUME and PAUSED not in subscription.reasons:
        raise ChangeNotPossible(_held_by_others(subscription))
    if plan is None:
        return
    if not is_approved and needs_payment_method(subscription.organization, plan):
        raise PaymentMethodNeeded
    terms = BillingTerms.objects.filter(subscription=subscription).first()
    version = offered_version(plan.pk, subscription.organization_id)
    if terms is None or version is None:
        return
    if terms.currency not in version.currencies and _is_charged(subscription):
        raise NotInCurrency
    if is_now and (terms.cadence, terms.months) != (version.cadence, version.months):
        raise OnlyAtPeriodEnd


def _held_by_others(subscription: Subscription) -> str:
    """Why the organization cannot let it go on: only its own pause is its to end."""
    if Subscription.Hold.UNPAID in subscription.reasons:
        return _("It goes on by itself as soon as the open invoice is paid.")
    if Subscription.Hold.METHOD in subscription.reasons:
        return _("It goes on by itself as soon as there is a payment method.")
    return _("The publisher suspended it, and only the publisher can let it go on.")


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
            row = keys.suspend_subscription(actor=actor, subscription=subscription, hold=PAUSED)
        case _:
            row = keys.resume_subscription(actor=actor, subscription=subscription, hold=PAUSED)
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
