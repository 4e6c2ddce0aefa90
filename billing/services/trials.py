"""Trials that began without a payment method: a reminder, a hold at their end, and the way back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from apim.audit.actors import SYSTEM
from apim.audit.services import record
from apim.core import clock
from apim.keys.errors import SubscriptionStateConflict
from apim.keys.models import Subscription
from apim.keys.services import resume_subscription, suspend_subscription
from apim.outbox.services import publish
from billing.models import BillingTerms, PlanVersion
from billing.selectors.book import load_book
from billing.selectors.methods import has_payment_method
from billing.services.tenures import note_subscription
from billing.stripe.adapter import is_configured
from billing.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

METHOD = Subscription.Hold.METHOD
# Stripe too tells of a trial's end three days before (customer.subscription.trial_will_end).
REMINDED_BEFORE = timedelta(days=3)
# Later the trial is history: who removes a card then is sent invoices.
SETTLED_AFTER = timedelta(days=7)
MAX_REVIEWED = 5_000


def review_trials() -> int:
    """Remind, or hold what has no payment method at its trial's end; returns how many changed.

    Running it again changes nothing. Only plans that ask for a method by then are looked at.
    """
    if not is_configured():
        return 0
    now = clock.now()
    return sum(_review(subscription_id, now) for subscription_id in _ending(now))


def _ending(now: datetime) -> Iterator[int]:
    rows = BillingTerms.objects.filter(
        subscription__state=Subscription.State.ACTIVE,
        trial_ends_at__gt=now - SETTLED_AFTER,
        trial_ends_at__lte=now + REMINDED_BEFORE,
    )
    yield from rows.order_by("id").values_list("subscription_id", flat=True)[:MAX_REVIEWED]


@transaction.atomic
def _review(subscription_id: int, now: datetime) -> bool:
    terms = (
        BillingTerms.objects.select_for_update(of=("self",))
        .select_related("subscription__organization")
        .get(subscription=subscription_id)
    )
    row = terms.subscription
    if terms.trial_ends_at is None or not _asks_for_method(row, terms.trial_ends_at):
        return False
    if terms.trial_ends_at <= now:
        suspend_subscription(actor=SYSTEM, subscription=row, hold=METHOD)
        # As of the trial's end, however late this runs: no fee is due until there is a method.
        note_subscription(subscription_id=row.pk, at=terms.trial_ends_at)
    elif terms.trial_reminded_at is None:
        BillingTerms.objects.filter(pk=terms.pk).update(trial_reminded_at=now)
        record(
            SYSTEM,
            "subscription.trial_reminded",
            row,
            after={"trial_ends_at": terms.trial_ends_at.isoformat()},
        )
    else:
        return False
    publish("trial.needs_method", subscription_id=row.pk)
    return True


def _asks_for_method(subscription: Subscription, trial_ends_at: datetime) -> bool:
    """Whether its plan wants a method after the trial, costs something, and there is none."""
    book = load_book([subscription])
    period = book.schedule(subscription).period_at(trial_ends_at)
    version = book.version(subscription, subscription.plan_id, period)
    if version is None or version.payment != PlanVersion.Payment.TRIAL_END:
        return False
    return not terms_of(version).is_free and not has_payment_method(subscription.organization_id)


def method_arrived(*, organization_id: int) -> int:
    """What was held for want of a payment method goes on; returns how many."""
    held = Subscription.objects.filter(
        organization=organization_id,
        state=Subscription.State.SUSPENDED,
        holds__contains=[METHOD],
    )
    resumed = 0
    for subscription in held.order_by("id"):
        try:
            resume_subscription(actor=SYSTEM, subscription=subscription, hold=METHOD)
        except SubscriptionStateConflict:
            continue  # cancelled, or let go on by another message, meanwhile
        resumed += 1
    return resumed
