"""From a decision to an HTTP answer: headers for gateways, problem details for callers."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from apim.gateway.authorizer.decisions import fact_headers
from apim.gateway.authorizer.denials import Denial

if TYPE_CHECKING:
    from apim.gateway.authorizer.decisions import Resolution
    from apim.gateway.authorizer.limits import Meter, Outcome
    from apim.gateway.authorizer.requests import Call
    from apim.gateway.grant_format import LimitGrant

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
REDUCED_CAPACITY = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
PROBLEM = (b"content-type", b"application/problem+json")
EMPTY = (b"content-length", b"0")
RETRY_SECONDS = 1
# UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED, RESOURCE_EXHAUSTED, UNAVAILABLE; see
# https://grpc.io/docs/guides/status-codes/
_GRPC_STATUSES = {401: 16, 403: 7, 404: 12, 410: 12, 429: 8, 503: 14}
_GRPC_UNKNOWN = 2

Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes
    # For the metrics: `allowed`, or the denial's code.
    decision: str


def allowed(
    call: Call, key: str, resolution: Resolution, meter: Meter | None, outcome: Outcome
) -> Answer:
    headers: Headers = [
        EMPTY,
        (b"x-envoy-auth-headers-to-remove", call.headers_to_remove(key)),
        *resolution.headers,
    ]
    if meter is not None:
        headers += meter.headers(outcome)
        if outcome.overage:
            headers.append(overage_header(outcome))
    return Answer(200, headers, b"", "allowed")


def overage_header(outcome: Outcome) -> tuple[bytes, bytes]:
    """Names of the soft limits beyond whose quota the call was."""
    return (b"x-apim-overage", ", ".join(outcome.overage).encode())


def denied(call: Call, resolution: Resolution, denial: Denial) -> Answer:
    return refusal(call, denial, fact_headers(resolution.grant))


def refusal(call: Call | None, denial: Denial, facts: Headers) -> Answer:
    headers = [*facts]
    extra: dict[str, Any] = {}
    if denial.status == 401:
        headers.append((b"www-authenticate", _challenge(denial)))
    elif denial.status == 503:
        headers.append((b"retry-after", b"%d" % RETRY_SECONDS))
        extra["type"] = REDUCED_CAPACITY
    return _problem(call, denial, headers, extra)


def grpc_headers(answer: Answer) -> Headers:
    """What a gRPC client is told of a refusal; the gateway makes an answer of gRPC of it."""
    detail: str = msgspec.json.decode(answer.body).get("detail", "")
    status = _GRPC_STATUSES.get(answer.status, _GRPC_UNKNOWN)
    return [(b"grpc-status", b"%d" % status), (b"grpc-message", detail.encode())]


def with_refusal_life(answer: Answer, milliseconds: int) -> Answer:
    """For how long a gateway may repeat the refusal."""
    answer.headers.append((b"x-apim-deny-ttl", b"%d" % milliseconds))
    return answer


def over_limit(
    call: Call, resolution: Resolution, meter: Meter, outcome: Outcome, portal_url: str
) -> Answer:
    """429 with the moment from which the call would pass: never earlier than the limits' `t`."""
    violated = outcome.violated
    first = violated[0].counted.limit
    seconds = outcome.retry_after_seconds
    denial = quota_denial(resolution, outcome)
    headers = [
        *fact_headers(resolution.grant),
        (b"retry-after", b"%d" % seconds),
        *meter.headers(outcome),
    ]
    resets_at = datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=seconds)
    extra: dict[str, Any] = {
        "type": QUOTA_EXCEEDED,
        "violated-policies": [one.counted.limit.name for one in violated],
        "quota": first.quota,
        "counted-per": first.per,
        "resets-at": resets_at.isoformat(timespec="seconds"),
    }
    if resolution.grant.subscription is not None:
        change = f"{portal_url}/subscriptions/{resolution.grant.subscription.id}/change/"
        extra["upgrade"] = change
    return _problem(call, denial, headers, extra)


def quota_denial(resolution: Resolution, outcome: Outcome) -> Denial:
    """Say which limits refused the call, in words."""
    plan, key = resolution.grant.plan, resolution.grant.key
    limits = [one.counted.limit for one in outcome.violated]
    own = [limit for limit in limits if key is not None and limit in key.limits]
    whose = "This key" if own == limits else f"Plan {plan.name if plan else ''}"
    said = " and ".join(limit_in_words(limit) for limit in limits)
    detail = f"{whose} allows {said}. Try again in {outcome.retry_after_seconds} s."
    return Denial(429, "quota_exceeded", "Quota exceeded", detail)


def limit_in_words(limit: LimitGrant) -> str:
    """For example `600 calls in any 10 minutes per organization to operations in search`."""
    calls = f"{limit.quota} call{'' if limit.quota == 1 else 's'}"
    length = limit.window if limit.every == 1 else f"{limit.every} {limit.window}s"
    words = {
        "concurrent": f"{calls} at the same time",
        "sliding": f"{calls} in any {length}",
        "fixed": f"{calls} per {length}",
        "calendar": f"{calls} per {length}",
    }[limit.kind]
    whose = {"organization": " for the organization", "key": " for one key"}.get(limit.per, "")
    return f"{words}{whose}{f' to operations in {limit.group}' if limit.group else ''}"


def _problem(call: Call | None, denial: Denial, headers: Headers, extra: dict[str, Any]) -> Answer:
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": denial.title,
        "status": denial.status,
        "detail": denial.detail,
        "code": denial.code,
        **extra,
    }
    if call is not None and call.request_id:
        document["instance"] = f"urn:uuid:{call.request_id.decode('latin-1')}"
    body = msgspec.json.encode(document)
    headers += [
        PROBLEM,
        (b"content-length", b"%d" % len(body)),
        (b"x-apim-decision", b"denied:" + denial.code.encode()),
    ]
    status = denial.status
    if call is not None and call.deny_status is not None:
        headers.append((b"x-auth-status", b"%d" % denial.status))
        status = 401 if denial.status == 401 else call.deny_status
    return Answer(status, headers, body, denial.code)


def _challenge(denial: Denial) -> bytes:
    """RFC 6750 section 3: no error code when no credential was sent."""
    if denial.code == "key_missing":
        return b'Bearer realm="api"'
    return b'Bearer realm="api", error="invalid_token"'


def plain(status: int, text: str, content_type: bytes = b"text/plain; charset=utf-8") -> Answer:
    body = text.encode()
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    return Answer(status, headers, body, "")


def json(status: int, document: Any) -> Answer:
    body = msgspec.json.encode(document)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    return Answer(status, headers, body, "")
