"""POST /gateway/v1/verify: the same decision as JSON, for services that ask themselves.

Documented for callers in docs/verify-api.md.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from apim.gateway.authorizer import answers, decisions, denials
from apim.gateway.authorizer.limits import POOL_MILLISECONDS, UNLIMITED, Outcome
from apim.gateway.authorizer.requests import Call
from apim.gateway.authorizer.service import denial_of

if TYPE_CHECKING:
    from apim.gateway.authorizer.decisions import Resolution, Use
    from apim.gateway.authorizer.denials import Denial
    from apim.gateway.authorizer.service import Authorizer


class Question(msgspec.Struct):
    """`path` is the call's path at the gateway; without one only the key is judged.

    `scopes` are operation groups that the key must be allowed to use, all of them. `ip` and
    `origin` are the caller's. `cost` takes the place of the operation's. `count` false asks without
    using up a call.
    """

    key: Annotated[str, msgspec.Meta(max_length=4096)]
    path: Annotated[str, msgspec.Meta(max_length=8192)] | None = None
    method: Annotated[str, msgspec.Meta(max_length=32)] = "GET"
    scopes: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    ip: str = ""
    origin: str = ""
    cost: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    count: bool = True


async def verdict(authorizer: Authorizer, question: Question) -> dict[str, Any]:
    """Raises RedisAway, GrantsIncomplete, hiredis.ReplyError."""
    path = None if question.path is None else question.path.partition("?")[0].encode()
    call = Call(
        question.method, path or b"", [question.key], False, b"", None, question.ip, question.origin
    )
    key = await authorizer.decider.pick(call)
    if key is None:
        return _document(denials.KEY_MALFORMED, None, decisions.FREE, UNLIMITED)
    resolution = await authorizer.decider.resolve(key, path)
    use = decisions.FREE if path is None else resolution.use(question.method, path)
    if question.cost is not None:
        use = use._replace(cost=question.cost)
    denial = denial_of(resolution, use, question.ip, question.origin)
    denial = denial or _missing_scope(resolution, (*question.scopes, *question.permissions))
    if denial is not None:
        return _document(denial, resolution, use, UNLIMITED)
    outcome, lease = await _count(authorizer, use, is_counted=question.count)
    if not outcome.is_allowed:
        denial = answers.quota_denial(resolution, outcome)
    return _document(denial, resolution, use, outcome) | lease


def _missing_scope(resolution: Resolution, wanted: tuple[str, ...]) -> Denial | None:
    key = resolution.grant.key
    if key is None or not key.scopes:
        return None
    missing = tuple(scope for scope in wanted if scope not in key.scopes)
    return denials.scope_missing(missing) if missing else None


async def _count(
    authorizer: Authorizer, use: Use, *, is_counted: bool
) -> tuple[Outcome, dict[str, str]]:
    """Also return the lease to release when the call ends, if one of its limits is concurrent."""
    meter = use.meter
    if meter is None:
        return UNLIMITED, {}
    if not is_counted:
        taken = await meter.take(
            authorizer.counters, cost=use.cost, want=0, life_milliseconds=POOL_MILLISECONDS
        )
        outcome = Outcome(True, use.cost, 0, taken.standings)
        refused = outcome._replace(is_allowed=False)
        return (refused if refused.violated else outcome), {}
    if meter.is_concurrent:
        lease, outcome = await authorizer.take_slot(meter, use.cost)
        return outcome, {"lease": lease} if outcome.is_allowed else {}
    outcome = meter.at_once(use.cost) or await meter.count(authorizer.meters, use.cost)
    return outcome, {}


def _document(
    denial: Denial | None, resolution: Resolution | None, use: Use, outcome: Outcome
) -> dict[str, Any]:
    grant = resolution.grant if resolution is not None else decisions.Grant()
    return {
        "valid": denial is None,
        "code": denial.code if denial else "valid",
        "status": denial.status if denial else 200,
        "detail": denial.detail if denial else "",
        "key": grant.key.id if grant.key else None,
        "environment": grant.key.env if grant.key else None,
        "scopes": list(grant.key.scopes) if grant.key else [],
        "expires_at": grant.key.exp if grant.key else None,
        "application": grant.key.app if grant.key else None,
        "organization": grant.application.org if grant.application else None,
        "subscription": grant.subscription.id if grant.subscription else None,
        "plan": grant.subscription.plan if grant.subscription else None,
        "version": grant.route.version if grant.route else None,
        "cost": use.cost,
        "overage": outcome.overage,
        "limits": _limits(outcome),
        "retry_after_seconds": outcome.retry_after_seconds,
    }


def _limits(outcome: Outcome) -> list[dict[str, Any]]:
    now, wall = time.monotonic(), time.time()
    told = []
    for one in outcome.standings:
        limit = one.counted.limit
        left_seconds = max(one.reset_at - now, 0)
        is_concurrent = limit.kind == "concurrent"
        told.append(
            {
                "name": limit.name,
                "kind": limit.kind,
                "per": limit.per,
                "quota": limit.quota,
                "remaining": outcome.remaining(one),
                "soft": limit.soft,
                "reset_seconds": None if is_concurrent else ceil(left_seconds),
                "resets_at": None if is_concurrent else _instant(wall + left_seconds),
            }
        )
    return told


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
