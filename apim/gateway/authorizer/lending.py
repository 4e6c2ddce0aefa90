"""What this process tells the web side of lending: how much, what came back, which limits refused.

Sums of each hour are added up in Redis over all authorizers; see apim/gateway/lending.py.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from apim.gateway.authorizer.redis_link import RedisAway, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from apim.gateway.authorizer.counters import Standing

# A hash for each hour, named after its first unix second: LENT, RETURNED and RECALLS.
HOURS = "x:lending:"
LENT, RETURNED, RECALLS = "lent", "returned", "recalls"
KEPT_SECONDS = 25 * 3600
# Windows of hard limits that refused a call: name of the counter → `<quota> <end>`.
USED_UP = "x:used-up"
# Shorter ones are over before anybody can look.
SHORTEST_SECONDS = 60
EVERY_SECONDS = 1.0
MAX_NOTED = 10_000


class Lending:
    """`publish` sends a command to Redis without waiting; raises RedisAway."""

    def __init__(self, publish: Callable[[bytes], object]) -> None:
        self._publish = publish
        self._told = {LENT: 0, RETURNED: 0, RECALLS: 0}
        self._told_at = 0.0
        self._noted: set[str] = set()

    def note_refusal(self, violated: Iterable[Standing]) -> None:
        """Tell once of each window that had no room for a call."""
        for one in violated:
            limit = one.counted.limit
            is_told = limit.kind in {"calendar", "fixed"} and (
                one.counted.length_seconds >= SHORTEST_SECONDS
            )
            name = f"{one.counted.name}:{one.mark}"
            # Without a mark nothing was asked of Redis.
            if is_told and one.mark and name not in self._noted:
                self._note(name, limit.quota, one.counted.window(int(one.mark)).end)

    def _note(self, name: str, quota: int, end: int) -> None:
        if len(self._noted) >= MAX_NOTED:
            self._noted.clear()
        try:
            self._publish(pack("HSETNX", USED_UP, name, f"{quota} {end}"))
        except RedisAway:
            return
        self._noted.add(name)

    def tell(self, lent: int, returned: int, recalls: int) -> None:
        """Add what grew since the last time; `lent` and the others are sums since the start."""
        now = time.monotonic()
        sums = {LENT: lent, RETURNED: returned, RECALLS: recalls}
        if now - self._told_at < EVERY_SECONDS or sums == self._told:
            return
        self._told_at = now
        name = f"{HOURS}{int(time.time()) // 3600 * 3600}"
        try:
            for what, total in sums.items():
                if total > self._told[what]:
                    self._publish(pack("HINCRBY", name, what, total - self._told[what]))
                    self._told[what] = total
            self._publish(pack("EXPIRE", name, KEPT_SECONDS))
        except RedisAway:
            return
