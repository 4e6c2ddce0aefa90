"""Asking gateways to return calls that they were lent and have not made.

A limit that refuses may only be short because others hold calls of it. Authorizers tell one
another which counter it is; gateways hear of it with their next look at the change feed, and give
back what they have held for a while. Nothing is stored: a recall that gets lost wastes some calls.
"""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from apim.gateway.authorizer.counters import Standing

WORD = "recall"
# How often one counter is recalled at most, and for how long gateways are told.
EVERY_SECONDS = 0.5
TOLD_SECONDS = 1.0
MAX_COUNTERS = 100


@lru_cache(maxsize=100_000)
def short_name(counter: str) -> str:
    """Name a counter towards gateways, who must not learn more of it than they need."""
    return hashlib.blake2b(counter.encode(), digest_size=6).hexdigest()


class Recalls:
    """The counters whose lent calls are wanted back."""

    def __init__(self, publish: Callable[[str], None]) -> None:
        self._publish = publish
        self._heard: dict[str, float] = {}
        self.asked = 0

    def want(self, refusing: Iterable[Standing]) -> None:
        """Recall what is lent of these limits, unless it was a moment ago."""
        now = time.monotonic()
        for one in refusing:
            name = short_name(one.counted.name)
            is_windowed = one.counted.limit.kind != "concurrent"
            if is_windowed and now - self._heard.get(name, 0.0) > EVERY_SECONDS:
                self.hear(name)
                self.asked += 1
                self._publish(f"{WORD} {name} 0")

    def hear(self, name: str) -> None:
        """Take a counter's short name, of this or another authorizer."""
        self._heard.pop(name, None)
        self._heard[name] = time.monotonic()
        while len(self._heard) > MAX_COUNTERS:
            del self._heard[next(iter(self._heard))]

    def told(self) -> str:
        """Give the short names for gateways."""
        since = time.monotonic() - TOLD_SECONDS
        return ",".join(name for name, at in self._heard.items() if at > since)
