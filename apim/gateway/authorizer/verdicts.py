"""POST /gateway/v1/verify: the same decision as JSON, for services that ask themselves."""

from __future__ import annotations

from typing import Any

import msgspec

from apim.gateway.authorizer import decisions
from apim.gateway.authorizer.decisions import Decider, Denial, Resolution
from apim.gateway.authorizer.limits import UNLIMITED, Outcome
from apim.keys import secrets

QUOTA = Denial(429, "quota_exceeded", "Quota exceeded", "A limit of the plan is used up.")


class Question(msgspec.Struct):
    """`path` is the call's path at the gateway; without one only the key is judged.

    `count` false asks without using up a call.
    """

    key: str
    path: str | None = None
    count: bool = True


async def verdict(decider: Decider, question: Question) -> dict[str, Any]:
    """Raises RedisAway, GrantsIncomplete."""
    if secrets.parse(question.key) is None:
        return _document(decisions.KEY_MALFORMED, None, UNLIMITED)
    path = None if question.path is None else question.path.partition("?")[0].encode()
    resolution = await decider.resolve(question.key, path)
    if resolution.denial is not None:
        return _document(resolution.denial, resolution, UNLIMITED)
    outcome = await decider.count(resolution) if question.count else UNLIMITED
    return _document(None if outcome.is_allowed else QUOTA, resolution, outcome)


def _document(
    denial: Denial | None, resolution: Resolution | None, outcome: Outcome
) -> dict[str, Any]:
    grant = resolution.grant if resolution is not None else decisions.Grant()
    return {
        "valid": denial is None,
        "code": denial.code if denial else "valid",
        "status": denial.status if denial else 200,
        "detail": denial.detail if denial else "",
        "key": grant.key.id if grant.key else None,
        "environment": grant.key.env if grant.key else None,
        "expires_at": grant.key.exp if grant.key else None,
        "application": grant.key.app if grant.key else None,
        "organization": grant.application.org if grant.application else None,
        "subscription": grant.subscription.id if grant.subscription else None,
        "plan": grant.subscription.plan if grant.subscription else None,
        "version": grant.route.version if grant.route else None,
        "limits": [
            {
                "name": one.limit.name,
                "quota": one.limit.quota,
                "remaining": one.remaining,
                "reset_seconds": one.reset_seconds,
            }
            for one in outcome.spent
        ],
        "retry_after_seconds": outcome.retry_after_seconds,
    }
