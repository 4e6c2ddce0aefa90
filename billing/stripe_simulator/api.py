"""One API request: key, version, limits, idempotency, parameters, handler, answer."""

import asyncio
import base64
import hashlib
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from billing.stripe_simulator import registry
from billing.stripe_simulator.errors import StripeProblem, not_simulated, wrong
from billing.stripe_simulator.forms import decode
from billing.stripe_simulator.http import Answer, Request, json_answer
from billing.stripe_simulator.rendering import rendered
from billing.stripe_simulator.routing import Call, Route, find_route
from billing.stripe_simulator.shapes import api_version, checked
from billing.stripe_simulator.values import check_values
from billing.stripe_simulator.world import World

assert registry  # importing it registers the routes

KEY_SECONDS = 86_400  # how long an idempotency key is remembered; Stripe says at least 24 hours
KEY_LENGTH = 255
STREAM_PATH = "/v2/billing/meter_event_stream"
METER_EVENTS = ("/v1/billing/meter_events", "/v2/billing/meter_events")


@dataclass
class Api:
    """Answers /v1 and /v2 over one world."""

    world: World
    in_flight: set[str] = field(default_factory=set)
    recent: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    async def answer(self, request: Request) -> Answer:
        request_id = (
            f"req_{hashlib.blake2b(str(time.time_ns()).encode(), digest_size=7).hexdigest()}"
        )
        headers = {"Request-Id": request_id, "Stripe-Version": api_version()}
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        try:
            self._authorize(request)
            route, ids = find_route(request.method, request.path)
            self.world.calls[route.endpoint] += 1
            self._limit_all(route.endpoint)
            if seconds := self.world.settings["answer_seconds"]:
                await asyncio.sleep(seconds)
            fault = self._fault(request)
            if fault and not fault.get("after"):
                raise _broken(fault)
            answer = await self._once(request, route, ids, key, request_id)
            if fault:
                raise _broken(fault)
        except StripeProblem as problem:
            self.world.store.rollback()
            body = problem.body()
            body["error"]["request_log_url"] = f"{self.world.base_url}/requests/{request_id}"
            answer = json_answer(body, status=problem.status)
            if problem.reason:
                self.world.calls[problem.reason] += 1
                answer.headers["Stripe-Rate-Limited-Reason"] = problem.reason
        if key:
            headers["Idempotency-Key"] = key
        answer.headers = {**headers, **answer.headers}
        return answer

    def _authorize(self, request: Request) -> None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            value = (
                base64.b64decode(value.encode() + b"==").decode(errors="replace").rpartition(":")[0]
            )
        session = request.path == STREAM_PATH and self._has_session(value)
        if value != self.world.secret_key and not session:
            shown = f"{value[:8]}***{value[-4:]}" if len(value) > 12 else "***"
            raise StripeProblem(
                f"Invalid API Key provided: {shown}", status=401, code="api_key_invalid"
            )
        version = request.headers.get("stripe-version", api_version())
        if version != api_version():
            raise not_simulated(f"API version {version} (only {api_version()})")

    def _has_session(self, token: str) -> bool:
        now = self.world.now()
        return any(
            session["authentication_token"] == token and session["_"]["expires_at"] > now
            for session in self.world.store.find("v2.billing.meter_event_session")
        )

    def _limit_all(self, endpoint: str) -> None:
        settings = self.world.settings
        apart = settings["meter_events_per_second"]
        if endpoint == f"POST {METER_EVENTS[0]}" and apart is not None:
            self._limit(endpoint, apart)
            return
        self._limit("global", settings["calls_per_second"])
        self._limit(endpoint, settings["calls_per_second_each"])

    def _limit(self, what: str, allowed: int | None) -> None:
        """Refuse more than `allowed` calls in any second. A refused one does not count."""
        if allowed is None:
            return
        recent, now = self.recent[what], time.monotonic()
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= allowed:
            raise StripeProblem(
                "Request rate limit exceeded. Learn more: https://docs.stripe.com/rate-limits",
                status=429,
                code="rate_limit",
                reason="global-rate" if what == "global" else "endpoint-rate",
            )
        recent.append(now)

    def _fault(self, request: Request) -> dict[str, Any] | None:
        """Return the failure that was ordered for such a request, using it up."""
        faults = self.world.settings["fail_requests"]
        for fault in faults:
            if fnmatchcase(f"{request.method} {request.path}", f"{fault['match']}*"):
                fault["times"] -= 1
                if fault["times"] <= 0:
                    faults.remove(fault)
                self.world.store.commit()
                return dict(fault)
        return None

    async def _once(
        self, request: Request, route: Route, ids: tuple[str, ...], key: str | None, request_id: str
    ) -> Answer:
        """Run the request, or answer as its idempotency key was answered before."""
        if key is None:
            return await self._run(request, route, ids, request_id, None)
        if len(key) > KEY_LENGTH:
            raise wrong(f"Idempotency keys have at most {KEY_LENGTH} characters.")
        fingerprint = hashlib.blake2b(
            f"{request.method} {request.path}\n".encode() + request.body
        ).hexdigest()
        known = self.world.store.get("_idempotency", f"_key:{key}")
        if known and known["at"] > self.world.now() - KEY_SECONDS:
            if known["fingerprint"] != fingerprint:
                raise StripeProblem(
                    "Keys for idempotent requests can only be used with the same parameters they "
                    f"were first used with. Try using a key other than '{key}' if you meant to "
                    "execute a different request.",
                    kind="idempotency_error",
                )
            replayed = {"Idempotent-Replayed": "true", "Original-Request": known["request"]}
            return Answer(status=known["status"], body=known["body"].encode(), headers=replayed)
        if key in self.in_flight:
            raise StripeProblem(
                f"There is currently another in-progress request using the key {key}.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        self.in_flight.add(key)
        try:
            remember = {"id": f"_key:{key}", "object": "_idempotency", "fingerprint": fingerprint}
            return await self._run(request, route, ids, request_id, remember)
        finally:
            self.in_flight.discard(key)

    async def _run(
        self,
        request: Request,
        route: Route,
        ids: tuple[str, ...],
        request_id: str,
        remember: dict[str, Any] | None,
    ) -> Answer:
        """Handle the request as one unit of work. A failure that was begun is remembered too."""
        given = _parameters(request, is_v2=route.is_v2)
        expand = given.pop("expand", [])
        params = checked(route.endpoint, given)
        check_values(params)
        key = request.headers.get("idempotency-key")
        lock = self._meter_lock(request.path, params)
        if lock:
            await self._hold(lock)
        try:
            self.world.request = {"id": request_id, "idempotency_key": key}
            call = Call(params=params, ids=ids, path=request.path, expand=expand)
            status, body = self._handled(route, call)
        finally:
            self.world.request = {"id": None, "idempotency_key": None}
            if lock:
                self.in_flight.discard(lock)
        if remember is not None:
            remember |= {"at": self.world.now(), "status": status, "body": body.decode()}
            self.world.store.put({**remember, "request": request_id})
        self.world.store.commit()
        return Answer(status=status, body=body)

    def _handled(self, route: Route, call: Call) -> tuple[int, bytes]:
        world = self.world
        try:
            found = route.handler(world, call)
            is_list = found.get("object") == "list" or (route.is_v2 and "data" in found)
            is_done = is_list or call.path.endswith("/create_preview")
            shown = found if is_done else rendered(world, found, call.expand)
        except StripeProblem as problem:
            if not problem.keeps_changes:
                world.store.rollback()
            return problem.status, msgspec.json.encode(problem.body())
        return 200, msgspec.json.encode(shown)

    def _meter_lock(self, path: str, params: dict[str, Any]) -> str | None:
        """Return what one call at a time may hold: a customer and a meter."""
        if path not in METER_EVENTS:
            return None
        customer = params["payload"].get("stripe_customer_id", "")
        return f"meter:{params['event_name']}:{customer}"

    async def _hold(self, lock: str) -> None:
        if lock in self.in_flight:
            raise StripeProblem(
                "This object cannot be accessed right now because another API request is currently "
                "accessing it: one call at a time per customer and meter.",
                status=429,
                code="lock_timeout",
                reason="resource-specific",
            )
        self.in_flight.add(lock)
        await asyncio.sleep(self.world.settings["meter_event_seconds"])


def _broken(fault: dict[str, Any]) -> StripeProblem:
    return StripeProblem(
        "An error occurred on our end, as it was ordered.",
        status=fault.get("status", 500),
        kind="api_error",
    )


def _parameters(request: Request, *, is_v2: bool) -> dict[str, Any]:
    if request.method in ("GET", "DELETE"):
        return decode(request.query or request.body.decode())
    if not is_v2:
        return decode(request.body.decode(errors="replace"))
    try:
        given = msgspec.json.decode(request.body or b"{}")
    except msgspec.DecodeError:
        raise wrong("The body is no JSON.") from None
    if not isinstance(given, dict):
        raise wrong("The body is no JSON object.")
    return given
