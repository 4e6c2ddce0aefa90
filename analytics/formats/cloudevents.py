"""CloudEvents 1.0 in JSON, single or batch, as OpenMeter takes them and Kong's plugin sends them.

`source` and `id` together are the id of the event, as the specification says. OpenMeter takes a
missing time for now. What the event measures stands in `data`, whose numbers may be texts.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from analytics.events import Refused
from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import first, joined_id, text
from apim.core import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event

_PER_SECOND = 1000
_STATUS = ("status", "status_code", "response_code", "http_status", "statusCode")
_CALL_FIELDS = (*_STATUS, "method", "path", "route", "uri")
_UNITS = ("units", "quantity", "value", "total_tokens", "tokens")


# HTTP binding, binary mode: attributes are headers, the body is the data.
_ATTRIBUTES = ("id", "source", "type", "subject", "time", "specversion")


def from_headers(headers: Mapping[str, str], body: bytes) -> bytes:
    """The event in JSON of a request in binary mode; the body itself of any other.

    Values are percent-encoded where a header could not hold them (HTTP binding §3.1.3.2).
    """
    if "Ce-Id" not in headers or "Ce-Specversion" not in headers:
        return body
    if headers.get("Content-Type", "").lower().startswith("application/cloudevents"):
        return body
    attributes = {
        name: unquote(headers[f"Ce-{name}"]) for name in _ATTRIBUTES if f"Ce-{name}" in headers
    }
    return msgspec.json.encode({**attributes, "data": body.decode("utf-8", "replace")})


def recognises(record: Mapping[str, Any]) -> bool:
    return "specversion" in record


def read(record: Mapping[str, Any]) -> Event:
    """An event that states no status reports a call that was served: 200. Raises Refused."""
    for name in ("id", "source", "type"):
        if not text(record.get(name)):
            raise Refused(f"missing_{name}", f"a CloudEvent has {name}")
    if text(record.get("specversion")) != "1.0":
        raise Refused("invalid_specversion", "only CloudEvents 1.0 is understood")
    data = _data(record)
    kind = text(record.get("type"))
    if "token" in kind.lower() and first(data, *_CALL_FIELDS) is None:
        raise Refused("not_a_call", f"events of type {kind[:60]} tell tokens, not calls")
    status = fields.status(first(data, *_STATUS)) if first(data, *_STATUS) is not None else 200
    return call(
        event_id=joined_id(text(record["source"]), text(record["id"])),
        at=fields.instant(record["time"], 1) if text(record.get("time")) else clock.now(),
        method=text(first(data, "method", "http_method")),
        path=fields.path(first(data, "path", "uri", "url", "route")),
        status=status,
        duration_us=fields.microseconds(
            first(data, "duration_ms", "latency_ms", "request_latency_ms", "duration"), _PER_SECOND
        ),
        upstream_us=fields.microseconds(
            first(data, "upstream_ms", "proxy_latency_ms"), _PER_SECOND
        ),
        request_bytes=fields.whole(first(data, "request_bytes", "request_size")),
        response_bytes=fields.whole(first(data, "response_bytes", "response_size", "bytes")),
        user_agent=text(data.get("user_agent")),
        units=fields.number(first(data, *_UNITS)),
        country=text(data.get("country")),
        ip=text(first(data, "client_ip", "ip")),
        key=text(first(data, "key", "key_id")),
        foreign=fields.foreign(
            credential=first(data, "credential", "credential_id", "key_id"),
            consumer=record.get("subject"),
            route=first(data, "route", "route_name", "route_id"),
            service=first(data, "service", "service_name", "service_id"),
        ),
    )


def _data(record: Mapping[str, Any]) -> dict[str, Any]:
    data = record.get("data")
    packed = record.get("data_base64")
    if data is None and isinstance(packed, str):
        try:
            data = binascii.a2b_base64(packed.encode("utf-8", "replace")).decode("utf-8", "replace")
        except binascii.Error:
            raise Refused("invalid_data", "data_base64 is no Base64") from None
    if isinstance(data, str):
        return fields.decode(data.encode("utf-8", "replace")) if data.lstrip()[:1] == "{" else {}
    return data if isinstance(data, dict) else {}
