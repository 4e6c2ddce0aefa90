"""Tyk Pump's Splunk sink: HTTP Event Collector objects, one after the other without a separator.

`time_stamp` is the end of the call, `request_time` its milliseconds. There is no id of a call. The
key comes raw unless Tyk hashes keys, so it is hidden before anything else sees the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from analytics.events import Refused
from analytics.formats import bodies, fields
from analytics.formats.calls import call
from analytics.formats.fields import dig, first, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event

_PER_SECOND = 1000
_NO_KEY = "00000000"
# Whole messages in Base64, headers and all: nothing in them is counted.
_DROPPED = ("raw_request", "raw_response")


def recognises(record: Mapping[str, Any]) -> bool:
    event = record.get("event")
    return isinstance(event, dict) and ("api_id" in event or "response_code" in event)


def split(body: bytes) -> list[bytes]:
    is_array = body.lstrip()[:1] == b"["
    records = bodies.split(body) if is_array else bodies.split_concatenated(body, '{"time"')
    return [_without_key(record) for record in records]


def _without_key(raw: bytes) -> bytes:
    try:
        record = fields.decode(raw)
    except Refused:
        return raw
    event = record.get("event")
    if not isinstance(event, dict):
        return raw
    for name in _DROPPED:
        event.pop(name, None)
    key = event.pop("api_key", None)
    if text(key) and key != _NO_KEY:
        event["credential"] = fields.hidden(key)
    return msgspec.json.encode(record)


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused."""
    event = record.get("event")
    if not isinstance(event, dict):
        raise Refused("not_an_object", "event must hold the fields that the pump sends")
    duration_us = fields.microseconds(event.get("request_time"), _PER_SECOND)
    end = (
        fields.instant(written, 1)
        if text(written := first(event, "time_stamp", "timestamp"))
        else fields.instant(record.get("time"), 1)
    )
    # Zeros where Tyk measured nothing, as when it refused the call itself.
    upstream_us = fields.microseconds(dig(event, "latency", "upstream"), _PER_SECOND) or None
    return call(
        event_id=text(event.get("request_id")),
        at=fields.began(end, duration_us),
        method=text(event.get("method")),
        path=fields.path(first(event, "path", "raw_path")),
        status=fields.status(event.get("response_code")),
        duration_us=duration_us,
        upstream_us=upstream_us,
        is_forwarded=True if upstream_us else None,
        request_bytes=_measured(event, "bytes_in"),
        response_bytes=_measured(event, "bytes_out") or fields.whole(event.get("content_length")),
        user_agent=text(event.get("user_agent")),
        country=text(dig(event, "geo", "country", "iso_code")),
        ip=text(event.get("ip_address")),
        foreign=fields.foreign(
            credential=event.get("credential"),
            consumer=event.get("alias") or event.get("oauth_id"),
            route=event.get("api_version"),
            service=event.get("api_id"),
        ),
    )


def _measured(event: Mapping[str, Any], name: str) -> int:
    return fields.whole(dig(event.get("network"), name))
