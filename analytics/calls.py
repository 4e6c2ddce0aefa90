"""Single calls as gateways reported them, for as long as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING

from analytics.models import Attribution, UsageEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from apim.core.clock import Period


@dataclass(frozen=True, slots=True)
class RawCall:
    """`event_id`: what the gateway named it by; `duration_ms` in the gateway, upstream included."""

    event_id: str
    at: datetime
    method: str
    path: str
    status: int
    duration_ms: float
    is_billable: bool
    is_denied: bool
    is_overage: bool


def raw_calls(
    *,
    subscription_id: int,
    plan_id: int | None,
    period: Period,
    limit: int,
    is_billable: bool = False,
) -> tuple[RawCall, ...]:
    """Live calls of a subscription on a plan (None: any), in the order of time; at most `limit`.

    `is_billable` leaves out those that are never charged. Reads the partitions of the period's UTC
    days, so ask for a day or so at a time; days that are no longer kept have none.
    """
    attributions = Attribution.objects.filter(subscription_id=subscription_id, environment="live")
    if plan_id is not None:
        attributions = attributions.filter(plan_id=plan_id)
    rows = UsageEvent.objects.filter(
        occurred_on__in=list(_days(period)),
        occurred_at__gte=period.start,
        occurred_at__lt=period.end,
        attribution_id__in=list(attributions.values_list("pk", flat=True)),
    )
    if is_billable:
        rows = rows.filter(is_billable=True)
    return tuple(
        RawCall(
            row.event_id,
            row.occurred_at,
            row.method,
            row.path,
            row.status,
            row.duration_us / 1000,
            row.is_billable,
            row.is_denied,
            row.is_overage,
        )
        for row in rows.order_by("occurred_at", "event_id")[:limit]
    )


def _days(period: Period) -> Iterator[date]:
    day = period.start.astimezone(UTC).date()
    while day <= (period.end - timedelta(microseconds=1)).astimezone(UTC).date():
        yield day
        day += timedelta(days=1)
