"""How much of its limits a subscription has used, from the counters that decide calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import redis

from analytics.reports import LimitUsage
from apim.core import clock
from apim.core.errors import TransientError
from apim.gateway.redis_connection import connection

if TYPE_CHECKING:
    from apim.core.clock import Period
    from apim.keys.models import Subscription

_STEPS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
# A Monday: windows are aligned to the calendar, weeks as in ISO 8601.
_MONDAY = datetime(2001, 1, 1, tzinfo=UTC)


def limit_usage(subscription: Subscription) -> tuple[LimitUsage, ...]:
    """Calls counted in the present window of each limit, shortest window first.

    Raises TransientError when the counters cannot be reached.
    """
    now = clock.now()
    limits = sorted(subscription.plan.limits.all(), key=lambda limit: _length(limit.window))
    windows = [window_around(now, limit.window) for limit in limits]
    counted_for = f"{subscription.application.public_id}:{subscription.product.public_id}"
    names = [
        f"c:{counted_for}:{limit.window}:{int(window.start.timestamp())}"
        for limit, window in zip(limits, windows, strict=True)
    ]
    try:
        counted = connection().mget(names) if names else []
    except redis.RedisError as error:
        raise TransientError from error
    return tuple(
        LimitUsage(limit.window, limit.quota, int(used or 0), window.end)
        for limit, window, used in zip(limits, windows, counted, strict=True)
    )


def window_around(instant: datetime, window: str) -> Period:
    """The calendar window, UTC, that the instant lies in."""
    if window == "month":
        return clock.month_of(instant)
    step = _STEPS[window]
    start = instant - (instant - _MONDAY) % step
    return clock.Period(start, start + step)


def _length(window: str) -> timedelta:
    return _STEPS.get(window, timedelta(days=31))
