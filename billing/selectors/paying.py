"""Which version, currency and period each of many subscriptions pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apim.core import clock
from billing.models import ScheduledChange
from billing.period_words import period_days
from billing.price_words import headline
from billing.selectors.book import load_book

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apim.core.clock import Period
    from apim.keys.models import Subscription
    from billing.models import PlanVersion


@dataclass(frozen=True, slots=True)
class PayingRow:
    """`headline`: the first thing to know of its price; empty while it is free.

    `days`: the period in words, as days of its zone.
    """

    subscription: Subscription
    version: PlanVersion | None
    headline: tuple[str, str]
    currency: str
    period: Period
    days: str
    trial_ends_at: datetime | None
    planned: ScheduledChange | None


def paying_rows(subscriptions: Sequence[Subscription]) -> tuple[PayingRow, ...]:
    """One per subscription (with organization, application, product and plan loaded), in order."""
    book = load_book(subscriptions)
    now = clock.now()
    waiting = ScheduledChange.objects.waiting().filter(
        subscription__in=[s.pk for s in subscriptions]
    )
    planned = {change.subscription_id: change for change in waiting.select_related("plan")}
    rows = []
    for subscription in subscriptions:
        schedule = book.schedule(subscription)
        period = schedule.period_at(now)
        version = book.version(subscription, subscription.plan_id, period)
        trial_ends_at = book.trial_end(subscription)
        rows.append(
            PayingRow(
                subscription=subscription,
                version=version,
                headline=headline(version) if version else ("", ""),
                currency=book.currency(subscription, version) if version else "",
                period=period,
                days=period_days(period, schedule.zone),
                trial_ends_at=trial_ends_at if trial_ends_at and trial_ends_at > now else None,
                planned=planned.get(subscription.pk),
            )
        )
    return tuple(rows)
