"""Unpaid invoices: reminders, after the grace suspension at the gateway, and the way back.

Stripe retries the payment; what we do follows from the mirrored invoice alone, so it can run at any
time and any number of times.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import F

from apim.accounts.models import Organization
from apim.audit.actors import SYSTEM
from apim.audit.services import record
from apim.core import clock
from apim.keys.errors import SubscriptionStateConflict
from apim.keys.models import Subscription
from apim.keys.services import resume_subscription, suspend_subscription
from apim.outbox.services import publish
from billing.models import Invoice, UnpaidSuspension

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

UNPAID = Subscription.Hold.UNPAID
# Days after an invoice should have been paid; the last reminder comes two days before suspension.
REMINDER_DAYS = (0, 3, 7)
LAST_WARNING = timedelta(days=2)


def review_all_unpaid() -> int:
    """Bring every organization that owes, or is suspended for it, up to date; returns how many."""
    note_overdue()
    owing = Invoice.objects.unpaid().values_list("organization", flat=True)
    suspended = UnpaidSuspension.objects.filter(ended_at=None)
    ids = {*owing, *suspended.values_list("organization", flat=True)}
    for pk in sorted(ids):
        try:
            review_unpaid(organization_id=pk)
        except Exception:  # one organization must not keep the others waiting
            logger.exception("unpaid invoices of organization %s were not reviewed", pk)
    return len(ids)


def note_overdue() -> int:
    """Invoices that were sent and whose day has passed are owed from that day on."""
    rows = Invoice.objects.filter(
        status=Invoice.Status.OPEN, unpaid_since=None, payment_due_at__lte=clock.now()
    )
    return int(rows.update(unpaid_since=F("payment_due_at")))


@transaction.atomic
def review_unpaid(*, organization_id: int) -> bool:
    """Remind, suspend or let return; running it again changes nothing. Whether it is suspended."""
    Organization.objects.select_for_update().get(pk=organization_id)
    owed = Invoice.objects.unpaid().filter(organization=organization_id)
    for invoice in owed:
        _remind(invoice)
    if owed.filter(unpaid_since__lte=clock.now() - grace()).exists():
        _suspend(organization_id)
        return True
    _return(organization_id)
    return False


def grace() -> timedelta:
    """From the day on which an invoice should have been paid until keys are suspended."""
    return timedelta(days=settings.BILLING_GRACE_DAYS)


def _remind(invoice: Invoice) -> None:
    assert invoice.unpaid_since is not None
    moments = {timedelta(days=days) for days in REMINDER_DAYS} | {grace() - LAST_WARNING}
    age = clock.now() - invoice.unpaid_since
    due = sum(moment <= age for moment in moments if moment < grace())
    if due <= invoice.reminders:
        return
    # A reminder that was missed is not made up for: one mail, however many days have passed.
    Invoice.objects.filter(pk=invoice.pk).update(reminders=due)
    record(SYSTEM, "invoice.reminded", invoice, after={"reminder": due})
    publish("invoice.unpaid", invoice_id=invoice.pk)


def _suspend(organization_id: int) -> None:
    """What somebody else suspended is held too, so that lifting that does not let it go on."""
    started = Subscription.objects.filter(
        organization=organization_id,
        state__in=[Subscription.State.ACTIVE, Subscription.State.SUSPENDED],
    )
    for subscription in started.exclude(holds__contains=[UNPAID]).order_by("id"):
        suspend_subscription(actor=SYSTEM, subscription=subscription, hold=UNPAID)
        UnpaidSuspension.objects.get_or_create(
            organization_id=organization_id,
            subscription=subscription,
            ended_at=None,
            defaults={"started_at": clock.now()},
        )


def _return(organization_id: int) -> None:
    """Only what was suspended for this reason comes back."""
    rows: QuerySet[UnpaidSuspension] = UnpaidSuspension.objects.filter(
        organization=organization_id, ended_at=None
    )
    for row in rows.select_related("subscription"):
        try:
            with transaction.atomic():
                resume_subscription(actor=SYSTEM, subscription=row.subscription, hold=UNPAID)
        except SubscriptionStateConflict:
            pass  # cancelled meanwhile
        UnpaidSuspension.objects.filter(pk=row.pk).update(ended_at=clock.now())
