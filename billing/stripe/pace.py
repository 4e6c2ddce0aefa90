"""Calls to Stripe, spread over time by all processes together, so that it need not refuse any.

docs.stripe.com/rate-limits: 100 requests a second with live keys and 25 with test keys, 25 for each
operation (POST /v1/invoices is one, GET /v1/invoices/{id} another); meter events have 1,000 of
their own with live keys.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from apim.gateway.redis_connection import connection

logger = logging.getLogger(__name__)

# What is left over is for people in Stripe's dashboard and for other programs of the account.
SHARE = 0.8
EACH = 25
METER_EVENTS = "POST /v1/billing/meter_events"
# An id has a prefix and a digit or a capital somewhere: in_1Nx…, but not subscription_items.
_ID = re.compile(r"^[a-z]+_(?=\w*[0-9A-Z])\w+$")
# Each place keeps the microsecond from which on it is free; the call takes its turn behind all.
_TURN = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local turn = now
for _, place in ipairs(KEYS) do
  turn = math.max(turn, tonumber(redis.call('GET', place) or '0'))
end
for i, place in ipairs(KEYS) do
  redis.call('SET', place, string.format('%.0f', turn + ARGV[i]), 'EX', 60)
end
return turn - now
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many calls a second an account may make: `overall`, and of meter events apart from it."""

    overall: int
    meter_events: int | None
    name: str

    @classmethod
    def of(cls, secret_key: str) -> Pace:
        """What Stripe allows a key."""
        is_test = "_test_" in secret_key
        return cls(25, None, "test") if is_test else cls(100, 1_000, "live")

    def wait(self, method: str, url: str) -> float:
        """Sleep until the call may be made; returns for how many seconds.

        Without Redis nobody waits: Stripe refuses what is too much, and it is tried again later.
        """
        places = self._places(operation(method, url))
        keys = [f"stripe:pace:{self.name}:{place}" for place in places]
        spaces = [round(1_000_000 / (SHARE * limit)) for limit in places.values()]
        try:
            waited: int = connection().eval(_TURN, len(keys), *keys, *spaces)
        except RedisError as error:
            logger.warning("calls to Stripe are not paced: %s", error)
            return 0.0
        time.sleep(waited / 1_000_000)
        return waited / 1_000_000

    def _places(self, what: str) -> dict[str, int]:
        """What the call counts for, and how many a second of it are allowed."""
        if what == METER_EVENTS:
            return {what: self.meter_events} if self.meter_events else {"": self.overall}
        return {"": self.overall, what: EACH}


def operation(method: str, url: str) -> str:
    """The call without its ids: what Stripe counts together."""
    segments = urlsplit(url).path.split("/")
    return f"{method.upper()} {'/'.join('{}' if _ID.match(s) else s for s in segments)}"
