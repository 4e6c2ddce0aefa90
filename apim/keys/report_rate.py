"""How many leaked keys one address may report."""

from __future__ import annotations

from django.core.cache import cache
from redis.exceptions import RedisError

# Enough for somebody who found a whole file of keys, little for somebody who guesses.
REPORTS_PER_WINDOW = 20
WINDOW_SECONDS = 600


def may_report(ip_address: str) -> bool:
    """Count a report from the address; False beyond 20 in ten minutes.

    While Redis is away nobody is counted: a leaked key must be stopped all the same.
    """
    name = f"leak-reports:{ip_address}"
    try:
        cache.add(name, 0, timeout=WINDOW_SECONDS)
        return cache.incr(name) <= REPORTS_PER_WINDOW
    except (RedisError, ValueError):  # a ValueError: it expired between the two
        return True
