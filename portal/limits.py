"""Subscriptions with what is left of their limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import prefetch_related_objects

from analytics.selectors import limit_usage
from apim.core.errors import TransientError
from apim.keys.models import Subscription
from portal.offers import offers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.reports import LimitUsage
    from portal.offers import PlanOffer


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """`limits` is empty unless the subscription is active, None when the counters are away."""

    subscription: Subscription
    offer: PlanOffer
    limits: tuple[LimitUsage, ...] | None

    @property
    def long_limits(self) -> tuple[LimitUsage, ...]:
        """Those whose window is longer than a person's look at the page."""
        return tuple(
            limit for limit in self.limits or () if limit.window not in {"second", "minute"}
        )

    @property
    def is_open(self) -> bool:
        return self.subscription.state in Subscription.OPEN

    @property
    def can_change(self) -> bool:
        return self.subscription.state in {
            Subscription.State.ACTIVE,
            Subscription.State.PENDING,
        }


def limit_rows(subscriptions: Sequence[Subscription]) -> list[SubscriptionRow]:
    """The subscriptions in the same order, with price and live counters."""
    prefetch_related_objects(list(subscriptions), "plan__limits")
    offers = offers_of([subscription.plan for subscription in subscriptions])
    return [
        SubscriptionRow(subscription, offer, _limits(subscription))
        for subscription, offer in zip(subscriptions, offers, strict=True)
    ]


def _limits(subscription: Subscription) -> tuple[LimitUsage, ...] | None:
    if subscription.state != Subscription.State.ACTIVE:
        return ()
    try:
        return limit_usage(subscription)
    except TransientError:  # the rest of the page does not depend on the counters
        return None
