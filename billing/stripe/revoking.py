"""Usage that Stripe was told wrongly: the event is cancelled and said anew while Stripe allows it.

docs.stripe.com/api/billing/meter-event-adjustment: one event at a time, by its identifier, within 24
hours of its receipt. Later a negative event says the difference (docs/adr/0021).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from apim.core import clock
from billing.models import MeteredItem, MeterEvent
from billing.stripe.catalogue import event_name, meter_id
from billing.stripe.metered import told_as
from billing.stripe.ports import StripeRefused

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from billing.models import StripeCustomer
    from billing.stripe.ports import PaymentGateway

logger = logging.getLogger(__name__)

# An hour less than Stripe's day: what is asked for now may be answered later.
REVOCABLE = timedelta(hours=23)
MINUTE = timedelta(minutes=1)
State = MeterEvent.State


@transaction.atomic
def replace_event(row: MeterEvent) -> None:
    """Let a negative row stand for all that is left of the event before it, which is to be revoked.

    Nothing is said to Stripe yet. A row that no such event is before stays as it is.
    """
    before = (
        _of_its_hour(row)
        .filter(state=State.SENT, tried_at__gt=clock.now() - REVOCABLE, value__gte=-row.value)
        .order_by("-revision")
        .first()
    )
    if before is None:
        return
    _hand_over(before, row)


def revoke_replaced(gateway: PaymentGateway, row: MeterEvent, customer: StripeCustomer) -> None:
    """Cancel at Stripe what the row stands for; what can no longer be cancelled counts again.

    The idempotency key lets a try whose answer was lost be repeated for as long as Stripe cancels.
    """
    for before in _of_its_hour(row).filter(state=State.REVOKING).select_related("meter"):
        params = {
            "event_name": event_name(before.meter, before.lane),
            "type": "cancel",
            "cancel": {"identifier": before.identifier},
        }
        key = f"revoke:{before.identifier}"
        try:
            gateway.create("billing.meter_event_adjustments", params, key=key)
        except StripeRefused as refusal:
            if not _is_gone(gateway, before, customer):
                logger.warning("usage %s is not revoked: %s", before.identifier, refusal)
                _give_back(before, row)
                continue
        MeterEvent.objects.filter(pk=before.pk).update(state=State.REVOKED)


def move_usage() -> int:
    """Tell once more what went to no lane, although an item that bills it has come since.

    For instance when a subscription went on that was about to end. Returns how many rows that made.
    """
    items = MeteredItem.objects.filter(
        subscription=OuterRef("subscription"),
        component__meter=OuterRef("meter"),
        component__version__plan=OuterRef("plan"),
        stripe_id__isnull=False,
        starts_at__lte=OuterRef("hour"),
    ).filter(Q(ends_at=None) | Q(ends_at__gt=OuterRef("hour")))
    rows = MeterEvent.objects.filter(
        state=State.SENT, lane=0, tried_at__gt=clock.now() - REVOCABLE, value__gt=0
    )
    moved = 0
    for row in rows.filter(Exists(items)):
        if told_as(row).lane:
            moved += _move(row)
    return moved


@transaction.atomic
def _move(before: MeterEvent) -> bool:
    last = _of_its_hour(before).order_by("-revision").first()
    assert last is not None, "it is one of them itself"
    revision = last.revision + 1
    base = before.identifier.split("~", 1)[0].rpartition(":")[0]
    row = MeterEvent(
        organization_id=before.organization_id,
        subscription_id=before.subscription_id,
        plan_id=before.plan_id,
        meter_id=before.meter_id,
        hour=before.hour,
        revision=revision,
        value=0,
        identifier=f"{base}:{revision}",
        due_at=clock.now(),
    )
    row.save(force_insert=True)
    return _hand_over(before, row)


def _hand_over(before: MeterEvent, row: MeterEvent) -> bool:
    """Compare and set: the row says what the event before it said, too."""
    waits = MeterEvent.objects.filter(pk=before.pk, state=State.SENT)
    if not waits.update(state=State.REVOKING):
        return False
    MeterEvent.objects.filter(pk=row.pk).update(value=F("value") + before.value)
    row.value += before.value
    return True


@transaction.atomic
def _give_back(before: MeterEvent, row: MeterEvent) -> None:
    MeterEvent.objects.filter(pk=before.pk).update(state=State.SENT)
    MeterEvent.objects.filter(pk=row.pk).update(value=F("value") - before.value)
    row.value -= before.value


def _is_gone(gateway: PaymentGateway, before: MeterEvent, customer: StripeCustomer) -> bool:
    """Whether Stripe counts what is left without it: an earlier try has cancelled it."""
    minute = (before.told_at or before.hour).replace(second=0, microsecond=0)
    there = gateway.meter_total(
        meter_id(gateway, before.meter, before.lane),
        customer.stripe_id,
        start=int(minute.timestamp()),
        end=int((minute + MINUTE).timestamp()),
    )
    sent = MeterEvent.objects.told_between(minute, minute + MINUTE).filter(
        organization=before.organization_id,
        meter=before.meter_id,
        lane=before.lane,
        state=State.SENT,
    )
    return there == sum(sent.values_list("value", flat=True))


def _of_its_hour(row: MeterEvent) -> QuerySet[MeterEvent]:
    found: QuerySet[MeterEvent] = MeterEvent.objects.filter(
        subscription=row.subscription_id, plan=row.plan_id, meter=row.meter_id, hour=row.hour
    )
    return found
