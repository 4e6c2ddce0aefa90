"""OTLP/HTTP logs (opentelemetry.io/docs/specs/otlp), JSON or protobuf: one call per log record.

Both encodings become the same flat record: `time` and `observed` in nanoseconds, `trace`, `span`,
`body`, `attributes`, `resource`. Attributes after the semantic conventions, or as Envoy and Traefik
name them; a body that is a JSON line of a dialect we know is read as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from analytics.errors import BodyTooLarge, BodyUnreadable
from analytics.events import Refused
from analytics.formats import bodies, envoy, fields, protobuf, traefik
from analytics.formats.calls import call
from analytics.formats.fields import dig, first, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from analytics.events import Event

PROTOBUF_TYPES = frozenset({"application/x-protobuf", "application/protobuf"})
_NANOSECONDS = 1_000_000_000
# Durations by their unit, in parts of a second. `http.server.duration` is the older convention's.
_DURATIONS = (
    (("http.server.request.duration", "http.server.duration_s", "duration_s"), 1),
    (("duration_us",), 1_000_000),
    (("duration_ns", "duration_nano"), _NANOSECONDS),
    (("duration_ms", "http.server.duration", "duration", "latency_ms", "latency"), 1000),
)
_ID = (
    "request_id", "x-request-id", "x_request_id", "http.request.id", "request.id", "log.record.uid",
    "http.request.header.x-request-id", "id",
)  # fmt: skip
_UPSTREAM_MS = (
    "upstream_ms", "upstream_service_time", "x-envoy-upstream-service-time", "x_envoy_upstream_service_time",
)  # fmt: skip
_REQUEST_BYTES = (
    "http.request.body.size", "http.request.size", "http.request_content_length", "bytes_received",
)  # fmt: skip
_RESPONSE_BYTES = (
    "http.response.body.size", "http.response.size", "http.response_content_length", "bytes_sent",
)  # fmt: skip
_CLIENT_IP = (
    "client.address", "http.client_ip", "client_ip", "net.peer.ip", "net.sock.peer.addr",
    "network.peer.address", "downstream_remote_address",
)  # fmt: skip
_USER_AGENT = ("user_agent.original", "http.user_agent", "user_agent", "user-agent")
_SCALARS = ("stringValue", "doubleValue", "boolValue")
_STATUS = (
    "http.response.status_code",
    "http.status_code",
    "response_code",
    "status_code",
    "status",
)
_METHOD = ("http.request.method", "http.method", "method")
_PATH = ("url.path", "http.target", "path", "x-envoy-origin-path", "url.full", "http.url")


def recognises(record: Mapping[str, Any]) -> bool:
    return "resourceLogs" in record or ("attributes" in record and "resource" in record)


def split_protobuf(body: bytes) -> list[bytes]:
    """Flat records. Raises BodyUnreadable when it is no ExportLogsServiceRequest at all."""
    records: list[bytes] = []
    try:
        for resource, raw in protobuf.log_records(body):
            records.append(_flat(resource, raw))
            if len(records) > bodies.LARGE_RECORDS:
                raise BodyTooLarge
    except protobuf.Malformed as problem:
        raise BodyUnreadable(f"The body is no ExportLogsServiceRequest: {problem}") from None
    return records


def _flat(resource: dict[str, Any], raw: memoryview) -> bytes:
    try:
        record = protobuf.log_record(raw)
    except protobuf.Malformed:  # this one record only: its neighbours have a length of their own
        return b'{"unreadable_record_bytes":%d}' % len(raw)
    return _encoded({**record, "resource": resource})


def _encoded(record: dict[str, Any]) -> bytes:
    """In one order, so that both encodings of a record give the same text."""
    return msgspec.json.encode(record, order="deterministic")


def split(body: bytes) -> list[bytes]:
    """Flat records out of JSON. Raises BodyUnreadable when it is no JSON object at all."""
    records: list[bytes] = []
    for outer in bodies.split(body):
        try:
            request = fields.decode(outer)
        except Refused as refusal:
            raise BodyUnreadable(f"The body is no JSON object: {refusal.message}") from None
        if "resourceLogs" not in request:
            records.append(outer)  # a flat record, replayed; or nothing that we know
            continue
        for record in _json_records(request):
            records.append(_encoded(record))
            if len(records) > bodies.LARGE_RECORDS:
                raise BodyTooLarge
    return records


def _json_records(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource_logs in _objects(request.get("resourceLogs")):
        resource = _attributes(dig(resource_logs, "resource", "attributes"))
        for scope_logs in _objects(resource_logs.get("scopeLogs")):
            for record in _objects(scope_logs.get("logRecords")):
                flat = {
                    "time": _integer(record.get("timeUnixNano")),
                    "observed": _integer(record.get("observedTimeUnixNano")),
                    "trace": record.get("traceId"),
                    "span": record.get("spanId"),
                    "body": _value(record.get("body")),
                    "attributes": _attributes(record.get("attributes")),
                    "resource": resource,
                }
                yield {name: value for name, value in flat.items() if value is not None}


def _objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def _attributes(pairs: object) -> dict[str, Any]:
    return {text(pair.get("key")): _value(pair.get("value")) for pair in _objects(pairs)}


def _value(value: object, depth: int = 0) -> Any:
    """An AnyValue as a JSON value."""
    if not isinstance(value, dict) or depth > protobuf.MAX_DEPTH:
        return None
    if "kvlistValue" in value:
        pairs = _objects(dig(value, "kvlistValue", "values"))
        return {text(pair.get("key")): _value(pair.get("value"), depth + 1) for pair in pairs}
    if "arrayValue" in value:
        return [_value(one, depth + 1) for one in _objects(dig(value, "arrayValue", "values"))]
    if "intValue" in value:
        return _integer(value["intValue"])
    return next((value[kind] for kind in _SCALARS if kind in value), None)


def _integer(value: object) -> object:
    """64-bit integers come as texts or numbers; both are the same record."""
    known = fields.number(value)
    return int(known) if known is not None else value


def read(record: Mapping[str, Any]) -> Event | None:
    """None for rows of requests that still run. Raises Refused for what is no access log."""
    attributes = record.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    if "unreadable_record_bytes" in record:
        raise Refused("not_protobuf", "the log record cannot be decoded")
    if traefik.recognises(attributes):
        return traefik.read(attributes)
    if first(attributes, *_STATUS, *_METHOD, *_PATH) is None:
        return _body(record)
    return _conventional(record, attributes)


def _body(record: Mapping[str, Any]) -> Event | None:
    from analytics.formats import registry  # noqa: PLC0415 - the registry lists this module

    line = record.get("body")
    if isinstance(line, str) and line.lstrip()[:1] == "{":
        line = fields.decode(line.encode("utf-8", "replace"))
    dialect = registry.dialect_of(line) if isinstance(line, dict) else None
    if dialect is None or dialect.name == "otlp" or not isinstance(line, dict):
        raise Refused("not_a_call", "neither the attributes nor the body tell of an HTTP call")
    return dialect.read(line)


def _conventional(record: Mapping[str, Any], of: Mapping[str, Any]) -> Event | None:
    status = fields.status(first(of, *_STATUS))
    if "log_name" in _resource(record) and not envoy.is_end(of, status):
        return None
    upstream_us = fields.microseconds(first(of, *_UPSTREAM_MS), 1000)
    was_forwarded = upstream_us is not None or bool(text(of.get("upstream_host")))
    return call(
        event_id=_only(first(of, *_ID)),
        at=_time(record, of),
        method=text(first(of, "http.request.method_original", *_METHOD)),
        path=fields.path(first(of, *_PATH)),
        status=status,
        duration_us=_duration(of),
        upstream_us=upstream_us,
        is_forwarded=was_forwarded if was_forwarded or "upstream_host" in of else None,
        request_bytes=fields.whole(first(of, *_REQUEST_BYTES)),
        response_bytes=fields.whole(first(of, *_RESPONSE_BYTES)),
        user_agent=_only(first(of, *_USER_AGENT)),
        units=fields.number(first(of, "apim.units", "gen_ai.usage.total_tokens")),
        country=text(first(of, "client.geo.country_iso_code", "geo.country.iso_code")),
        ip=text(first(of, *_CLIENT_IP)),
        key=text(first(of, "apim.key", "key")),
        foreign=fields.foreign(
            credential=first(of, "apim.key", "key"),
            consumer=first(of, "enduser.id", "user.id", "consumer"),
            route=first(of, "http.route", "route_name"),
            service=first(
                of, "upstream_cluster", "server.address", "http.host", "authority", ":authority"
            )
            or first(_resource(record), "service.name", "log_name"),
        ),
    )


def _resource(record: Mapping[str, Any]) -> dict[str, Any]:
    resource = record.get("resource")
    return resource if isinstance(resource, dict) else {}


def _time(record: Mapping[str, Any], of: Mapping[str, Any]) -> datetime:
    """0 means not known, as everywhere in OTLP."""
    known = fields.number(record.get("time"))
    if not known and text(of.get("start_time")):
        return fields.instant(of["start_time"], 1)
    known = known or fields.number(record.get("observed"))
    return fields.epoch(known, _NANOSECONDS)


def _duration(of: Mapping[str, Any]) -> int | None:
    """By the unit that the name tells; `duration` alone has milliseconds, as Envoy's %DURATION%."""
    for names, per_second in _DURATIONS:
        known = fields.microseconds(first(of, *names), per_second)
        if known is not None:
            return known
    return None


def _only(value: object) -> str:
    """A text; captured headers are lists of them."""
    return text(value[0] if isinstance(value, list) and value else value)
