"""All limits that one call is held against, with a pool of calls that were taken in advance.

Most calls are answered out of the pool, without asking Redis. Its calls were counted when they
were taken, so a limit is never exceeded by any number of authorizers together; see counters.py.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from apim.gateway.authorizer.counters import Standing, Taken
from apim.gateway.authorizer.recalls import short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.gateway.authorizer.counters import Counters
    from apim.gateway.counting import Counted

    Headers = list[tuple[bytes, bytes]]

# How long calls may wait in the pool.
POOL_MILLISECONDS = 1000
# Below this many expected calls, asking in advance costs more than it saves.
WORTH_POOLING = 4
GROWTH = 4
# For so long a refusal is repeated without asking, or until the limit resets.
REFUSAL_SECONDS = 0.1
MAX_METERS = 50_000


class Outcome(NamedTuple):
    """What became of a call. `used`: calls of the block that were used, this one included."""

    is_allowed: bool
    cost: int
    used: int
    standings: Sequence[Standing]

    def remaining(self, standing: Standing) -> int:
        used = 1 if standing.counted.limit.kind == "concurrent" and self.used else self.used
        return max(standing.left - used, 0)

    @property
    def violated(self) -> list[Standing]:
        """Limits that refused the call, in the order of evaluation."""
        return [] if self.is_allowed else violated(self.standings, self.cost)

    @property
    def overage(self) -> list[str]:
        """Names of the soft limits beyond whose quota the call is."""
        if not self.is_allowed:
            return []
        return [one.counted.limit.name for one in self.standings if one.is_overage]

    @property
    def retry_after_seconds(self) -> int:
        """When the last of the limits that refused has room again; at least a second."""
        now = time.monotonic()
        return max((max(ceil(one.reset_at - now), 1) for one in self.violated), default=0)


UNLIMITED = Outcome(is_allowed=True, cost=1, used=0, standings=())


def violated(standings: Sequence[Standing], cost: int) -> list[Standing]:
    """Hard limits that have no room for a call of this cost."""
    return [
        one
        for one in standings
        if not one.counted.limit.soft
        and one.left < (1 if one.counted.limit.kind == "concurrent" else cost)
    ]


class Meter:
    """One set of limits and its pool. Calls that wait are counted in one step, in their order."""

    def __init__(self, limits: tuple[Counted, ...], slot_milliseconds: int) -> None:
        self.limits = limits
        self.slot_milliseconds = slot_milliseconds
        # Whoever holds one of few places must be known, so such calls are taken one by one.
        self.is_concurrent = any(one.limit.kind == "concurrent" for one in limits)
        # The same at every authorizer: calls of this set of limits are as good for any of its keys.
        facts = msgspec.json.encode((limits, slot_milliseconds))
        self.name = hashlib.blake2b(facts, digest_size=9).hexdigest()
        self.counters = ",".join({short_name(one.name): None for one in limits})
        self.pool = 0
        self._size = 0
        self._until = 0.0
        self._standings: tuple[Standing, ...] = ()
        self._waiting: deque[tuple[int, asyncio.Future[Outcome]]] = deque()
        self._serving: asyncio.Task[None] | None = None
        self._served = 0
        self._served_since = 0.0
        self._refused: tuple[float, Outcome] | None = None
        self._local: LocalCount | None = None
        self._policy, self._fields = _templates(limits)
        self._shown = _shown(limits)

    def at_once(self, cost: int) -> Outcome | None:
        """Answer out of the pool, or repeat a refusal; None: `count` must ask."""
        if self.pool >= cost and time.monotonic() < self._until:
            return self._use(cost)
        return self.refusal(cost)

    def refusal(self, cost: int) -> Outcome | None:
        """Repeat what Redis refused a moment ago."""
        if self._refused is not None:
            until, outcome = self._refused
            if cost >= outcome.cost and time.monotonic() < until:
                return outcome
            self._refused = None
        return None

    def count(self, meters: Meters, cost: int) -> asyncio.Future[Outcome]:
        """Count the call against every limit, or none. The future may hold RedisAway."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((cost, future))
        if self._serving is None:
            self._serving = asyncio.ensure_future(self._serve(meters))
        return future

    async def take(
        self, counters: Counters, *, cost: int, want: int, life_milliseconds: int, slot: str = ""
    ) -> Taken:
        """Take a block past the pool, or ask how things stand with `want` 0. Raises RedisAway."""
        taken = await counters.take(
            self.limits,
            least=cost,
            waiting=min(cost, want),
            want=want,
            life_milliseconds=life_milliseconds,
            slot=slot,
            slot_milliseconds=self.slot_milliseconds,
        )
        self._local = None
        if want and not taken.calls and not self.is_concurrent:
            self._remember_refusal(Outcome(False, cost, 0, taken.standings))
        return taken

    def count_locally(self, cost: int) -> Outcome:
        """Count without Redis, from what this process knew last."""
        if self._local is None:
            self._local = LocalCount(self.limits, self._standings, self._size - self.pool)
        return self._local.count(cost)

    def is_over(self, now: float) -> bool:
        return now >= self._until

    def give_back(self, counters: Counters) -> None:
        """Empty the pool into the windows that it was taken from."""
        if self.pool:
            counters.give_back(self._standings, self.pool)
            self.pool = 0

    def headers(self, outcome: Outcome) -> Headers:
        """draft-ietf-httpapi-ratelimit-headers-11, and the older names for the tightest limit."""
        now = time.monotonic()
        used = outcome.used
        values: list[int] = []
        tightest, least = 0, -1
        for index, one in enumerate(outcome.standings):
            is_windowed = self._shown[index]
            left = one.left - used if is_windowed else outcome.remaining(one)
            values.append(max(0, left))
            if is_windowed:
                values.append(max(ceil(one.reset_at - now), 0))
            if least < 0 or left < least:
                tightest, least = index, max(left, 0)
        strictest = outcome.standings[tightest]
        return [
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", self._fields % tuple(values)),
            (b"x-ratelimit-limit", b"%d" % strictest.counted.limit.quota),
            (b"x-ratelimit-remaining", b"%d" % least),
            (b"x-ratelimit-reset", b"%d" % max(ceil(strictest.reset_at - now), 0)),
        ]

    def _use(self, cost: int) -> Outcome:
        self.pool -= cost
        self._served += cost
        return Outcome(True, cost, self._size - self.pool, self._standings)

    async def _serve(self, meters: Meters) -> None:
        try:
            while self._waiting:
                await self._refill(meters)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            while self._waiting:
                _settle(self._waiting.popleft()[1], error)
        finally:
            self._serving = None

    async def _refill(self, meters: Meters) -> None:
        asking = len(self._waiting)
        waiting = sum(cost for cost, _ in self._waiting)
        self.give_back(meters.counters)
        taken = await meters.counters.take(
            self.limits,
            least=self._waiting[0][0],
            waiting=waiting,
            want=waiting + self._expected(),
            life_milliseconds=POOL_MILLISECONDS,
        )
        self._local = None
        self._standings, self._until = taken.standings, taken.until
        self.pool = self._size = taken.calls
        if not taken.calls:
            self._refuse()
            return
        self._refused = None
        while self._waiting and self._waiting[0][0] <= self.pool:
            if asking <= 0 and time.monotonic() >= self._until:
                break
            asking -= 1
            cost, future = self._waiting.popleft()
            if not future.done():
                future.set_result(self._use(cost))
        meters.holds(self)

    def _expected(self) -> int:
        """Calls that will come while a pool is valid, going by those since the last refill."""
        now = time.monotonic()
        elapsed = max(now - self._served_since, 0.001)
        expected = min(
            int(self._served / elapsed * POOL_MILLISECONDS / 1000), GROWTH * max(self._size, 1)
        )
        self._served, self._served_since = 0, now
        return expected if expected >= WORTH_POOLING else 0

    def _refuse(self) -> None:
        """The first that waits, and with it all that cost as much or more."""
        least = self._waiting[0][0]
        outcome = Outcome(False, least, 0, self._standings)
        self._remember_refusal(outcome)
        others = [waiting for waiting in self._waiting if waiting[0] < least]
        for cost, future in self._waiting:
            if cost >= least and not future.done():
                future.set_result(outcome._replace(cost=cost))
        self._waiting = deque(others)

    def _remember_refusal(self, outcome: Outcome) -> None:
        resets = (one.reset_at for one in outcome.violated)
        self._refused = (min(time.monotonic() + REFUSAL_SECONDS, *resets), outcome)


class Meters:
    """Every set of limits in use, by what it counts: it outlives changes of other grants."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self._meters: dict[tuple[tuple[Counted, ...], int], Meter] = {}
        self._holding: set[Meter] = set()

    def of(self, limits: tuple[Counted, ...], slot_milliseconds: int) -> Meter:
        identity = (limits, slot_milliseconds)
        meter = self._meters.get(identity)
        if meter is None:
            if len(self._meters) >= MAX_METERS:
                self._make_room()
            meter = self._meters[identity] = Meter(limits, slot_milliseconds)
        return meter

    def holds(self, meter: Meter) -> None:
        """Note that a pool may have to be given back."""
        if meter.pool:
            self._holding.add(meter)

    def sweep(self, *, everything: bool = False) -> None:
        """Give back the pools that are no longer valid."""
        now = time.monotonic()
        for meter in list(self._holding):
            if everything or not meter.pool or meter.is_over(now):
                meter.give_back(self.counters)
                self._holding.discard(meter)

    @property
    def pooled(self) -> int:
        return sum(meter.pool for meter in self._holding)

    def __len__(self) -> int:
        return len(self._meters)

    def _make_room(self) -> None:
        """Drop the tenth that was made first; a pool of theirs is swept as ever."""
        for identity in list(self._meters)[: MAX_METERS // 10]:
            del self._meters[identity]


class LocalCount:
    """Limits while Redis is away: what was left, then whole quotas, of this process alone.

    Calls in flight cannot be known and are not limited.
    """

    def __init__(
        self, limits: tuple[Counted, ...], standings: Sequence[Standing], used: int
    ) -> None:
        now = time.monotonic()
        known = {one.counted: one for one in standings}
        self._standings = [
            known[one]._replace(left=known[one].left - used, is_overage=False)
            if one in known
            else Standing(one, one.limit.quota, now + one.length_seconds, False, "")
            for one in limits
        ]

    def count(self, cost: int) -> Outcome:
        now = time.monotonic()
        for index, one in enumerate(self._standings):
            if now >= one.reset_at or one.counted.limit.kind == "concurrent":
                self._standings[index] = one._replace(
                    left=one.counted.limit.quota, reset_at=now + one.counted.length_seconds
                )
        before = tuple(one._replace(is_overage=one.left < cost) for one in self._standings)
        if violated(before, cost):
            return Outcome(False, cost, 0, before)
        self._standings = [one._replace(left=one.left - cost) for one in self._standings]
        return Outcome(True, cost, cost, before)


def _settle(future: asyncio.Future[Outcome], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _templates(limits: Sequence[Counted]) -> tuple[bytes, bytes]:
    """RateLimit-Policy, and RateLimit to be filled with numbers."""
    policy, fields = [], []
    for one in limits:
        limit = one.limit
        name = limit.name.replace("%", "%%")
        if limit.kind == "concurrent":
            policy.append(f'"{limit.name}";q={limit.quota};qu="concurrent-requests"')
            fields.append(f'"{name}";r=%d')
        else:
            policy.append(f'"{limit.name}";q={limit.quota};w={one.length_seconds}')
            fields.append(f'"{name}";r=%d;t=%d')
    return ", ".join(policy).encode(), ", ".join(fields).encode()


def _shown(limits: Sequence[Counted]) -> list[bool]:
    """Which of them have a window, and so a reset to tell."""
    return [one.limit.kind != "concurrent" for one in limits]
