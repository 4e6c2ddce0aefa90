"""How far behind Stripe is, for finance and for alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count

from billing.models import Invoice, MeterEvent, StripeEvent

if TYPE_CHECKING:
    from datetime import datetime

STUCK_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Backlog:
    """Rows that wait for Stripe, and those that a person has to look at."""

    usage_waiting: int
    usage_refused: int
    usage_too_late: int
    oldest_usage: datetime | None
    invoices_waiting: int
    invoices_stuck: int
    events_waiting: int


def stripe_backlog() -> Backlog:
    """What waits for Stripe now, of all organizations."""
    counts = MeterEvent.objects.order_by().values_list("state").annotate(rows=Count("id"))
    by_state: dict[str, int] = dict(counts)
    oldest = MeterEvent.objects.waiting().order_by("hour").first()
    return Backlog(
        usage_waiting=by_state.get(MeterEvent.State.WAITING, 0),
        usage_refused=by_state.get(MeterEvent.State.REFUSED, 0),
        usage_too_late=by_state.get(MeterEvent.State.TOO_LATE, 0),
        oldest_usage=oldest.hour if oldest else None,
        invoices_waiting=Invoice.objects.to_send().count(),
        invoices_stuck=Invoice.objects.to_send().filter(attempts__gte=STUCK_ATTEMPTS).count(),
        events_waiting=StripeEvent.objects.unprocessed().count(),
    )
