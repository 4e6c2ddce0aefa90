"""The rules: key, application, subscription, operation. Limits are counted afterwards."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from apim.catalog.operation_match import OperationMatcher
from apim.gateway import grant_format as wire
from apim.gateway.authorizer import denials
from apim.gateway.authorizer.requests import is_plain, listen_path_candidates
from apim.gateway.authorizer.rules import rules_of
from apim.gateway.counting import Owners, counted
from apim.keys import secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.gateway.authorizer.denials import Denial
    from apim.gateway.authorizer.limits import Meter, Meters
    from apim.gateway.authorizer.memory import LastKnown, Memory
    from apim.gateway.authorizer.requests import Call
    from apim.gateway.authorizer.rules import KeyRules
    from apim.gateway.counting import Counted
    from apim.keys.secrets import Pepper

MAX_RESOLUTIONS = 50_000
# Operations of one version that a resolution remembers.
MAX_USES = 1000
# An answer may take a little longer than the upstream.
SLOT_MARGIN_SECONDS = 5


class Grant(NamedTuple):
    """Everything known about who calls what, as far as it is known."""

    key: wire.KeyGrant | None = None
    application: wire.ApplicationGrant | None = None
    route: wire.RouteGrant | None = None
    subscription: wire.SubscriptionGrant | None = None
    plan: wire.PlanGrant | None = None


class Use(NamedTuple):
    """What a call of one operation costs and is held against. `denial`: the key may not call it."""

    cost: int
    meter: Meter | None
    denial: Denial | None = None


FREE = Use(1, None)
Operations = OperationMatcher[wire.OperationGrant]
NO_OPERATION = wire.OperationGrant("", "")


class Resolution:
    """Grant or denial, limits not yet counted.

    `until` is on the monotonic clock; `tags` are the names in Redis that it was made from.
    """

    __slots__ = (
        "_limits", "_listen_path", "_meters", "_operations", "_uses",
        "denial", "grant", "headers", "rules", "tags", "until",
    )  # fmt: skip

    def __init__(self, reading: _Reading, grant: Grant, denial: Denial | None = None) -> None:
        self.until = reading.until
        self.tags = tuple(reading.tags)
        self.grant = grant
        self.denial = denial
        # Headers that are the same for every call of this kind.
        self.headers: list[tuple[bytes, bytes]] = []
        self.rules: KeyRules | None = None
        self._operations: Operations | None = None
        self._uses: dict[wire.OperationGrant | None, Use] = {None: FREE}
        self._limits: tuple[Counted, ...] = ()
        self._listen_path = ""
        self._meters: Meters | None = None

    def allow(
        self,
        limits: tuple[Counted, ...],
        meters: Meters,
        operations: Operations | None,
        listen_path: str,
    ) -> Resolution:
        """Say what the calls are held against; `operations` only if they differ in that."""
        assert self.grant.key is not None  # it led here
        self.headers = allowed_headers(self.grant)
        self.rules = rules_of(self.grant.key)
        self._limits, self._meters = limits, meters
        self._operations, self._listen_path = operations, listen_path
        if operations is None:
            self._uses[None] = self._use(NO_OPERATION)
        return self

    @property
    def is_by_operation(self) -> bool:
        return self._operations is not None

    def use(self, method: str, path: bytes) -> Use:
        """What this call costs and is held against. `path` is the one at the gateway."""
        if self._operations is None:
            return self._uses[None]
        below = path.decode("latin-1").removeprefix(self._listen_path) or "/"
        operation = self._operations.match(method, below) or NO_OPERATION
        use = self._uses.get(operation)
        if use is None:
            if len(self._uses) >= MAX_USES:
                self._uses.clear()
            use = self._uses[operation] = self._use(operation)
        return use

    def _use(self, operation: wire.OperationGrant) -> Use:
        key, route = self.grant.key, self.grant.route
        assert key is not None
        assert route is not None
        assert self._meters is not None
        if key.scopes and not any(group in key.scopes for group in operation.groups):
            return Use(operation.cost, None, denials.scope_missing(operation.groups))
        limits = tuple(
            one
            for one in self._limits
            if not one.limit.group or one.limit.group in operation.groups
        )
        if not limits:
            return Use(operation.cost, None)
        slot_seconds = route.timeout_seconds + SLOT_MARGIN_SECONDS
        return Use(operation.cost, self._meters.of(limits, slot_seconds * 1000))


class _Reading:
    """Reads grants, and notes which and for how long what they say may be used."""

    def __init__(self, memory: Memory | LastKnown) -> None:
        self._memory = memory
        self.until = float("inf")
        self.tags: list[str] = []

    async def get(self, name: str, kind: Any) -> Any:
        until, value = await self._memory.get(name, kind)
        self.until = min(self.until, until)
        self.tags.append(name)
        return value


Routes = dict[str, wire.RouteGrant]


class Decider:
    """Resolves a key and a path to a grant out of memory."""

    def __init__(
        self,
        memory: Memory | LastKnown,
        meters: Meters,
        peppers: tuple[Pepper, ...],
        portal_url: str,
        on_rehash: Callable[[bytes], None] = lambda _message: None,
    ) -> None:
        self._memory = memory
        self._meters = meters
        self._peppers = peppers
        self._on_rehash = on_rehash
        self.portal_url = portal_url.rstrip("/")

    async def pick(self, call: Call) -> str | None:
        """Return the first candidate that can be a key: of our format, or of an imported one's.

        Raises RedisAway, GrantsIncomplete.
        """
        for candidate in call.candidates:
            if secrets.parse(candidate) is not None:
                return candidate
        # A bearer token may as well be the upstream's.
        others = call.candidates[1:] if call.has_bearer else call.candidates
        ordered = (*others, *call.candidates[:1]) if call.has_bearer else others
        foreign = [candidate for candidate in ordered if secrets.may_be_imported(candidate)]
        if not foreign or not await self.has_imported():
            return None
        for candidate in foreign if len(foreign) > 1 else ():
            if await self._find_key(_Reading(self._memory), candidate) is not None:
                return candidate
        return foreign[0]

    def remembered(self, call: Call) -> tuple[str, Resolution] | None:
        """Answer out of memory alone: the first candidate and its resolution, if still right."""
        if not call.candidates or not is_plain(call.path):
            return None
        key = call.candidates[0]
        found: Resolution | None = self._memory.resolutions.get((key, prefix_of(call.path)))
        if found is None or found.until <= time.monotonic():
            return None
        return key, found

    async def resolve(self, key: str, path: bytes | None) -> Resolution:
        """`path` None asks about the key alone. Raises RedisAway, GrantsIncomplete."""
        name = (key, None if path is None else prefix_of(path))
        cached: Resolution | None = self._memory.resolutions.get(name)
        is_usable = cached is not None and cached.until > time.monotonic()
        if cached is not None and is_usable and (path is None or is_plain(path)):
            return cached
        generation = self._memory.generation
        resolution = await self._resolve(key, path)
        # A change that was announced meanwhile may not be in it.
        is_current = generation == self._memory.generation
        if is_current and resolution.until > time.monotonic() and resolution.denial is None:
            if len(self._memory.resolutions) >= MAX_RESOLUTIONS:
                self._memory.resolutions.clear()
            self._memory.resolutions[name] = resolution
        return resolution

    async def find_route(self, path: bytes) -> wire.RouteGrant | None:
        """Raises RedisAway, GrantsIncomplete."""
        return (await self._find_route(_Reading(self._memory), path))[1]

    async def _find_route(
        self, reading: _Reading, path: bytes
    ) -> tuple[str, wire.RouteGrant | None]:
        routes: Routes | None = await reading.get(wire.ROUTES, Routes)
        if routes and is_plain(path):
            deepest = 2  # `/<api slug>/<version name>`
            for candidate in listen_path_candidates(path.decode("latin-1"), deepest):
                if (route := routes.get(candidate)) is not None:
                    return "" if route.is_service else candidate, route
        return "", None

    async def has_imported(self) -> bool:
        """Tell whether there is any key that another system made.

        Raises RedisAway, GrantsIncomplete.
        """
        return (await self._memory.get(secrets.IMPORTED, int))[1] is not None

    async def _resolve(self, key: str, path: bytes | None) -> Resolution:
        reading = _Reading(self._memory)
        route: wire.RouteGrant | None = None
        listen_path = ""
        if path is not None:
            listen_path, route = await self._find_route(reading, path)
            if route is None:
                return Resolution(reading, Grant(), denials.UNKNOWN_PATH)
        grant = await self._find_key(reading, key)
        if grant is None:
            return Resolution(reading, Grant(route=route), denials.KEY_UNKNOWN)
        return await self._of_key(reading, Grant(key=grant, route=route), listen_path)

    async def _find_key(self, reading: _Reading, key: str) -> wire.KeyGrant | None:
        is_ours = secrets.parse(key) is not None
        digests = list(secrets.digests(key, self._peppers))
        if not is_ours or await self.has_imported():
            digests.append(secrets.plain_digest(key))
        for index, digest in enumerate(digests):
            grant: wire.KeyGrant | None = await reading.get(wire.key_name(digest), wire.KeyGrant)
            if grant is not None:
                if index:
                    self._on_rehash(secrets.rehash_message(grant.pk, key, self._peppers[0]))
                return grant
        return None

    async def _of_key(self, reading: _Reading, grant: Grant, listen_path: str) -> Resolution:
        key, route = grant.key, grant.route
        assert key is not None
        if key.exp is not None:
            left = key.exp - time.time()
            if left <= 0:
                return Resolution(reading, grant, denials.KEY_EXPIRED)
            reading.until = min(reading.until, time.monotonic() + left)
        application: wire.ApplicationGrant | None = await reading.get(
            wire.application_name(key.app), wire.ApplicationGrant
        )
        grant = grant._replace(application=application)
        if application is None or not application.active:
            return Resolution(reading, grant, denials.APPLICATION_INACTIVE)
        if route is None:
            resolution = Resolution(reading, grant)
            resolution.rules = rules_of(key)
            return resolution
        if route.state == "retired":
            return Resolution(reading, grant, denials.VERSION_RETIRED)
        found, denial = await self._subscribed(reading, grant, application, route)
        if denial is not None:
            return Resolution(reading, found, denial)
        return await self._allowed(reading, found, route, listen_path)

    async def _subscribed(
        self,
        reading: _Reading,
        grant: Grant,
        application: wire.ApplicationGrant,
        route: wire.RouteGrant,
    ) -> tuple[Grant, Denial | None]:
        """Find the subscription whose plan's product contains the version; an active one first."""
        best: Grant | None = None
        for subscription in application.subs:
            plan: wire.PlanGrant | None = await reading.get(
                wire.plan_name(subscription.plan), wire.PlanGrant
            )
            if plan is None or route.version not in plan.versions:
                continue
            found = grant._replace(subscription=subscription, plan=plan)
            if subscription.state == "active":
                return found, None
            best = best or found
        if best is not None and best.subscription is not None and best.plan is not None:
            state, product = best.subscription.state, best.plan.product_name
            return best, denials.subscription_closed(state, product, self.portal_url)
        return grant, denials.subscription_missing(route.product, route.api_slug, self.portal_url)

    async def _allowed(
        self, reading: _Reading, grant: Grant, route: wire.RouteGrant, listen_path: str
    ) -> Resolution:
        key, application, plan = grant.key, grant.application, grant.plan
        assert key is not None
        assert application is not None
        assert plan is not None
        limits = (*plan.limits, *key.limits)
        operations: Operations | None = None
        if route.by_operation or key.scopes or any(limit.group for limit in limits):
            operations = await self._operations(reading, route.version)
        owners = Owners(application.org, key.app, key.id, plan.product, application.tz)
        bound = counted(limits, owners)
        return Resolution(reading, grant).allow(bound, self._meters, operations, listen_path)

    async def _operations(self, reading: _Reading, version: str) -> Operations:
        """Of a version without any described operation nothing is known: all are alike."""
        grants: wire.OperationGrants | None = await reading.get(
            wire.operations_name(version), wire.OperationGrants
        )
        if grants is None:
            return Operations(())
        return _matcher(grants)


# The last version's matcher of each: building one walks all operations.
_MATCHERS: dict[int, tuple[wire.OperationGrants, Operations]] = {}
MAX_MATCHERS = 1000


def _matcher(grants: wire.OperationGrants) -> Operations:
    """One matcher per value that is in memory; the pair keeps the value's id from being reused."""
    known = _MATCHERS.get(id(grants))
    if known is not None and known[0] is grants:
        return known[1]
    if len(_MATCHERS) >= MAX_MATCHERS:
        _MATCHERS.clear()
    matcher = Operations((one.method, one.path, one) for one in grants.items)
    _MATCHERS[id(grants)] = (grants, matcher)
    return matcher


def prefix_of(path: bytes) -> bytes:
    """The part of a path that decides the route: listen paths have two segments."""
    return b"/".join(path.split(b"/", 3)[:3])


def fact_headers(grant: Grant) -> list[tuple[bytes, bytes]]:
    """Whose call of what it is, as far as it is known: for the access log, refusals included."""
    facts = (
        (b"x-apim-key", grant.key and grant.key.id),
        (b"x-apim-application", grant.key and grant.key.app),
        (b"x-apim-environment", grant.key and grant.key.env),
        (b"x-apim-subscription", grant.subscription and grant.subscription.id),
        (b"x-apim-version", grant.route and grant.route.version),
    )
    return [(name, value.encode()) for name, value in facts if value]


def allowed_headers(grant: Grant) -> list[tuple[bytes, bytes]]:
    """Facts and, for the upstream only, the organization and the plan."""
    headers = [*fact_headers(grant), (b"x-apim-decision", b"allowed")]
    if grant.application is not None:
        headers.append((b"x-apim-organization", grant.application.org.encode()))
    if grant.subscription is not None:
        headers.append((b"x-apim-plan", grant.subscription.plan.encode()))
    if grant.route is not None and grant.route.state == "deprecated":
        headers += deprecation_headers(grant.route)
    return headers


def deprecation_headers(route: wire.RouteGrant) -> list[tuple[bytes, bytes]]:
    """RFC 9745 (a Structured Field Date) and RFC 8594 (an HTTP date)."""
    headers: list[tuple[bytes, bytes]] = []
    if route.deprecated_at is not None:
        headers.append((b"deprecation", b"@%d" % route.deprecated_at))
    if route.sunset is not None:
        midnight = datetime.fromisoformat(route.sunset).replace(tzinfo=UTC)
        headers.append((b"sunset", format_datetime(midnight, usegmt=True).encode()))
    return headers
