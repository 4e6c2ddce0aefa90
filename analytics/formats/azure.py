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
from analytics.formats.fields import first, header, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analytics.events import Event

_PER_SECOND = 1000
_CALLS = "GatewayLogs"


def recognises(record: Mapping[str, Any]) -> bool:
    if "operationName" in record and "properties" in record:
        return True
    if "TimeGenerated" in record and "CorrelationId" in record:
        return True
    records = record.get("records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        return any(name in records[0] for name in ("properties", "operationName", "TimeGenerated"))
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
    is_diagnostic = "operationName" in record or "TimeGenerated" in record
    return _diagnostic(record) if is_diagnostic else _policy(record)


def _policy(record: Mapping[str, Any]) -> Event:
    return call(
        event_id=text(record.get("id")),
        at=fields.instant(record.get("t"), 1),
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
    """Names are told apart without their case: Log Analytics writes them with a capital."""
    of = {name.lower(): value for name, value in record.items()}
    kind = text(first(of, "category", "type", "operationname"))
    if not kind.endswith(_CALLS):
        return None
    of |= {name.lower(): value for name, value in _properties(of.get("properties")).items()}
    backend_status = fields.status(of.get("backendresponsecode"))
    backend_us = fields.microseconds(of.get("backendtime"), _PER_SECOND)
    is_cached = text(of.get("cache")).lower() == "hit" and not backend_status
    return call(
        event_id=text(of.get("correlationid")),
        at=fields.instant(first(of, "time", "timegenerated"), 1),
        method=text(of.get("method")),
        path=fields.path(of.get("url")),
        status=fields.status(of.get("responsecode")),
        duration_us=fields.microseconds(first(of, "durationms", "totaltime"), _PER_SECOND),
        upstream_us=backend_us if backend_status else None,
        is_forwarded=True if backend_status else False if is_cached else None,
        request_bytes=fields.whole(of.get("requestsize")),
        response_bytes=fields.whole(of.get("responsesize")),
        user_agent=header(of.get("requestheaders"), "user-agent"),
        ip=text(of.get("calleripaddress")),
        foreign=fields.foreign(
            credential=of.get("apimsubscriptionid"),
            consumer=of.get("userid"),
            route=of.get("operationid"),
            service=of.get("apiid"),
        ),
    )


def _properties(value: object) -> dict[str, Any]:
    """An object, or the text of one."""
    if isinstance(value, str):
        return fields.decode(value.encode("utf-8", "replace"))
    return value if isinstance(value, dict) else {}
