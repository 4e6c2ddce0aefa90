"""One connection to Redis that sends everything asked in one turn of the loop as one pipeline.

redis-py's asyncio client spends more time per command than the whole check may take, and pools
connections instead of sharing one. The parser is hiredis, as in redis-py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 2.0
# Envoy waits 250 ms for a check.
REPLY_TIMEOUT_SECONDS = 0.2
WATCH_SECONDS = 0.05
BACK_OFF_SECONDS = (0.02, 1.0)


class RedisAway(Exception):
    """Redis cannot be reached or did not answer in time."""


def pack(*parts: str | bytes | int) -> bytes:
    """Return the command in the Redis protocol, so that a constant one is packed only once."""
    packed: bytes = hiredis.pack_command(parts)  # type: ignore[arg-type] # takes any length
    return packed


class Connection(asyncio.Protocol):
    """Replies come in the order of the commands."""

    def __init__(self, on_push: Callable[[Any], None] | None = None) -> None:
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._outgoing: list[bytes] = []
        self._on_push = on_push
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self.closed = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own

    def send(self, command: bytes) -> asyncio.Future[Any]:
        """Queue one packed command; the future holds its reply, or RedisAway, or ReplyError."""
        future = self._loop.create_future()
        if self._transport is None or self.closed.done():
            future.set_exception(RedisAway())
            return future
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(command)
        self._waiting.append((self._loop.time(), future))
        return future

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if self._on_push is not None and _is_message(reply):
                self._on_push(reply)
            elif self._waiting:
                self._settle(self._waiting.popleft()[1], reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._outgoing.clear()
        while self._waiting:
            future = self._waiting.popleft()[1]
            if not future.done():
                future.set_exception(RedisAway())
        if not self.closed.done():
            self.closed.set_result(exc)

    def abort_if_stuck(self, patience_seconds: float) -> None:
        if self._waiting and self._loop.time() - self._waiting[0][0] > patience_seconds:
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self._transport is not None:
            self._transport.write(b"".join(outgoing))

    @staticmethod
    def _settle(future: asyncio.Future[Any], reply: object) -> None:
        if future.done():
            return
        if isinstance(reply, hiredis.ReplyError):
            future.set_exception(reply)
        else:
            future.set_result(reply)


def _is_message(reply: object) -> bool:
    """Tell an announcement from a reply; both come over a connection that has subscribed."""
    return isinstance(reply, list) and bool(reply) and reply[0] == b"message"


class RedisLink:
    """Keeps one connection open for ever; `is_up` tells whether it is usable now."""

    def __init__(
        self,
        url: str,
        *,
        on_up: Callable[[Connection], Awaitable[None]],
        on_down: Callable[[], None],
        on_push: Callable[[Any], None] | None = None,
        reply_timeout_seconds: float = REPLY_TIMEOUT_SECONDS,
    ) -> None:
        self._url = urlsplit(url)
        self._on_up = on_up
        self._on_down = on_down
        self._on_push = on_push
        self._reply_timeout = reply_timeout_seconds
        self._connection: Connection | None = None

    @property
    def is_up(self) -> bool:
        return self._connection is not None

    def send(self, command: bytes) -> asyncio.Future[Any]:
        """Raises RedisAway at once while there is no connection."""
        if self._connection is None:
            raise RedisAway
        return self._connection.send(command)

    async def run(self) -> None:
        """Connect, and connect again whenever the connection ends. Runs until cancelled."""
        wait = BACK_OFF_SECONDS[0]
        while True:
            connection: Connection | None = None
            try:
                connection = await asyncio.wait_for(self._open(), CONNECT_TIMEOUT_SECONDS)
                self._connection = connection
                wait = BACK_OFF_SECONDS[0]
                await self._watch(connection)
            except (OSError, RedisAway, hiredis.ReplyError, TimeoutError) as error:
                logger.warning("redis %s: %s", self._url.hostname, error or type(error).__name__)
            finally:
                self._connection = None
                if connection is not None:
                    connection.abort()
                self._on_down()
            await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311 - jitter
            wait = min(wait * 2, BACK_OFF_SECONDS[1])

    async def _watch(self, connection: Connection) -> None:
        while not connection.closed.done():
            connection.abort_if_stuck(self._reply_timeout)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(connection.closed), WATCH_SECONDS)
        logger.warning("redis %s: connection lost", self._url.hostname)

    async def _open(self) -> Connection:
        connection = await self._dial()
        try:
            await self._introduce(connection)
            await self._on_up(connection)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _dial(self) -> Connection:
        loop = asyncio.get_running_loop()

        def protocol() -> Connection:
            return Connection(self._on_push)

        if self._url.scheme == "unix":
            _, opened = await loop.create_unix_connection(protocol, self._url.path)
            return opened
        tls = ssl.create_default_context() if self._url.scheme == "rediss" else None
        host, port = self._url.hostname or "127.0.0.1", self._url.port or 6379
        _, opened = await loop.create_connection(protocol, host, port, ssl=tls)
        return opened

    async def _introduce(self, connection: Connection) -> None:
        if self._url.password:
            user = [unquote(self._url.username)] if self._url.username else []
            await connection.send(pack("AUTH", *user, unquote(self._url.password)))
        query = parse_qs(self._url.query)
        path = self._url.path.strip("/") if self._url.scheme != "unix" else ""
        database = path or query.get("db", ["0"])[0]
        if database != "0":
            await connection.send(pack("SELECT", database))
