"""One process's worth of answers: two links to Redis, a memory, meters, leases."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hmac
import logging
import time
from typing import TYPE_CHECKING, Any

import hiredis

from apim.env import EnvironmentProblem, env_bool, env_int, env_str
from apim.gateway import grant_format as wire
from apim.gateway.authorizer import answers, decisions, denials, leases, recalls
from apim.gateway.authorizer.answers import Answer
from apim.gateway.authorizer.change_feed import RESET, ChangeFeed
from apim.gateway.authorizer.counters import LOADS, Counters
from apim.gateway.authorizer.decisions import Decider, Grant, Resolution, Use
from apim.gateway.authorizer.leases import LeaseBook, Terms
from apim.gateway.authorizer.lending import Lending
from apim.gateway.authorizer.limits import POOL_MILLISECONDS, UNLIMITED, Meter, Meters, Outcome
from apim.gateway.authorizer.memory import GrantsIncomplete, LastKnown, Memory
from apim.gateway.authorizer.metrics import Metrics
from apim.gateway.authorizer.recalls import Recalls
from apim.gateway.authorizer.redis_link import Connection, RedisAway, RedisLink, pack
from apim.gateway.authorizer.requests import Call, read_check, read_headers, read_lease
from apim.keys import secrets

if TYPE_CHECKING:
    from apim.gateway.authorizer.counters import Taken
    from apim.gateway.authorizer.denials import Denial
    from apim.gateway.authorizer.leases import Wish

    Scope = dict[str, Any]

logger = logging.getLogger(__name__)

# A connection that only listens is asked for a sign of life this often.
PING_SECONDS = 1.0
FEED_PATIENCE_SECONDS = 2.0
SWEEP_SECONDS = 0.25
STOP_SECONDS = 1.0
# A process that stood still for longer may have unread news before it.
PAUSE_SECONDS = 0.7
TOKEN_HEADER = b"x-apim-authorizer-token"
# How long a gateway may use leases after it last heard of changes.
TRUST_MILLISECONDS = 1000
# How long a gateway may repeat a refusal that a changed grant would lift.
REFUSAL_MILLISECONDS = 1000
QUOTA_REFUSAL_MILLISECONDS = 100
MAX_REHASHES_WAITING = 10_000
_ONE_CALL = (
    b"x-apim-lease",
    leases.Terms(leases.NO_LEASE, 1, 1000, 1000).header(scope="operation", cost=1, kind="call"),
)
# Looking for garbage among everything that is remembered takes longer than a check may; nearly all
# of it goes without looking, and what is young is looked at as ever.
GARBAGE_THRESHOLDS = (10_000, 20, 1000)
UNANSWERABLE = (RedisAway, GrantsIncomplete, hiredis.ReplyError)


class Authorizer:
    def __init__(self) -> None:
        url = env_str("REDIS_URL")
        self._token = env_str("APIM_AUTHORIZER_TOKEN", "").encode()
        self._is_open = env_bool("APIM_AUTHORIZER_OPEN", default=False)
        if not self._token and not self._is_open:
            raise EnvironmentProblem("APIM_AUTHORIZER_TOKEN is not set: gateways need it to ask")
        self._lets_by_without_redis = _on_redis_loss() == "open"
        grace_seconds = env_int("APIM_AUTHORIZER_GRACE_SECONDS", 300, minimum=0)
        self.link = RedisLink(url, on_up=self._up, on_down=lambda: None)
        self.feed = RedisLink(
            url,
            on_up=self._listen,
            on_down=self._deaf,
            on_push=self._hear,
            reply_timeout_seconds=FEED_PATIENCE_SECONDS,
        )
        self.memory = Memory(self.link.send, grace_seconds)
        self.counters = Counters(self.link.send)
        self.meters = Meters(self.counters)
        self.leases = LeaseBook(self.counters, self._tell)
        self.recalls = Recalls(self._tell_others)
        self.lending = Lending(self._tell)
        self.changes = ChangeFeed(self.link.send, self._changed)
        self.metrics = Metrics()
        peppers = secrets.read_peppers(env_str("APIM_KEY_PEPPER"))
        portal_url = env_str("APIM_PUBLIC_URL", "http://127.0.0.1:8000")
        self.decider = Decider(self.memory, self.meters, peppers, portal_url, self._rehash)
        # For the time while Redis is away.
        self._last_known = Decider(LastKnown(self.memory), self.meters, peppers, portal_url)
        self._was_able = True
        self._awake_at = time.monotonic()
        self.pauses = 0
        self._rehashed: set[bytes] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        loop = asyncio.get_running_loop()
        runs = (self.link.run(), self.feed.run(), self._keep_listening(), self._sweep())
        self._tasks = [loop.create_task(run) for run in runs]

    async def stop(self) -> None:
        self.meters.sweep(everything=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.counters.settled(), STOP_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def knows(self, headers: dict[bytes, bytes]) -> bool:
        """Tell whether a gateway asks: the answers disclose ids and remaining quotas."""
        return self._is_open or hmac.compare_digest(headers.get(TOKEN_HEADER, b""), self._token)

    async def check(self, scope: Scope) -> Answer:
        """Decide one call that a gateway asks about."""
        began = time.perf_counter()
        self._notice_pause()
        headers = read_headers(scope["headers"])
        call = read_check(scope, headers)
        if not self.knows(headers):
            answer = answers.refusal(call, denials.GATEWAY_UNKNOWN, [])
        else:
            try:
                answer = await self._decide(call)
                self._was_able = self._was_able or self._able()
            except UNANSWERABLE as error:
                answer = await self._without_redis(call, error)
        self.metrics.checks[answer.decision] += 1
        self.metrics.check_took(time.perf_counter() - began)
        return answer

    async def lease(self, headers: dict[bytes, bytes]) -> Answer:
        """Decide one call, and lend calls of the same kind with it."""
        self._notice_pause()
        call = read_lease(headers)
        self.leases.settle(headers)
        try:
            answer = await self._lend(call, leases.read_wish(headers))
            answer.headers.extend(await self._imports())
            if answer.body:
                route = await self.decider.find_route(call.path)
                if route is not None and route.grpc:
                    answer.headers.extend(answers.grpc_headers(answer))
            self._was_able = self._was_able or self._able()
        except UNANSWERABLE as error:
            answer = await self._without_redis(call, error)
            # One call of an API that fails open; nothing can be lent.
            is_open = answer.decision == "allowed"
            answer.headers.append(_ONE_CALL if is_open else (b"x-apim-deny-ttl", b"0"))
        self.metrics.leases[answer.decision] += 1
        return answer

    async def changes_since(self, position: str) -> Answer:
        """Tell which names changed: the answer that keeps leases alive."""
        try:
            newest, names = await self.changes.since(position)
            imports = await self._imports()
        except UNANSWERABLE:
            return answers.plain(503, "cannot hear redis\n")
        said = RESET if names is None else " ".join(names)
        answer = answers.plain(200, f"{newest}\n{said}\n")
        answer.headers.extend(imports)
        if recalled := self.recalls.told():
            answer.headers.append((b"x-apim-recall", recalled.encode()))
        return answer

    async def _imports(self) -> answers.Headers:
        """Tell gateways whether what does not look like a key of ours may be one all the same."""
        return [(b"x-apim-imports", b"1")] if await self.decider.has_imported() else []

    # Deciding

    async def _find(self, call: Call, decider: Decider) -> tuple[str, Resolution] | Answer:
        """The key that the call carries and what is known about it, or why there is none."""
        found = decider.remembered(call)
        if found is not None:
            return found
        key = await decider.pick(call)
        if key is not None:
            return key, await decider.resolve(key, call.path)
        # An unknown path is named first: it is unknown to everybody.
        route = await decider.find_route(call.path)
        if route is None:
            return answers.refusal(call, denials.UNKNOWN_PATH, [])
        facts = decisions.fact_headers(Grant(route=route))
        denial = denials.KEY_MALFORMED if call.candidates else denials.KEY_MISSING
        return answers.refusal(call, denial, facts)

    async def _decide(self, call: Call) -> Answer:
        found = await self._find(call, self.decider)
        if isinstance(found, Answer):
            return found
        key, resolution = found
        use = resolution.use(call.method, call.path)
        denial = denial_of(resolution, use, call.address, call.origin)
        if denial is not None:
            return answers.denied(call, resolution, denial)
        meter = use.meter
        if meter is None:
            return answers.allowed(call, key, resolution, None, UNLIMITED)
        outcome = meter.at_once(use.cost)
        if outcome is None:
            if meter.is_concurrent:
                return await self._decide_concurrent(call, key, resolution, meter, use.cost)
            outcome = await meter.count(self.meters, use.cost)
        return self._counted(call, key, resolution, meter, outcome)

    def _counted(
        self, call: Call, key: str, resolution: Resolution, meter: Meter, outcome: Outcome
    ) -> Answer:
        if outcome.is_allowed:
            return answers.allowed(call, key, resolution, meter, outcome)
        self.lending.note_refusal(outcome.violated)
        return answers.over_limit(call, resolution, meter, outcome, self.decider.portal_url)

    async def _decide_concurrent(
        self, call: Call, key: str, resolution: Resolution, meter: Meter, cost: int
    ) -> Answer:
        """A gateway that can tell when the call ends releases the lease that is named."""
        lease, outcome = await self.take_slot(meter, cost)
        answer = self._counted(call, key, resolution, meter, outcome)
        if outcome.is_allowed:
            answer.headers.append((b"x-apim-lease-id", lease.encode()))
        return answer

    async def take_slot(self, meter: Meter, cost: int) -> tuple[str, Outcome]:
        """Count one call that must be told apart from others. Raises RedisAway."""
        lease = self.leases.name()
        taken = await meter.take(
            self.counters, cost=cost, want=cost, life_milliseconds=POOL_MILLISECONDS, slot=lease
        )
        if not taken.calls:
            return lease, Outcome(False, cost, 0, taken.standings)
        self.leases.open(lease, taken, slot_seconds=meter.slot_milliseconds / 1000)
        return lease, Outcome(True, cost, taken.calls, taken.standings)

    # Lending

    async def _lend(self, call: Call, wish: Wish) -> Answer:
        if not self.changes.position:
            await self.changes.sync()
        position = self.changes.position
        found = await self._find(call, self.decider)
        if isinstance(found, Answer):
            has_other_keys = await self.decider.has_imported()
            return answers.with_refusal_life(found, 0 if has_other_keys else REFUSAL_MILLISECONDS)
        key, resolution = found
        use = resolution.use(call.method, call.path)
        denial = denial_of(resolution, use, call.address, call.origin)
        if denial is not None:
            answer = answers.denied(call, resolution, denial)
            # Who may not from here, may from elsewhere.
            return answers.with_refusal_life(
                answer, 0 if resolution.rules else REFUSAL_MILLISECONDS
            )
        answer = await self._lease_of(call, key, resolution, use, wish)
        if answer.decision == "allowed":
            answer.headers.extend(self._lease_terms(resolution, position))
        return answer

    async def _lease_of(
        self, call: Call, key: str, resolution: Resolution, use: Use, wish: Wish
    ) -> Answer:
        meter, cost = use.meter, use.cost
        # Where a key may be used from is asked for each call.
        is_call = resolution.rules is not None or (meter is not None and meter.is_concurrent)
        hold = leases.hold_milliseconds(resolution.grant.key)
        limits = b""
        if meter is None:
            answer = answers.allowed(call, key, resolution, None, UNLIMITED)
            calls = cost if is_call else max(leases.UNLIMITED_TOKENS, cost)
            terms = Terms(leases.NO_LEASE, calls, hold, hold)
        elif not is_call and meter.name.encode() in wish.pools:
            answer = answers.allowed(call, key, resolution, None, UNLIMITED)
            terms = Terms(leases.NO_LEASE, 0, 0, hold, meter.name)
        else:
            wanted = cost if is_call else max(wish.calls, cost)
            lease, outcome, taken = await self._borrow(meter, cost, wanted, wish.question)
            if taken is None:
                return self._refuse_lease(call, resolution, meter, outcome)
            # The gateway makes the limits' headers itself, for each call.
            answer = answers.allowed(call, key, resolution, None, outcome)
            if outcome.overage:
                answer.headers.append(answers.overage_header(outcome))
            pool = "" if is_call else meter.name
            answer.headers.append((b"x-apim-counters", meter.counters.encode()))
            terms = Terms(lease, taken.calls, taken.life_milliseconds, hold, pool)
            limits = leases.limits_header(taken)
        header = terms.header(
            scope="operation" if resolution.is_by_operation else "version",
            cost=cost,
            kind="call" if is_call else "shared",
        )
        answer.headers.extend(((b"x-apim-lease", header), (b"x-apim-limits", limits)))
        return answer

    async def _borrow(
        self, meter: Meter, cost: int, wanted: int, question: str
    ) -> tuple[str, Outcome, Taken | None]:
        """Take calls for a lease. None of them: refused. Raises RedisAway."""
        refused = meter.refusal(cost)
        if refused is not None:
            return leases.NO_LEASE, refused, None
        lease = self.leases.name()
        taken = await meter.take(
            self.counters,
            cost=cost,
            want=wanted,
            life_milliseconds=leases.LEASE_MILLISECONDS,
            slot=lease,
        )
        outcome = Outcome(taken.calls > 0, cost, taken.calls, taken.standings)
        if not outcome.is_allowed:
            self.recalls.want(outcome.violated)
            self.lending.note_refusal(outcome.violated)
            return lease, outcome, None
        slot_seconds = meter.slot_milliseconds / 1000 if meter.is_concurrent else 0.0
        self.leases.open(lease, taken, slot_seconds=slot_seconds, question=question)
        return lease, outcome, taken

    def _refuse_lease(
        self, call: Call, resolution: Resolution, meter: Meter, outcome: Outcome
    ) -> Answer:
        answer = answers.over_limit(call, resolution, meter, outcome, self.decider.portal_url)
        now = time.monotonic()
        lives = [(one.reset_at - now) * 1000 for one in outcome.violated]
        life = min(QUOTA_REFUSAL_MILLISECONDS, *(max(int(each), 0) for each in lives))
        return answers.with_refusal_life(
            answer, 0 if meter.is_concurrent or resolution.rules else life
        )

    def _lease_terms(self, resolution: Resolution, position: str) -> answers.Headers:
        """What the lease depends on, and what to do when nobody can say that it still holds."""
        is_open = self._lets_by(resolution)
        return [
            (b"x-apim-tags", " ".join(resolution.tags).encode()),
            (b"x-apim-change", position.encode()),
            (b"x-apim-trust", b"%d" % TRUST_MILLISECONDS),
            (b"x-apim-on-loss", b"open" if is_open else b"closed"),
            (b"x-apim-grace", b"%d" % int(self.memory.grace_seconds * 1000)),
        ]

    # Without Redis

    def _lets_by(self, resolution: Resolution) -> bool:
        route = resolution.grant.route
        return self._lets_by_without_redis or (route is not None and route.fail_open)

    async def _without_redis(self, call: Call, error: Exception) -> Answer:
        """Refuse, because no limit can be counted; unless the API lets known keys by."""
        if self._was_able:
            self._was_able = False
            logger.error("calls cannot be checked: %s", error or type(error).__name__)
        found = await self._find(call, self._last_known)
        if isinstance(found, Answer) or not self._lets_by(found[1]):
            return answers.refusal(call, denials.CANNOT_CHECK, [])
        key, resolution = found
        use = resolution.use(call.method, call.path)
        # A refusal may only mean that something is not known here.
        if denial_of(resolution, use, call.address, call.origin) is not None:
            return answers.refusal(call, denials.CANNOT_CHECK, [])
        self.metrics.without_redis += 1
        if use.meter is None:
            return answers.allowed(call, key, resolution, None, UNLIMITED)
        return self._counted(call, key, resolution, use.meter, use.meter.count_locally(use.cost))

    def _able(self) -> bool:
        if self.link.is_up:
            logger.warning("calls are checked again")
        return self.link.is_up

    # The links

    async def _up(self, connection: Connection) -> None:
        for load in LOADS:
            await connection.send(load)
        self.changes.forget()

    async def _listen(self, connection: Connection) -> None:
        await connection.send(pack("SUBSCRIBE", wire.CHANGED))
        await connection.send(pack("SUBSCRIBE", leases.CHANNEL))
        self.memory.start_listening()

    def _deaf(self) -> None:
        self.memory.stop_listening()

    def _hear(self, push: Any) -> None:
        if push[1] == b"g:leases":
            message: str = push[2].decode()
            what, _, rest = message.partition(" ")
            if what == recalls.WORD:
                self.recalls.hear(rest.partition(" ")[0])
            else:
                self.leases.hear(message)
            return
        self.memory.forget(push[2].decode().split(" "))

    def _changed(self, names: list[str] | None) -> None:
        if names is None:
            self.memory.clear()
        else:
            self.memory.forget(names)

    def _tell(self, command: bytes) -> None:
        """Send without waiting for the answer. Raises RedisAway."""
        self.link.send(command).add_done_callback(_look_at)

    def _tell_others(self, message: str) -> None:
        with contextlib.suppress(RedisAway):
            self._tell(pack("PUBLISH", leases.CHANNEL, message))

    def _rehash(self, message: bytes) -> None:
        """Ask for a key's digest to be stored anew, once."""
        if message in self._rehashed:
            return
        if len(self._rehashed) >= MAX_REHASHES_WAITING:
            self._rehashed.clear()
        self._rehashed.add(message)
        with contextlib.suppress(RedisAway):
            self._tell(pack("RPUSH", secrets.REHASH_LIST, message))
            self._tell(pack("LTRIM", secrets.REHASH_LIST, -MAX_REHASHES_WAITING, -1))

    async def _keep_listening(self) -> None:
        """A silent connection may be a dead one. Its pong comes as a push after SUBSCRIBE."""
        while True:
            await asyncio.sleep(PING_SECONDS)
            with contextlib.suppress(RedisAway, hiredis.ReplyError):
                await self.feed.send(pack("PING"))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._notice_pause()
            self._awake_at = time.monotonic()
            self.meters.sweep()
            self.lending.tell(self.leases.granted, self.leases.given_back, self.recalls.asked)

    def _notice_pause(self) -> None:
        """Believe nothing remembered from before a pause: a question may be read before the news."""
        now = time.monotonic()
        if now - self._awake_at > PAUSE_SECONDS:
            logger.warning("stood still for %.1f s", now - self._awake_at)
            self._awake_at = now
            self.pauses += 1
            self.memory.clear()

    def is_ready(self) -> bool:
        return self.link.is_up and self.memory.is_listening

    def metrics_text(self) -> str:
        return self.metrics.text(
            {
                "apim_authorizer_redis_up": int(self.is_ready()),
                "apim_authorizer_memory_entries": len(self.memory),
                "apim_authorizer_resolutions": len(self.memory.resolutions),
                "apim_authorizer_meters": len(self.meters),
                "apim_authorizer_pool_tokens": self.meters.pooled,
                "apim_authorizer_leases": len(self.leases),
            },
            {
                "apim_lease_tokens_granted_total": self.leases.granted,
                "apim_lease_tokens_given_back_total": self.leases.given_back,
                "apim_lease_recalls_total": self.recalls.asked,
                "apim_authorizer_pauses_total": self.pauses,
            },
        )


def denial_of(resolution: Resolution, use: Use, address: str, origin: str) -> Denial | None:
    """Why the call does not pass, limits aside; None: it does."""
    if resolution.denial is not None:
        return resolution.denial
    if resolution.rules is not None:
        denial = resolution.rules.denial(address, origin)
        if denial is not None:
            return denial
    return use.denial


def _look_at(future: asyncio.Future[Any]) -> None:
    """Nobody else does."""
    if not future.cancelled():
        future.exception()


def _on_redis_loss() -> str:
    value = env_str("APIM_AUTHORIZER_ON_REDIS_LOSS", "") or "closed"
    if value not in {"open", "closed"}:
        raise EnvironmentProblem(
            f"APIM_AUTHORIZER_ON_REDIS_LOSS={value!r} is not known: write closed or open"
        )
    return value
