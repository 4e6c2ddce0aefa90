"""What the authorizer remembers of the grants in Redis.

An entry is used for at most MAX_AGE_SECONDS, is dropped when its change is announced, and nothing
is remembered while announcements cannot be heard. A revoked key therefore stops at once, and
after MAX_AGE_SECONDS whatever else fails.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec

from apim.gateway import grant_format as wire
from apim.gateway.authorizer.redis_link import pack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

MAX_AGE_SECONDS = 10.0
MAX_ENTRIES = 50_000
# Unknown keys have their own memory, so that guessing does not displace real ones.
MAX_UNKNOWN = 10_000


class GrantsIncomplete(Exception):
    """Redis does not hold all grants (yet): what is missing there may exist."""


class Memory:
    """Values by their name in Redis. None: there is none.

    While Redis is away, LastKnown still has those that were read within `grace_seconds`.
    """

    def __init__(self, send: Callable[[bytes], Awaitable[Any]], grace_seconds: float = 0.0) -> None:
        self._send = send
        self.grace_seconds = grace_seconds
        # What was remembered when announcements fell silent, until Redis is known to be whole.
        self._kept: dict[str, tuple[float, Any]] = {}
        self._entries: dict[str, tuple[float, Any]] = {}
        self._unknown: dict[str, float] = {}
        self._loading: dict[str, asyncio.Task[Any]] = {}
        self._stale: set[str] = set()
        # Derived values that die with any change; see Decider.
        self.resolutions: dict[Any, Any] = {}
        self.generation = 0
        self.is_listening = False

    def __len__(self) -> int:
        return len(self._entries) + len(self._unknown)

    def start_listening(self) -> None:
        self.clear()
        self.is_listening = True

    def stop_listening(self) -> None:
        self.is_listening = False
        if self._entries:
            self._kept = dict(self._entries)
        self.clear()

    def clear(self) -> None:
        self.generation += 1
        self._entries.clear()
        self._unknown.clear()
        self.resolutions.clear()
        self._stale.update(self._loading)

    def forget(self, names: Iterable[str]) -> None:
        """Drop what was announced as changed, also what is being read at this moment."""
        self.generation += 1
        for name in names:
            self._entries.pop(name, None)
            self._kept.pop(name, None)
            self._unknown.pop(name, None)
            if name in self._loading:
                self._stale.add(name)
        self.resolutions.clear()

    def last_known(self, name: str) -> Any:
        """The value as it was at most `grace_seconds` ago; None: not known."""
        entry = self._entries.get(name) or self._kept.get(name)
        if entry is None:
            return None
        age = time.monotonic() - (entry[0] - MAX_AGE_SECONDS)
        return entry[1] if age <= self.grace_seconds else None

    async def get(self, name: str, kind: Any) -> tuple[float, Any]:
        """Return (usable until, value). Raises RedisAway, GrantsIncomplete.

        `usable until` is on the monotonic clock and lies in the past if nothing may be remembered.
        """
        entry = self._entries.get(name)
        now = time.monotonic()
        if entry is not None and entry[0] > now:
            return entry
        until = self._unknown.get(name)
        if until is not None and until > now:
            return until, None
        task = self._loading.get(name)
        if task is None or name in self._stale:
            task = asyncio.ensure_future(self._load(name, kind))
            task.add_done_callback(_look_at)
            self._loading[name] = task
            self._stale.discard(name)
        return await asyncio.shield(task)

    async def _load(self, name: str, kind: Any) -> tuple[float, Any]:
        read_at = time.monotonic()
        task = asyncio.current_task()
        try:
            value, complete = await asyncio.gather(
                self._send(pack("GET", name)), self._send(pack("EXISTS", wire.EPOCH))
            )
            if value is None and not complete:
                raise GrantsIncomplete
            if complete:
                self._kept.clear()
            decoded = None if value is None else msgspec.json.decode(value, type=kind)
            is_fresh = self.is_listening and name not in self._stale
            if not is_fresh or self._loading.get(name) is not task:
                return 0.0, decoded
            until = read_at + MAX_AGE_SECONDS
            self._remember(name, until, decoded)
            return until, decoded
        finally:
            if self._loading.get(name) is task:
                del self._loading[name]
                self._stale.discard(name)

    def _remember(self, name: str, until: float, value: Any) -> None:
        if value is None:
            _make_room(self._unknown, MAX_UNKNOWN)
            self._unknown[name] = until
        else:
            self._unknown.pop(name, None)
            _make_room(self._entries, MAX_ENTRIES)
            self._entries[name] = (until, value)


class LastKnown:
    """Reads like Memory, but only what is remembered: for the time while Redis is away."""

    generation = 0

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.resolutions: dict[Any, Any] = {}

    async def get(self, name: str, kind: Any) -> tuple[float, Any]:  # noqa: ARG002 - as Memory
        """None says nothing here: the value may exist all the same."""
        return 0.0, self._memory.last_known(name)


def _make_room(entries: dict[str, Any], limit: int) -> None:
    """Drop the tenth that was written first: dictionaries keep the order of insertion."""
    if len(entries) >= limit:
        for name in list(entries)[: limit // 10]:
            del entries[name]


def _look_at(task: asyncio.Task[Any]) -> None:
    """Its waiters may all have left: then nobody else would look at its exception."""
    if not task.cancelled():
        task.exception()
