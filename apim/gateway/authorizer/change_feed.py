"""The stream of announced changes, for filters in gateways that keep decisions for a while.

A filter asks now and then what changed since the position it knows, and drops what depends on it.
A position names everything before it as heard: a decision that was begun at one knows all of it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from apim.gateway import grant_format as wire
from apim.gateway.authorizer.redis_link import pack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# Who asks learns of everything that was announced so long ago.
MAX_AGE_SECONDS = 0.05
MAX_ENTRIES = 10_000
# More changed names than that are not worth naming.
MAX_NAMES = 2000
BATCH = 1000
RESET = "reset"

Position = tuple[int, int]
START: Position = (0, 0)


class ChangeFeed:
    """The newest entries of g:changes. `on_changes` is told the names, None: anything may be."""

    def __init__(
        self,
        send: Callable[[bytes], Awaitable[Any]],
        on_changes: Callable[[list[str] | None], None],
    ) -> None:
        self._send = send
        self._on_changes = on_changes
        self._entries: deque[tuple[Position, list[str]]] = deque()
        # Everything after this is in `_entries`; None until the stream was read.
        self._since: Position | None = None
        self._newest = START
        self._heard_at = 0.0
        self._syncing: asyncio.Task[None] | None = None

    @property
    def position(self) -> str:
        """Empty until the stream was read."""
        return "" if self._since is None else _text(self._newest)

    def forget(self) -> None:
        """Begin anew, after Redis was away: changes may have been missed."""
        self._since = None
        self._entries.clear()

    async def since(self, position: str) -> tuple[str, list[str] | None]:
        """Return the newest position and what changed since; None: anything. Raises RedisAway."""
        asked = _position(position)
        is_ahead = asked is not None and asked > self._newest
        if is_ahead or self._since is None or time.monotonic() - self._heard_at > MAX_AGE_SECONDS:
            await self.sync()
        if asked is None or self._since is None or not self._since <= asked <= self._newest:
            return _text(self._newest), None
        names = {name: None for at, some in self._entries if at > asked for name in some}
        return _text(self._newest), list(names) if len(names) <= MAX_NAMES else None

    async def sync(self) -> None:
        """Read what is new. Raises RedisAway."""
        if self._syncing is None:
            self._syncing = asyncio.ensure_future(self._read())
            self._syncing.add_done_callback(self._read_once)
        await asyncio.shield(self._syncing)

    def _read_once(self, task: asyncio.Task[None]) -> None:
        self._syncing = None
        if not task.cancelled():
            task.exception()  # whoever waited has seen it

    async def _read(self) -> None:
        asked_at = time.monotonic()
        if self._since is None:
            newest = await self._send(pack("XREVRANGE", wire.CHANGES, "+", "-", "COUNT", 1))
            self._newest = _position(newest[0][0].decode()) or START if newest else START
            self._since = self._newest
            self._on_changes(None)
        else:
            while await self._read_batch(self._since):
                continue
        self._heard_at = asked_at

    async def _read_batch(self, since: Position) -> bool:
        """Return whether there may be more."""
        after = f"({_text(self._newest)}"
        batch = await self._send(pack("XRANGE", wire.CHANGES, after, "+", "COUNT", BATCH))
        if self._since != since and self._since is None:  # forgotten meanwhile
            return False
        for raw, fields in batch:
            names = fields[1].decode().split(" ")
            at = _position(raw.decode())
            assert at is not None
            self._on_changes(names)
            self._entries.append((at, names))
            self._newest = at
        while len(self._entries) > MAX_ENTRIES:
            self._since = self._entries.popleft()[0]
        return len(batch) == BATCH


def _position(text: str) -> Position | None:
    milliseconds, _, number = text.partition("-")
    if milliseconds.isdecimal() and number.isdecimal():
        return int(milliseconds), int(number)
    return None


def _text(position: Position) -> str:
    return f"{position[0]}-{position[1]}"
