"""The ASGI application: routes, start and stop, and what happens while Redis is away."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import hiredis
import msgspec

from apim.env import EnvironmentProblem, env_bool, env_str
from apim.gateway import grant_format as wire
from apim.gateway.authorizer import answers, decisions, verdicts
from apim.gateway.authorizer.decisions import Decider, Resolution
from apim.gateway.authorizer.limits import LOAD, UNLIMITED
from apim.gateway.authorizer.memory import GrantsIncomplete, Memory
from apim.gateway.authorizer.redis_link import Connection, RedisAway, RedisLink, pack
from apim.gateway.authorizer.requests import PREFIX, Call, read_call, read_headers
from apim.keys.secrets import read_peppers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from apim.gateway.authorizer.answers import Answer

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 16 * 1024
# A connection that only listens is asked for a sign of life this often.
PING_SECONDS = 1.0
FEED_PATIENCE_SECONDS = 2.0
TOKEN_HEADER = b"x-apim-authorizer-token"


class Authorizer:
    """One process's worth of answers: two links to Redis and a memory."""

    def __init__(self) -> None:
        url = env_str("REDIS_URL")
        self._token = env_str("APIM_AUTHORIZER_TOKEN", "").encode()
        self._is_open = env_bool("APIM_AUTHORIZER_OPEN", default=False)
        if not self._token and not self._is_open:
            raise EnvironmentProblem("APIM_AUTHORIZER_TOKEN is not set: gateways need it to ask")
        self._lets_by_without_redis = _on_redis_loss() == "open"
        self.link = RedisLink(url, on_up=self._up, on_down=lambda: None)
        self.feed = RedisLink(
            url,
            on_up=self._listen,
            on_down=self._deaf,
            on_push=self._hear,
            reply_timeout_seconds=FEED_PATIENCE_SECONDS,
        )
        self.memory = Memory(self.link.send)
        self.decider = Decider(
            self.memory,
            self.link.send,
            read_peppers(env_str("APIM_KEY_PEPPER")),
            env_str("APIM_PUBLIC_URL", "http://127.0.0.1:8000"),
        )
        # Grants known when Redis went away, for APIM_AUTHORIZER_ON_REDIS_LOSS=open only.
        self._last_known: dict[Any, Resolution] = {}
        self.decided: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        runs = (self.link.run(), self.feed.run(), self._keep_listening())
        self._tasks = [loop.create_task(run) for run in runs]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def check(self, scope: Scope) -> Answer:
        headers = read_headers(scope["headers"])
        call = read_call(scope, headers)
        if not self.knows(headers):
            return answers.refusal(call, answers.GATEWAY_UNKNOWN, [])
        try:
            return await self._decide(call)
        except (RedisAway, GrantsIncomplete):
            return self._without_redis(call)
        except hiredis.ReplyError:
            logger.exception("redis refused a command")
            return self._without_redis(call)

    def knows(self, headers: dict[bytes, bytes]) -> bool:
        """Tell whether a gateway asks: the answers disclose ids and remaining quotas."""
        return self._is_open or hmac.compare_digest(headers.get(TOKEN_HEADER, b""), self._token)

    async def _decide(self, call: Call) -> Answer:
        key = self.decider.pick(call)
        if key is None:
            return await self._without_key(call)
        resolution = await self.decider.resolve(key, call.path)
        if resolution.denial is not None:
            return answers.denied(call, resolution)
        if resolution.limits is None:
            return answers.allowed(call, key, resolution, UNLIMITED)
        outcome = await self.decider.count(resolution)
        if not outcome.is_allowed:
            return answers.over_limit(call, resolution, outcome)
        return answers.allowed(call, key, resolution, outcome)

    async def _without_key(self, call: Call) -> Answer:
        """An unknown path is named first: it is unknown to everybody."""
        _, route = await self.decider.find_route(call.path)
        if route is None:
            return answers.refusal(call, decisions.UNKNOWN_PATH, [])
        facts = decisions.fact_headers(decisions.Grant(route=route))
        denial = decisions.KEY_MALFORMED if call.candidates else decisions.KEY_MISSING
        return answers.refusal(call, denial, facts)

    def _without_redis(self, call: Call) -> Answer:
        """Refuse, because no limit can be counted; unless told to let known keys by."""
        key = self.decider.pick(call) if self._lets_by_without_redis else None
        if key is not None:
            known = self._last_known.get(self.decider.name(key, call.path))
            if known is not None:
                return answers.allowed(call, key, known, UNLIMITED)
        return answers.refusal(call, answers.CANNOT_CHECK, [])

    # The links

    async def _up(self, connection: Connection) -> None:
        await connection.send(LOAD)

    async def _listen(self, connection: Connection) -> None:
        await connection.send(pack("SUBSCRIBE", wire.CHANGED))
        self.memory.start_listening()
        self._last_known = {}

    def _deaf(self) -> None:
        if self.memory.is_listening and self._lets_by_without_redis:
            self._last_known = dict(self.memory.resolutions)
        self.memory.stop_listening()

    def _hear(self, push: Any) -> None:
        if isinstance(push, list) and push[0] == b"message":
            self.memory.forget(push[2].decode().split(" "))

    async def _keep_listening(self) -> None:
        """A silent connection may be a dead one. Its pong comes as a push after SUBSCRIBE."""
        while True:
            await asyncio.sleep(PING_SECONDS)
            with contextlib.suppress(RedisAway, hiredis.ReplyError):
                await self.feed.send(pack("PING"))

    def is_ready(self) -> bool:
        return self.link.is_up and self.memory.is_listening

    def metrics(self) -> str:
        """Prometheus text format, version 0.0.4."""
        lines = ["# TYPE apim_checks_total counter"]
        lines += [
            f'apim_checks_total{{decision="{name}"}} {count}'
            for name, count in sorted(self.decided.items())
        ]
        lines += [
            "# TYPE apim_authorizer_redis_up gauge",
            f"apim_authorizer_redis_up {int(self.is_ready())}",
            "# TYPE apim_authorizer_memory_entries gauge",
            f"apim_authorizer_memory_entries {len(self.memory)}",
        ]
        return "\n".join(lines) + "\n"


def _on_redis_loss() -> str:
    value = env_str("APIM_AUTHORIZER_ON_REDIS_LOSS", "") or "closed"
    if value not in {"open", "closed"}:
        raise EnvironmentProblem(
            f"APIM_AUTHORIZER_ON_REDIS_LOSS={value!r} is not known: write closed or open"
        )
    return value


_authorizer: Authorizer | None = None


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    answer = await _answer(_running(), scope, receive)
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def _running() -> Authorizer:
    global _authorizer  # noqa: PLW0603 - one per process, also under a server without lifespan
    if _authorizer is None:
        _authorizer = Authorizer()
        _authorizer.start()
    return _authorizer


async def _lifespan(receive: Receive, send: Send) -> None:
    global _authorizer  # noqa: PLW0603
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _running()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            if _authorizer is not None:
                await _authorizer.stop()
                _authorizer = None
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _answer(authorizer: Authorizer, scope: Scope, receive: Receive) -> Answer:
    path: str = scope["path"]
    if scope["raw_path"].startswith(PREFIX):
        answer = await authorizer.check(scope)
        authorizer.decided[answer.decision] += 1
        return answer
    if path == "/gateway/v1/verify":
        return await _verify(authorizer, scope, receive)
    if path == "/healthz":
        return answers.plain(200, "ok\n")
    if path == "/readyz":
        is_ready = authorizer.is_ready()
        return answers.plain(200 if is_ready else 503, "ready\n" if is_ready else "no redis\n")
    if path == "/metrics":
        return answers.plain(200, authorizer.metrics())
    return answers.plain(404, "not found\n")


async def _verify(authorizer: Authorizer, scope: Scope, receive: Receive) -> Answer:
    call = Call(b"", (), False, b"", None)
    if not authorizer.knows(read_headers(scope["headers"])):
        return answers.refusal(call, answers.GATEWAY_UNKNOWN, [])
    if scope["method"] != "POST":
        return answers.plain(405, "POST only\n")
    try:
        question = msgspec.json.decode(await _body(receive), type=verdicts.Question)
        verdict = await verdicts.verdict(authorizer.decider, question)
    except (msgspec.DecodeError, RecursionError) as error:
        return answers.json(422, {"valid": False, "code": "invalid_input", "detail": str(error)})
    except (RedisAway, GrantsIncomplete):
        return answers.refusal(call, answers.CANNOT_CHECK, [])
    authorizer.decided[verdict["code"] if not verdict["valid"] else "allowed"] += 1
    return answers.json(200, verdict)


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise msgspec.DecodeError(f"the body is longer than {MAX_BODY_BYTES} bytes")
        if not message.get("more_body"):
            return body
