"""Azure API Management: its policy that posts to us, and its diagnostic log.

`send-one-way-request` writes what docs/integrations/azure.md says; the GatewayLogs of diagnostic
settings come as `{"records": […]}` or one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from analytics.events import Refused
from analytics.formats import bodies, fields
from analytics.formats.calls import call
from analytics.formats.fields import dig, first, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analytics.events import Event

_PER_SECOND = 1000
_CALLS = "GatewayLogs"


def recognises(record: Mapping[str, Any]) -> bool:
    if "operationName" in record and "properties" in record:
        return True
    records = record.get("records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        return "properties" in records[0] or "operationName" in records[0]
    return "t" in record and "id" in record


def split(body: bytes) -> list[bytes]:
    """The records, out of the envelopes that Azure puts around them."""
    found = [inner for outer in bodies.split(body) for inner in _unwrapped(outer)]
    return found[: bodies.MAX_RECORDS + 1]


def _unwrapped(outer: bytes) -> Iterator[bytes]:
    try:
        records = fields.decode(outer).get("records") if b'"records"' in outer else None
    except Refused:
        records = None
    if isinstance(records, list):
        yield from (msgspec.json.encode(one) for one in records)
    else:
        yield outer


def read(record: Mapping[str, Any]) -> Event | None:
    """None for other diagnostic categories than GatewayLogs. Raises Refused."""
    return _diagnostic(record) if "operationName" in record else _policy(record)


def _policy(record: Mapping[str, Any]) -> Event:
    return call(
        event_id=text(record.get("id")),
        at=fields.iso(record.get("t")),
        method=text(record.get("method")),
        path=fields.path(first(record, "path", "url")),
        status=fields.status(record.get("status")),
        duration_us=fields.microseconds(record.get("ms"), _PER_SECOND),
        upstream_us=fields.microseconds(record.get("backend_ms"), _PER_SECOND),
        request_bytes=fields.whole(record.get("in")),
        response_bytes=fields.whole(record.get("out")),
        user_agent=text(record.get("ua")),
        ip=text(record.get("ip")),
        foreign=fields.foreign(
            credential=record.get("subscription"),
            consumer=record.get("user"),
            route=record.get("operation"),
            service=record.get("api"),
        ),
    )


def _diagnostic(record: Mapping[str, Any]) -> Event | None:
    category = text(first(record, "category", "operationName"))
    if not category.endswith(_CALLS):
        return None
    of = _properties(record.get("properties"))
    backend_us = fields.microseconds(of.get("backendTime"), _PER_SECOND)
    backend_status = fields.status(of.get("backendResponseCode"))
    return call(
        event_id=text(record.get("correlationId")),
        at=fields.iso(record.get("time")),
        method=text(of.get("method")),
        path=fields.path(of.get("url")),
        status=fields.status(of.get("responseCode")),
        duration_us=fields.microseconds(first(record, "durationMs"), _PER_SECOND),
        upstream_us=backend_us if backend_status else None,
        is_forwarded=True if backend_status else None,
        request_bytes=fields.whole(of.get("requestSize")),
        response_bytes=fields.whole(of.get("responseSize")),
        user_agent=text(dig(of, "requestHeaders", "User-Agent")),
        ip=text(record.get("callerIpAddress")),
        foreign=fields.foreign(
            credential=of.get("apimSubscriptionId"),
            consumer=of.get("userId"),
            route=of.get("operationId"),
            service=of.get("apiId"),
        ),
    )


def _properties(value: object) -> dict[str, Any]:
    """An object, or the text of one."""
    if isinstance(value, str):
        return fields.decode(value.encode("utf-8", "replace"))
    return value if isinstance(value, dict) else {}
