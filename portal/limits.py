"""Subscriptions with what is left of their limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import prefetch_related_objects

from apim.core.errors import TransientError
from apim.gateway.counters import limit_standings
from apim.keys.models import Subscription
from billing.selectors.book import agreed_prices
from portal.offers import PlanOffer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.gateway.counters import LimitStanding
    from apim.keys.models import ApiKey


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """`limits` is empty unless the subscription is active, None when the counters are away."""

    subscription: Subscription
    offer: PlanOffer
    limits: tuple[LimitStanding, ...] | None

    @property
    def long_limits(self) -> tuple[LimitStanding, ...]:
        """Those whose window is longer than a person's look at the page."""
        return tuple(
            limit for limit in self.limits or () if limit.window not in {"", "second", "minute"}
        )

    @property
    def shared_limits(self) -> tuple[LimitStanding, ...]:
        return tuple(limit for limit in self.limits or () if limit.key is None)

    @property
    def key_limits(self) -> list[tuple[ApiKey, list[LimitStanding]]]:
        """Each API key with the limits that count for it alone."""
        of_key: dict[ApiKey, list[LimitStanding]] = {}
        for limit in self.limits or ():
            if limit.key is not None:
                of_key.setdefault(limit.key, []).append(limit)
        return list(of_key.items())

    @property
    def is_open(self) -> bool:
        return self.subscription.state in Subscription.OPEN

    @property
    def can_change(self) -> bool:
        return self.subscription.state in {
            Subscription.State.ACTIVE,
            Subscription.State.PENDING,
        }


def limit_rows(
    subscriptions: Sequence[Subscription], keys: Sequence[ApiKey] = ()
) -> list[SubscriptionRow]:
    """The subscriptions in the same order, with price and live counters.

    Limits per key are told for these keys of their application.
    """
    prefetch_related_objects(list(subscriptions), "plan__limits")
    prefetch_related_objects(list(keys), "limits")
    prices = agreed_prices(subscriptions)
    return [
        SubscriptionRow(
            subscription,
            PlanOffer(subscription.plan, prices.get(subscription.pk)),
            _limits(subscription, keys),
        )
        for subscription in subscriptions
    ]


def _limits(subscription: Subscription, keys: Sequence[ApiKey]) -> tuple[LimitStanding, ...] | None:
    if subscription.state != Subscription.State.ACTIVE:
        return ()
    try:
        return limit_standings(subscription, keys)
    except TransientError:  # the rest of the page does not depend on the counters
        return None
