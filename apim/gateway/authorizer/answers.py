"""From a decision to an HTTP answer: headers for gateways, problem details for callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from apim.gateway.authorizer.decisions import Denial, Resolution, fact_headers

if TYPE_CHECKING:
    from apim.gateway.authorizer.limits import Outcome
    from apim.gateway.authorizer.requests import Call

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
REDUCED_CAPACITY = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
PROBLEM = (b"content-type", b"application/problem+json")

Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes
    # For the metrics: `allowed`, or the denial's code.
    decision: str


CANNOT_CHECK = Denial(
    503,
    "check_unavailable",
    "The gateway cannot check keys",
    "The call could not be checked and was not passed on. Try again shortly.",
)
GATEWAY_UNKNOWN = Denial(
    401,
    "gateway_unknown",
    "The gateway is not known",
    "The gateway must send its authorizer token in X-Apim-Authorizer-Token.",
)
RETRY_SECONDS = 1


def allowed(call: Call, key: str, resolution: Resolution, outcome: Outcome) -> Answer:
    headers: Headers = [
        (b"content-length", b"0"),
        (b"x-envoy-auth-headers-to-remove", call.headers_to_remove(key)),
        *resolution.headers,
    ]
    if resolution.limits is not None and outcome.limits:
        headers += resolution.limits.headers(outcome)
    return Answer(200, headers, b"", "allowed")


def denied(call: Call, resolution: Resolution) -> Answer:
    assert resolution.denial is not None
    return refusal(call, resolution.denial, fact_headers(resolution.grant))


def refusal(call: Call, denial: Denial, facts: Headers) -> Answer:
    headers = [*facts]
    extra: dict[str, Any] = {}
    if denial.status == 401:
        headers.append((b"www-authenticate", _challenge(denial)))
    elif denial.status == 503:
        headers.append((b"retry-after", b"%d" % RETRY_SECONDS))
        extra["type"] = REDUCED_CAPACITY
    return _problem(call, denial, headers, extra)


def over_limit(call: Call, resolution: Resolution, outcome: Outcome) -> Answer:
    """429 with the moment from which the call would pass: never earlier than the limits' `t`."""
    assert resolution.limits is not None
    plan = resolution.grant.plan
    violated = outcome.violated
    said = " and ".join(f"{one.limit.quota} calls per {one.limit.window}" for one in violated)
    denial = Denial(
        429,
        "quota_exceeded",
        "Quota exceeded",
        f"Plan {plan.name if plan else ''} allows {said}. "
        f"Try again in {outcome.retry_after_seconds} s.",
    )
    headers = [
        *fact_headers(resolution.grant),
        (b"retry-after", b"%d" % outcome.retry_after_seconds),
        *resolution.limits.headers(outcome),
    ]
    extra = {
        "type": QUOTA_EXCEEDED,
        "violated-policies": [one.limit.name for one in violated],
    }
    return _problem(call, denial, headers, extra)


def _problem(call: Call, denial: Denial, headers: Headers, extra: dict[str, Any]) -> Answer:
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": denial.title,
        "status": denial.status,
        "detail": denial.detail,
        "code": denial.code,
        **extra,
    }
    if call.request_id:
        document["instance"] = f"urn:uuid:{call.request_id.decode('latin-1')}"
    body = msgspec.json.encode(document)
    headers += [
        PROBLEM,
        (b"content-length", b"%d" % len(body)),
        (b"x-apim-decision", b"denied:" + denial.code.encode()),
    ]
    status = denial.status
    if call.deny_status is not None:
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
