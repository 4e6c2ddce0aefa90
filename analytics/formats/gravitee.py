"""Gravitee: the lines of its file reporter, and the Elasticsearch reporter's `_bulk` bodies.

Bulk documents have kebab-case names (freemarker templates of gravitee-reporter-elasticsearch) and
other indices than calls: messages, health, logs. -1 and absent are unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from analytics.events import Refused
from analytics.formats import bodies, fields
from analytics.formats.calls import call
from analytics.formats.fields import first, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event

_PER_SECOND = 1000
_PER_SECOND_NS = 1_000_000_000
# io.gravitee.common.http.HttpMethod#code
_METHODS = ("OTHER", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
_ACTIONS = frozenset({"index", "create"})
# How the indices and types of documents end that are no calls; before it stands any prefix, and
# behind it the day.
_OTHER_KIND = re.compile(
    r"(?:^|-)(?:message-metrics|message-log|log|health|health-check|monitor|event-metrics)"
    r"(?:-[\d.-]+)?$"
)


def recognises(record: Mapping[str, Any]) -> bool:
    if "request-id" in record or ("transaction" in record and "response-time" in record):
        return True
    if len(record) == 1 and isinstance(record.get("index", record.get("create")), dict):
        return True
    return "requestId" in record and (
        "gatewayResponseTimeMs" in record or "applicationId" in record or "requestEnded" in record
    )


def split(body: bytes) -> list[bytes]:
    """Documents, each with `_index` and `_id` when an action line says so."""
    records: list[bytes] = []
    target: dict[str, str] | None = None
    for line in bodies.split(body):
        action = _action(line)
        if action is not None:
            target = action
        elif target is None:
            records.append(line)
        else:
            records.append(_with_target(line, target))
            target = None
    return records


def _action(line: bytes) -> dict[str, str] | None:
    """What an action line says of the next document; None when the line is a document."""
    if len(line) > 2000 or not line.lstrip().startswith((b'{"index', b'{ "index', b'{"create', b'{ "create')):  # fmt: skip
        return None
    try:
        record = fields.decode(line)
    except Refused:
        return None
    if len(record) != 1 or not record.keys() <= _ACTIONS:
        return None
    (target,) = record.values()
    if not isinstance(target, dict):
        return {}
    return {name: known for name in ("_index", "_id") if (known := text(target.get(name)))}


def _with_target(line: bytes, target: dict[str, str]) -> bytes:
    try:
        return msgspec.json.encode({**target, **fields.decode(line)})
    except Refused:
        return line


def read(record: Mapping[str, Any]) -> Event | None:
    """None for messages, health and the like, and while a request still runs. Raises Refused."""
    if _is_other(record):
        return None
    of = {_camel(name): value for name, value in record.items()}
    if text(of.get("requestEnded")).lower() == "false" or of.get("requestEnded") is False:
        return None
    request_id = text(first(of, "requestId", "Id"))
    if not request_id:
        raise Refused("missing_id", "the record has no request id")
    upstream_us = _duration(of, "endpointResponseTime", "apiResponseTimeMs", "apiResponseTime")
    application = text(first(of, "applicationId", "application"))
    return call(
        event_id=request_id,
        at=fields.instant(of.get("timestamp"), _PER_SECOND),
        method=_method(first(of, "httpMethod", "method")),
        path=fields.path(first(of, "uri", "path")),
        status=fields.status(of.get("status")),
        duration_us=_duration(of, "gatewayResponseTime", "proxyResponseTimeMs", "responseTime"),
        upstream_us=upstream_us,
        is_forwarded=True if upstream_us is not None else None,
        request_bytes=fields.whole(of.get("requestContentLength")),
        response_bytes=fields.whole(of.get("responseContentLength")),
        user_agent=text(of.get("userAgent")),
        units=_tokens(first(of, "additionalMetrics", "custom")),
        ip=text(of.get("remoteAddress")),
        foreign=fields.foreign(
            credential=first(of, "subscriptionId", "subscription")
            or fields.hidden(first(of, "securityToken", "apiKey")),
            # "1" is Gravitee's unknown application, of a plan without keys.
            consumer="" if application == "1" else application,
            route=first(of, "mappedPath", "planId", "plan"),
            service=first(of, "apiId", "api"),
        ),
    )


def _is_other(record: Mapping[str, Any]) -> bool:
    kind = text(first(record, "_index", "type"))
    if _OTHER_KIND.search(kind[-200:]):
        return True
    return "correlation-id" in record or "correlationId" in record or "connector-type" in record


def _camel(name: str) -> str:
    head, *rest = name[:60].lstrip("@").replace("_", "-").split("-")
    return head + "".join(word.capitalize() for word in rest)


def _duration(of: Mapping[str, Any], name: str, *older: str) -> int | None:
    exact = fields.microseconds(of.get(f"{name}Ns"), _PER_SECOND_NS)
    if exact is not None:
        return exact
    return fields.microseconds(first(of, f"{name}Ms", *older), _PER_SECOND)


def _method(value: object) -> str:
    code = fields.number(value)
    if code is not None:
        code = int(code)
        return _METHODS[code] if code < len(_METHODS) else "OTHER"
    return text(value)


def _tokens(metrics: object) -> int | float | None:
    """What is called units, or else all tokens together.

    The file has `[{"name": "long_tokens", "value": 9}]`, Elasticsearch `{"long_tokens": 9}`.
    """
    if isinstance(metrics, dict):
        metrics = [{"name": name, "value": value} for name, value in metrics.items()]
    if not isinstance(metrics, list):
        return None
    known = {
        text(one.get("name")): value
        for one in metrics[:100]
        if isinstance(one, dict) and (value := fields.number(one.get("value"))) is not None
    }
    units = first(known, "long_units", "double_units")
    if units is not None:
        return fields.number(units)
    tokens = [value for name, value in known.items() if "token" in name]
    return sum(tokens) if tokens else None
