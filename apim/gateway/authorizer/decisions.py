"""The rules: key, application, subscription, limits."""

from __future__ import annotations

import hmac
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from apim.gateway import grant_format as wire
from apim.gateway.authorizer.limits import UNLIMITED, LimitCheck, Outcome
from apim.gateway.authorizer.requests import is_plain, listen_path_candidates
from apim.keys import secrets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from apim.gateway.authorizer.memory import Memory
    from apim.gateway.authorizer.requests import Call
    from apim.keys.secrets import Pepper

MAX_RESOLUTIONS = 50_000
# Brand, environment, random part and checksum are at most 56 characters.
MAX_KEY_LENGTH = 64


class Denial(NamedTuple):
    """Why not. `code` is stable; `detail` is for the developer who reads the answer."""

    status: int
    code: str
    title: str
    detail: str


class Grant(NamedTuple):
    """Everything known about who calls what, as far as it is known."""

    key: wire.KeyGrant | None = None
    application: wire.ApplicationGrant | None = None
    route: wire.RouteGrant | None = None
    subscription: wire.SubscriptionGrant | None = None
    plan: wire.PlanGrant | None = None


class Resolution(NamedTuple):
    """Grant or denial, limits not yet counted. `until` is on the monotonic clock."""

    until: float
    grant: Grant
    denial: Denial | None
    limits: LimitCheck | None
    # Headers that are the same for every call of this kind.
    headers: list[tuple[bytes, bytes]]


Routes = dict[str, wire.RouteGrant]

KEY_MISSING = Denial(
    401,
    "key_missing",
    "An API key is needed",
    "Send your key as `Authorization: Bearer <key>` or in the X-API-Key header.",
)
KEY_MALFORMED = Denial(
    401, "key_malformed", "This is not an API key", "The key is incomplete or mistyped."
)
KEY_UNKNOWN = Denial(
    401, "key_unknown", "This API key is not valid", "The key was revoked or never issued."
)
KEY_EXPIRED = Denial(
    401, "key_expired", "This API key has expired", "Create a new key in the developer portal."
)
UNKNOWN_PATH = Denial(404, "unknown_path", "Not found", "No API is served at this path.")
VERSION_RETIRED = Denial(
    410, "version_retired", "Gone", "This version of the API has been retired."
)
APPLICATION_INACTIVE = Denial(
    403,
    "application_inactive",
    "The application is suspended",
    "The key's application or its organization is suspended.",
)


class Decider:
    """Resolves a key and a path to a grant out of memory, and counts the call in Redis."""

    def __init__(
        self,
        memory: Memory,
        send: Callable[[bytes], Awaitable[Any]],
        peppers: tuple[Pepper, ...],
        portal_url: str,
    ) -> None:
        self._memory = memory
        self._send = send
        self._peppers = [pepper.secret.encode() for pepper in peppers]
        self._portal_url = portal_url.rstrip("/")

    async def resolve(self, key: str, path: bytes | None) -> Resolution:
        """`path` None asks about the key alone. Raises RedisAway, GrantsIncomplete."""
        name = self.name(key, path)
        cached: Resolution | None = self._memory.resolutions.get(name)
        is_usable = cached is not None and cached.until > time.monotonic()
        if cached is not None and is_usable and (path is None or is_plain(path)):
            return cached
        generation = self._memory.generation
        others = [_digest(pepper, key) for pepper in self._peppers[1:]]
        resolution = await self._resolve([name[0], *others], path)
        # A change that was announced meanwhile may not be in it.
        is_current = generation == self._memory.generation
        if is_current and resolution.until > time.monotonic() and resolution.denial is None:
            if len(self._memory.resolutions) >= MAX_RESOLUTIONS:
                self._memory.resolutions.clear()
            self._memory.resolutions[name] = resolution
        return resolution

    def pick(self, call: Call) -> str | None:
        """Return the first candidate that is a key: a remembered one, or one of our format."""
        for candidate in call.candidates:
            if len(candidate) > MAX_KEY_LENGTH:
                continue
            is_known = self.name(candidate, call.path) in self._memory.resolutions
            if is_known or secrets.parse(candidate) is not None:
                return candidate
        return None

    def name(self, key: str, path: bytes | None) -> tuple[str, bytes | None]:
        """Name the resolution that a key and a path share with others.

        Listen paths have two segments, so those and the key decide.
        """
        prefix = None if path is None else b"/".join(path.split(b"/", 3)[:3])
        return _digest(self._peppers[0], key), prefix

    async def find_route(self, path: bytes) -> tuple[float, wire.RouteGrant | None]:
        """Return (usable until, route or None). Raises RedisAway, GrantsIncomplete."""
        until, routes = await self._memory.get(wire.ROUTES, Routes)
        if not routes or not is_plain(path):
            return until, None
        deepest = 2  # `/<api slug>/<version name>`
        for candidate in listen_path_candidates(path.decode("latin-1"), deepest):
            if candidate in routes:
                return until, routes[candidate]
        return until, None

    async def count(self, resolution: Resolution) -> Outcome:
        """Count the call against every limit, or none. Raises RedisAway."""
        if resolution.limits is None:
            return UNLIMITED
        return await resolution.limits.count(self._send)

    async def _resolve(self, digests: list[str], path: bytes | None) -> Resolution:
        route: wire.RouteGrant | None = None
        until = float("inf")
        if path is not None:
            until, route = await self.find_route(path)
            if route is None:
                return _denied(until, Grant(), UNKNOWN_PATH)
        for digest in digests:
            key_until, key = await self._memory.get(wire.key_name(digest), wire.KeyGrant)
            until = min(until, key_until)
            if key is not None:
                return await self._of_key(until, key, route)
        return _denied(until, Grant(route=route), KEY_UNKNOWN)

    async def _of_key(
        self, until: float, key: wire.KeyGrant, route: wire.RouteGrant | None
    ) -> Resolution:
        now = time.time()
        if key.exp is not None:
            if key.exp <= now:
                return _denied(until, Grant(key=key, route=route), KEY_EXPIRED)
            until = min(until, time.monotonic() + key.exp - now)
        application_until, application = await self._memory.get(
            wire.application_name(key.app), wire.ApplicationGrant
        )
        until = min(until, application_until)
        grant = Grant(key=key, application=application, route=route)
        if application is None or not application.active:
            return _denied(until, grant, APPLICATION_INACTIVE)
        if route is None:
            return Resolution(until, grant, None, None, [])
        if route.state == "retired":
            return _denied(until, grant, VERSION_RETIRED)
        return await self._of_route(until, grant, route, application)

    async def _of_route(
        self,
        until: float,
        grant: Grant,
        route: wire.RouteGrant,
        application: wire.ApplicationGrant,
    ) -> Resolution:
        """Find the subscription whose plan's product contains the version; an active one first."""
        best: Grant | None = None
        for subscription in application.subs:
            plan_until, plan = await self._memory.get(
                wire.plan_name(subscription.plan), wire.PlanGrant
            )
            until = min(until, plan_until)
            if plan is None or route.version not in plan.versions:
                continue
            found = grant._replace(subscription=subscription, plan=plan)
            if subscription.state == "active":
                assert grant.key is not None  # it led to the application
                owner = grant.key.app
                limits = LimitCheck(owner, plan.product, plan.limits) if plan.limits else None
                return Resolution(until, found, None, limits, allowed_headers(found))
            best = best or found
        return _denied(until, best or grant, self._no_subscription(best, route))

    def _no_subscription(self, best: Grant | None, route: wire.RouteGrant) -> Denial:
        if best is not None and best.subscription is not None and best.plan is not None:
            state = best.subscription.state
            what = "is waiting for approval" if state == "pending" else "is suspended"
            return Denial(
                403,
                f"subscription_{state}",
                f"The subscription {what}",
                f"The application's subscription to {best.plan.product_name} {what}; "
                f"see {self._portal_url}/apps/.",
            )
        where = f"{self._portal_url}/apis/{route.api_slug}/"
        what = route.product or "a product with this API"
        return Denial(
            403,
            "subscription_missing",
            "A subscription is needed",
            f"The application has no subscription to {what}; choose a plan at {where}.",
        )


def _digest(pepper: bytes, key: str) -> str:
    return hmac.digest(pepper, key.encode(), "sha256").hex()


def _denied(until: float, grant: Grant, denial: Denial) -> Resolution:
    return Resolution(until, grant, denial, None, [])


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
