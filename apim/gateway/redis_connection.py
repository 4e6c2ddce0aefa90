"""The web side's connection to Redis."""

from __future__ import annotations

from functools import cache

import redis
from django.conf import settings

# A page that tells gateways something waits as long once, when Redis stands still.
TIMEOUT_SECONDS = 1


@cache
def connection() -> redis.Redis:
    """One pool per process; safe between threads."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=30,
    )
