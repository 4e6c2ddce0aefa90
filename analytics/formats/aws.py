"""AWS API Gateway's access log, directly or out of Firehose, with or without CloudWatch around it.

Firehose: "Understand HTTP endpoint delivery request and response specifications" of its guide.
CloudWatch wraps lines into gzipped objects with `logEvents`. Every value of a line is a text, "-"
when there is none; `requestTimeEpoch` is the start in milliseconds.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

import msgspec

from analytics.errors import BodyTooLarge, BodyUnreadable
from analytics.events import Refused
from analytics.formats import bodies, fields
from analytics.formats.calls import call
from analytics.formats.fields import dig, first, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analytics.events import Event

_PER_SECOND = 1000
# What a line has besides its id; all names are the ones that the console proposes.
_OF_A_LINE = ("requestTimeEpoch", "requestTime", "resourcePath", "routeKey")


class _Entry(msgspec.Struct):
    data: str = ""


class Envelope(msgspec.Struct):
    """What Firehose posts."""

    requestId: str  # noqa: N815 - Firehose's name
    records: list[_Entry]
    timestamp: int | None = None


_ENVELOPE = msgspec.json.Decoder(Envelope)


def recognises(record: Mapping[str, Any]) -> bool:
    if "records" in record and "requestId" in record:
        return True
    if "messageType" in record and "logGroup" in record:
        return True
    return "requestId" in record and any(name in record for name in _OF_A_LINE)


def envelope(body: bytes) -> Envelope | None:
    """Firehose's envelope; None when the body is something else."""
    try:
        return _ENVELOPE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def split(body: bytes, limit: int = bodies.LARGE_BYTES) -> list[bytes]:
    """Every log line in the body. What is packed in it may together expand to `limit` bytes."""
    outer = envelope(body)
    if outer is None:
        return list(_lines(body, _Room(limit)))
    room = _Room(limit)
    return [line for entry in outer.records for line in _entry(entry.data, room)]


class _Room:
    """How many bytes all records together may still expand to."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, part: bytes) -> bytes:
        self.left -= len(part)
        if self.left < 0:
            raise BodyTooLarge
        return part


def _entry(data: str, room: _Room) -> Iterator[bytes]:
    try:
        packed = binascii.a2b_base64(data.encode(), strict_mode=True)
        text = room.take(bodies.expand(packed, max(room.left, 0)))
    except (binascii.Error, ValueError, BodyUnreadable):
        # Base64 hides what is in it, keys too: only its size is kept.
        yield b'{"unreadable_record_characters":%d}' % len(data)
        return
    yield from _lines(text, room)


def _lines(text: bytes, room: _Room) -> Iterator[bytes]:
    for line in _records(text):
        if b'"logEvents"' in line:
            yield from _log_events(line, room)
        else:
            yield line


def _records(text: bytes) -> list[bytes]:
    """Firehose puts lines into one record with or without a newline between them."""
    if b"}{" in text and not bodies.is_json(text):
        return bodies.split_concatenated(text)
    return bodies.split(text)


def _log_events(line: bytes, room: _Room) -> Iterator[bytes]:
    try:
        wrapped = fields.decode(line)
    except Refused:
        yield line
        return
    events = wrapped.get("logEvents")
    if not isinstance(events, list):
        yield line
    elif wrapped.get("messageType") != "CONTROL_MESSAGE":
        for event in events:
            yield room.take(_message(event))


def _message(event: object) -> bytes:
    """The logged line; its id in CloudWatch stands in for a request id."""
    message, event_id = dig(event, "message"), text(dig(event, "id"))
    if not isinstance(message, str):
        return msgspec.json.encode(event)
    raw = message.encode("utf-8", "replace")
    try:
        record = fields.decode(raw)
    except Refused:
        return raw
    return msgspec.json.encode({"cloudWatchId": event_id, **record}) if event_id else raw


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused."""
    if "unreadable_record_characters" in record:
        raise Refused("not_base64", "the record's data is no Base64, or no gzip inside it")
    request_id = text(first(record, "requestId", "extendedRequestId", "cloudWatchId"))
    if not request_id:
        raise Refused("missing_id", "the access log format must contain $context.requestId")
    integration_us = fields.microseconds(
        first(record, "integrationLatency", "integration_latency"), _PER_SECOND
    )
    integration_status = fields.status(first(record, "integrationStatus", "integration_status"))
    was_forwarded = integration_us is not None or integration_status > 0
    # HTTP APIs have "GET /tides/{station}" or "$default", which is any.
    route_method, route_path = fields.request_line(record.get("routeKey"))
    return call(
        event_id=request_id,
        at=fields.instant(first(record, "requestTimeEpoch", "requestTime"), _PER_SECOND),
        method=text(record.get("httpMethod")) or route_method,
        path=fields.path(first(record, "path", "resourcePath")) or route_path,
        status=fields.status(record.get("status")),
        duration_us=fields.microseconds(
            first(record, "responseLatency", "latency", "duration"), _PER_SECOND
        ),
        upstream_us=integration_us,
        is_forwarded=True if was_forwarded else None,
        request_bytes=fields.whole(record.get("requestLength")),
        response_bytes=fields.whole(record.get("responseLength")),
        user_agent=text(record.get("userAgent")),
        ip=text(first(record, "ip", "sourceIp")),
        foreign=fields.foreign(
            credential=first(record, "apiKeyId") or fields.hidden(record.get("apiKey")),
            consumer=first(record, "user", "caller", "principalId"),
            route=first(record, "resourcePath", "routeKey"),
            service=first(record, "apiId", "domainName"),
        ),
    )
