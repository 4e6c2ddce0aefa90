"""Calls lent to a gateway, which then decides itself for a while; see docs/adr/0013 and 0022.

A lease's calls were counted when it was given, so that no limit is exceeded whatever becomes of
it. What a gateway gives back goes to the windows that it was counted in.
"""

from __future__ import annotations

import time
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from apim.gateway.authorizer.redis_link import RedisAway, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from apim.gateway.authorizer.counters import Counters, Standing, Taken
    from apim.gateway.grant_format import KeyGrant

# For how long calls are lent at most; and for how long a gateway may remember what a key may do,
# which it drops as soon as the change feed names it.
LEASE_MILLISECONDS = 60_000
HOLD_MILLISECONDS = 600_000
MAX_WANT = 1_000_000
# For calls that nothing limits: so many need no further question.
UNLIMITED_TOKENS = 1_000_000
NO_LEASE = "-"
MAX_POOLS = 16
# Gateways tell what became of a lease with their next question, which a worker without calls asks
# late: so many leases are remembered however old they are.
REMEMBERED_SECONDS = 60.0
KEPT_LEASES = 10_000
MAX_LEASES = 200_000
MAX_SETTLED = 50
# In place of a lease's id: the question whose answer came too late, so that nobody uses the lease.
ABANDONED = "?"
MAX_QUESTIONS = 20_000
# Here an authorizer tells the others of leases that one of them gave.
CHANNEL = "g:leases"


class _Lease(NamedTuple):
    standings: Sequence[Standing]
    calls: int
    forget_at: float


class LeaseBook:
    """The leases that this process gave, and what becomes of them.

    Questions about one may reach any authorizer: those about others' are passed on over Redis.
    If none of them remembers the lease, its calls stay counted, and its slot becomes free in time.
    """

    def __init__(self, counters: Counters, publish: Callable[[bytes], object]) -> None:
        self._counters = counters
        self._publish = publish
        self._process = token_hex(4)
        self._numbers = count(1)
        self._leases: dict[str, _Lease] = {}
        # Question → the lease that answered it; and questions that were abandoned before that.
        self._answers: dict[str, str] = {}
        self._abandoned: dict[str, None] = {}
        self.granted = 0
        self.given_back = 0

    def __len__(self) -> int:
        return len(self._leases)

    def name(self) -> str:
        """A new lease's id."""
        return f"{self._process}.{next(self._numbers)}"

    def open(
        self, lease: str, taken: Taken, *, slot_seconds: float = 0.0, question: str = ""
    ) -> None:
        """Remember a lease, to settle it later; at once if nobody waits for it any more."""
        now = time.monotonic()
        kept = max(taken.life_milliseconds / 1000, slot_seconds) + REMEMBERED_SECONDS
        self._make_room(now)
        self._leases[lease] = _Lease(taken.standings, taken.calls, now + kept)
        self.granted += taken.calls
        if question:
            _remember(self._answers, question, lease)
            if question in self._abandoned:
                self._undo(question)

    def abandon(self, question: str) -> None:
        """Take back what was lent in answer to a question, also if that is still being decided."""
        _remember(self._abandoned, question, None)
        self._undo(question)

    def _undo(self, question: str) -> None:
        lease = self._answers.pop(question, None)
        if lease is not None and (known := self._leases.get(lease)) is not None:
            self.release(lease)
            self.give_back(lease, known.calls)

    def give_back(self, lease: str, unused: int) -> None:
        """Return calls that were not made."""
        if lease.startswith(ABANDONED):
            question = lease.removeprefix(ABANDONED)
            self.abandon(question)
            self._pass_on("gone", question, 1)
            return
        if not self._is_ours(lease):
            self._pass_on("back", lease, unused)
            return
        known = self._leases.get(lease)
        if known is not None:
            calls = min(unused, known.calls)
            self._leases[lease] = known._replace(calls=known.calls - calls)
            self._counters.give_back(known.standings, calls)
            self.given_back += calls

    def charge(self, lease: str, cost: int) -> None:
        """Count what calls cost beyond what the lease counted, even beyond the quota."""
        if not self._is_ours(lease):
            self._pass_on("cost", lease, cost)
        elif (known := self._leases.get(lease)) is not None:
            self._counters.give_back(known.standings, -cost)

    def release(self, lease: str) -> None:
        """Free the slot of a call that has ended."""
        if not self._is_ours(lease):
            self._pass_on("free", lease, 0)
        elif (known := self._leases.get(lease)) is not None:
            self._counters.release(known.standings, lease)

    def hear(self, message: str) -> None:
        """Take what another authorizer was told about a lease of ours."""
        what, _, rest = message.partition(" ")
        lease, _, number = rest.partition(" ")
        if what == "gone":
            self.abandon(lease)
        if not self._is_ours(lease) or not number.isdecimal():
            return
        if what == "back":
            self.give_back(lease, int(number))
        elif what == "cost":
            self.charge(lease, int(number))
        elif what == "free":
            self.release(lease)

    def settle(self, headers: dict[bytes, bytes]) -> None:
        """Read what a question says about former leases."""
        for lease, unused in _pairs(headers.get(b"x-apim-give-back", b"")):
            self.give_back(lease, unused)
        for lease, cost in _pairs(headers.get(b"x-apim-extra-cost", b"")):
            self.charge(lease, cost)

    def _is_ours(self, lease: str) -> bool:
        return lease.partition(".")[0] == self._process

    def _pass_on(self, what: str, lease: str, number: int) -> None:
        if lease == NO_LEASE:
            return
        try:
            self._publish(pack("PUBLISH", CHANNEL, f"{what} {lease} {number}"))
        except RedisAway:  # then nobody can count it either
            return

    def _make_room(self, now: float) -> None:
        while len(self._leases) >= KEPT_LEASES:
            oldest = next(iter(self._leases))
            if len(self._leases) < MAX_LEASES and self._leases[oldest].forget_at > now:
                return
            del self._leases[oldest]


def _remember(names: dict[str, Any], name: str, value: object) -> None:
    names[name] = value
    if len(names) > MAX_QUESTIONS:
        del names[next(iter(names))]


def _pairs(value: bytes) -> Iterator[tuple[str, int]]:
    """Read `<lease id>=<number>[,…]`; what cannot be read is left out."""
    for part in value.decode("latin-1").split(",")[:MAX_SETTLED]:
        lease, _, number = part.strip().rpartition("=")
        if lease and number.isdecimal() and len(number) < 16:
            yield lease, int(number)


def hold_milliseconds(key: KeyGrant | None) -> int:
    """How long a gateway may remember what the key may do: it may expire."""
    if key is None or key.exp is None:
        return HOLD_MILLISECONDS
    return max(min(HOLD_MILLISECONDS, int((key.exp - time.time()) * 1000)), 0)


class Wish(NamedTuple):
    """What the gateway expects: how many calls to let pass with the lease, by its own reckoning.

    `pools` names sets of limits of which it still holds calls enough. `question` names this one,
    in case that its answer comes too late.
    """

    calls: int
    pools: frozenset[bytes]
    question: str = ""


def read_wish(headers: dict[bytes, bytes]) -> Wish:
    value = headers.get(b"x-apim-want", b"")
    calls = max(1, min(int(value), MAX_WANT)) if value.isdigit() and len(value) < 16 else 1
    pools = headers.get(b"x-apim-pools", b"")
    question = headers.get(b"x-apim-question", b"")[:80].decode("latin-1")
    if question.startswith("-"):  # without the request's id it names several
        question = ""
    return Wish(calls, frozenset(pools.split(b",", MAX_POOLS)[:MAX_POOLS]), question)


def limits_header(taken: Taken) -> bytes:
    """`<name>,<quota>,<window seconds>,<left after the whole lease>,<reset ms>[,c]|…`.

    What is left is below 0 beyond a soft quota.
    """
    now = time.monotonic()
    parts = []
    for one in taken.standings:
        limit = one.counted.limit
        is_concurrent = limit.kind == "concurrent"
        left = one.left - (1 if is_concurrent else taken.calls)
        reset = 0 if is_concurrent else max(int((one.reset_at - now) * 1000), 0)
        mark = ",c" if is_concurrent else ""
        length = one.counted.length_seconds
        parts.append(f"{limit.name},{limit.quota},{length},{left},{reset}{mark}")
    return "|".join(parts).encode()


class Terms(NamedTuple):
    """What a lease allows; `pool` names the set of limits that its calls were counted against.

    With 0 `calls` it only says that the key may use calls of that pool.
    """

    lease: str
    calls: int
    life_milliseconds: int
    hold_milliseconds: int
    pool: str = ""

    def header(self, *, scope: str, cost: int, kind: str) -> bytes:
        """The value of `x-apim-lease`."""
        text = (
            f"id={self.lease};tokens={self.calls};ttl={self.life_milliseconds};scope={scope};"
            f"cost={cost};kind={kind};hold={self.hold_milliseconds}"
        )
        return (f"{text};pool={self.pool}" if self.pool else text).encode()
