"""Ninety days of plausible usage, sent through the same intake as a gateway's log.

Deterministic: the same installation gets the same calls, with the same ids, so sending them
again counts nothing twice.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from analytics.intake import receive
from analytics.rollups import roll_up
from apim.catalog.models import ApiVersion
from apim.core import clock
from apim.keys.models import ApiKey, Subscription
from apim.runtime.demo import world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from apim.gateway.models import Gateway

DAYS = 90
BATCH = 5_000
# Share of a day's calls per hour, UTC: quiet nights, two humps.
HOURS = (1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 10, 9, 8, 9, 10, 10, 9, 8, 6, 5, 4, 3, 2, 1)
WEEKEND = 0.55
UPSTREAM_FAILS = 0.004
REFUSED = 0.012
TEST_SHARE = 0.04


@dataclass(frozen=True, slots=True)
class Caller:
    """One application as the gateway would log it."""

    live: ApiKey
    test: ApiKey
    subscription: Subscription
    versions: dict[str, str]
    old_version: str | None
    calls_per_day: int


def write_history(*, gateway: Gateway, days: int = DAYS) -> int:
    """Send and roll up the calls of the last `days` days; returns how many are new."""
    accepted = 0
    for batch in _batches(_lines(days)):
        body = "\n".join(json.dumps(line) for line in batch).encode()
        accepted += receive(gateway=gateway, body=body, max_age=timedelta(days=days + 5)).accepted
        while roll_up():
            pass
    receive(gateway=gateway, body="\n".join(world.UNREADABLE).encode())
    return accepted


def write_late_calls(*, gateway: Gateway, day: date) -> int:
    """Send calls that a gateway kept back for days; returns how many are new."""
    [caller] = [c for c in _callers() if c.subscription.application.name == world.LATE_CALLER]
    rng = random.Random(f"late {day}")  # noqa: S311
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    lines = [
        call_of(
            rng, caller, midnight + timedelta(seconds=rng.uniform(0, 80_000)), f"late-{day}-{n}"
        )
        for n in range(world.LATE_CALLS)
    ]
    body = "\n".join(json.dumps(line) for line in lines).encode()
    accepted = receive(gateway=gateway, body=body, max_age=timedelta(days=DAYS + 5)).accepted
    while roll_up():
        pass
    return accepted


def _batches(lines: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _callers() -> list[Caller]:
    named = {(v.api.slug, v.name): v.public_id for v in ApiVersion.objects.select_related("api")}
    versions = {slug: named[slug, world.VERSION] for slug in world.APIS}
    wanted = {a.name: a for o in world.ORGANIZATIONS for a in o.applications}
    found: list[Caller] = []
    subscriptions = Subscription.objects.active().select_related("application", "product")
    for subscription in subscriptions.filter(application__name__in=wanted).order_by("pk"):
        app = wanted[subscription.application.name]
        apis = next(p.apis for p in world.PRODUCTS if p.name == app.product)
        # The first key of each environment: those issued later have not called yet.
        keys = {
            key.environment: key
            for key in reversed(subscription.application.api_keys.order_by("pk"))
        }
        found.append(
            Caller(
                live=keys["live"],
                test=keys["test"],
                subscription=subscription,
                versions={slug: versions[slug] for slug in apis},
                old_version=named[world.OLD_VERSION_OF, world.OLD_VERSION]
                if app.name == world.OLD_VERSION_CALLER
                else None,
                calls_per_day=app.calls_per_day,
            )
        )
    return found


def _lines(days: int) -> Iterator[dict[str, Any]]:
    today = clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    callers = _callers()
    for age in range(days, -1, -1):
        day = today - timedelta(days=age)
        for caller in callers:
            # Seeded by day and caller: a second run draws the same calls.
            rng = random.Random(f"{day:%Y%m%d}{caller.live.public_id}")  # noqa: S311
            yield from _day(rng, caller, day, growth=1 - age / days * 0.66)


def _day(
    rng: random.Random, caller: Caller, day: datetime, *, growth: float
) -> Iterator[dict[str, Any]]:
    weekday = WEEKEND if day.weekday() >= 5 else 1.0
    count = round(caller.calls_per_day * growth * weekday * rng.uniform(0.8, 1.2))
    now = clock.now()
    for number in range(count):
        hour = rng.choices(range(24), HOURS)[0]
        at = day + timedelta(hours=hour, seconds=rng.uniform(0, 3600))
        line = call_of(rng, caller, at, f"demo-{caller.live.public_id}-{day:%Y%m%d}-{number}")
        if at < now:
            yield line


def call_of(rng: random.Random, caller: Caller, at: datetime, event_id: str) -> dict[str, Any]:
    """A call as the gateway logs it: of any operation, now and then failing or refused."""
    choices = [call for call in world.CALLS if call[0] in caller.versions]
    slug, path, _share = rng.choices(choices, [call[2] for call in choices])[0]
    version, name = caller.versions[slug], world.VERSION
    if caller.old_version is not None and rng.random() < world.OLD_VERSION_SHARE:
        version, name = caller.old_version, world.OLD_VERSION
    key = caller.test if rng.random() < TEST_SHARE else caller.live
    bad_input = "nowhere" in path or "north" in path
    draw = rng.random()
    status, decision = (400 if bad_input else 200), "allowed"
    if draw < UPSTREAM_FAILS:
        status = 503
    elif draw < REFUSED:
        status, decision = 429, "denied:limit_exceeded"
    upstream = None if decision != "allowed" else rng.lognormvariate(1.6, 0.6)
    return {
        "id": event_id,
        "ts": at.isoformat(timespec="milliseconds"),
        "type": "DownstreamEnd",
        "method": "GET",
        "path": f"/{slug}/{name}{path}",
        "host": "gateway",
        "status": status,
        "duration_ms": round((upstream or 0.0) + rng.uniform(0.5, 2.0)),
        "upstream_ms": None if upstream is None else round(upstream),
        "request_bytes": rng.randint(180, 420),
        "response_bytes": rng.randint(240, 900),
        "flags": None,
        "key": key.public_id,
        "application": caller.subscription.application.public_id,
        "subscription": caller.subscription.public_id,
        "version": version,
        "environment": key.environment,
        "ip": "127.0.0.1",
        "user_agent": "demo/1.0",
        "decision": decision,
    }
