"""Taking calls from the counters in Redis, and giving back what was not used.

Every decision is one run of take.lua: all limits count, or none does, by Redis's clock. What is
taken beyond the call that asks is a block: it was counted already, is valid for a short time that
ends with every window it was counted in, and what remains of it is given back to that window.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hiredis

from apim.gateway.authorizer.redis_link import RedisAway, pack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from apim.gateway.counting import Counted

    Send = Callable[[bytes], Awaitable[Any]]

# One try with the clock as it seemed, one with Redis's, one for the turn of a window, one for
# counters that were restored.
_TRIES = 4
_OTHER_EPOCH = -2
_KINDS = {"calendar": "w", "fixed": "w", "sliding": "s", "concurrent": "c"}


class _Script(NamedTuple):
    sha: str
    load: bytes


def _script(name: str) -> _Script:
    text = Path(__file__).with_name(name).read_text()
    sha = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Redis names scripts so
    return _Script(sha, pack("SCRIPT", "LOAD", text))


TAKE = _script("take.lua")
GIVE_BACK = _script("give_back.lua")
LOADS = (TAKE.load, GIVE_BACK.load)


class ClockUnknown(RedisAway):
    """Redis's clock jumped about while it was asked."""


class CountersLost(RedisAway):
    """Redis lost its counters, and they are not restored yet: nothing may be counted."""

    def __str__(self) -> str:
        return "the counters in redis are lost and not restored yet"


class Standing(NamedTuple):
    """Where one limit stands: `left` before anything was taken, below 0 beyond a soft quota.

    `reset_at` is on the monotonic clock; `mark` and `epoch` say where the calls were counted.
    """

    counted: Counted
    left: int
    reset_at: float
    is_overage: bool
    mark: str
    epoch: str = ""


class Taken(NamedTuple):
    """`calls` 0: refused. `until`, on the monotonic clock: not to be used any more."""

    calls: int
    until: float
    life_milliseconds: int
    standings: tuple[Standing, ...]


class RedisClock:
    """Redis's time, as last heard; only a first guess, which the script checks."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Unix seconds."""
        return time.monotonic() + self._offset

    def heard(self, milliseconds: int) -> None:
        self._offset = milliseconds / 1000 - time.monotonic()


class Counters:
    """The counters of all limits, in Redis."""

    def __init__(self, send: Send) -> None:
        self._send = send
        # Of the counters, as last heard; another one each time that they were restored.
        self.epoch = ""
        self._clock = RedisClock()
        self._background: set[asyncio.Task[None]] = set()

    async def take(
        self,
        limits: Sequence[Counted],
        *,
        least: int,
        waiting: int,
        want: int,
        life_milliseconds: int,
        slot: str = "",
        slot_milliseconds: int = 0,
    ) -> Taken:
        """Take at least `least` calls from every limit, or none; see take.lua. Raises RedisAway."""
        head = (least, waiting, want, life_milliseconds, slot)
        for _ in range(_TRIES):
            asked_at, epoch = time.monotonic(), self.epoch
            command = self._command(limits, head, slot_milliseconds)
            reply: list[Any] = await self._evaluate(TAKE, command)
            self._clock.heard(reply[1])
            if reply[0] >= 0:
                return _taken(limits, reply, asked_at, epoch)
            if reply[0] == _OTHER_EPOCH:
                self.epoch = reply[2].decode()
                if not self.epoch:
                    raise CountersLost
        raise ClockUnknown

    def give_back(self, standings: Sequence[Standing], calls: int) -> None:
        """Return calls that were not made; below 0: count that many more. In the background."""
        told = [one for one in standings if one.counted.limit.kind != "concurrent"]
        if told and calls:
            self._settle(told, calls)

    def release(self, standings: Sequence[Standing], slot: str) -> None:
        """Free the slot of a call that ended. In the background."""
        told = [
            one._replace(mark=slot) for one in standings if one.counted.limit.kind == "concurrent"
        ]
        if told:
            self._settle(told, 1)

    async def settled(self) -> None:
        """Wait for what goes on in the background."""
        await asyncio.gather(*self._background, return_exceptions=True)

    def _settle(self, standings: list[Standing], calls: int) -> None:
        names: list[str] = []
        arguments: list[str] = []
        for one in standings:
            kind = _KINDS[one.counted.limit.kind]
            names.append(f"{one.counted.name}:{one.mark}" if kind == "w" else one.counted.name)
            arguments += (kind, one.mark)
        arguments.append(standings[0].epoch)
        command = pack("EVALSHA", GIVE_BACK.sha, len(names), *names, calls, *arguments)
        task = asyncio.ensure_future(self._quietly(command))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _quietly(self, command: bytes) -> None:
        """What Redis does not take back now, it forgets with the window."""
        try:
            await self._evaluate(GIVE_BACK, command)
        except (RedisAway, hiredis.ReplyError):
            return

    def _command(
        self, limits: Sequence[Counted], head: tuple[int | str, ...], slot_milliseconds: int
    ) -> bytes:
        now = self._clock.now()
        parts: list[str | bytes | int] = ["EVALSHA", TAKE.sha, len(limits)]
        parts += [one.name for one in limits]
        parts += head
        for one in limits:
            limit = one.limit
            parts += (_KINDS[limit.kind], limit.quota, int(limit.soft))
            if limit.kind == "sliding":
                parts += (one.length_seconds * 1000, one.part_milliseconds, 0)
            elif limit.kind == "concurrent":
                parts += (slot_milliseconds, 0, 0)
            else:
                parts += one.window(now)
        parts.append(self.epoch)
        return pack(*parts)

    async def _evaluate(self, script: _Script, command: bytes) -> Any:
        """Run the script; a Redis that was restarted must be given it again."""
        try:
            return await self._send(command)
        except hiredis.ReplyError as error:
            if "NOSCRIPT" not in str(error):
                raise
            await self._send(script.load)
            return await self._send(command)


def _taken(limits: Sequence[Counted], reply: list[Any], asked_at: float, epoch: str) -> Taken:
    now = time.monotonic()
    standings = tuple(
        Standing(
            one,
            reply[at],
            now + reply[at + 1] / 1000,
            bool(reply[at + 2]),
            reply[at + 3].decode(),
            epoch,
        )
        for at, one in zip(range(3, len(reply), 4), limits, strict=True)
    )
    return Taken(reply[0], asked_at + reply[2] / 1000, reply[2], standings)
