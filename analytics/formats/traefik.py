"""Traefik's access log as JSON; the same names come as attributes when it pushes OTLP.

Durations in nanoseconds. Traefik makes no id: the caller's X-Request-Id, if it is kept, is one only
together with the start, or a caller who repeats it would have its calls for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import header, joined_id, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event

_PER_SECOND = 1_000_000_000


def recognises(record: Mapping[str, Any]) -> bool:
    return "DownstreamStatus" in record or ("StartUTC" in record and "Duration" in record)


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused."""
    start = text(record.get("StartUTC")) or text(record.get("StartLocal"))
    request_id = header(record, "request_x-request-id")
    key = header(record, "request_x-apim-key")
    origin_us = fields.microseconds(record.get("OriginDuration"), _PER_SECOND)
    origin_status = fields.status(record.get("OriginStatus"))
    user = text(record.get("ClientUsername"))
    return call(
        event_id=joined_id(request_id, start) if request_id else "",
        at=fields.iso(start),
        method=text(record.get("RequestMethod")),
        path=fields.path(record.get("RequestPath")),
        status=fields.status(record.get("DownstreamStatus")),
        duration_us=fields.microseconds(record.get("Duration"), _PER_SECOND),
        upstream_us=origin_us if origin_status else None,
        is_forwarded=origin_status > 0,
        request_bytes=fields.whole(record.get("RequestContentSize")),
        response_bytes=fields.whole(record.get("DownstreamContentSize")),
        user_agent=header(record, "request_user-agent"),
        ip=text(record.get("ClientHost")),
        key=key,
        foreign=fields.foreign(
            credential=user or key,
            route=record.get("RouterName"),
            service=record.get("ServiceName") or record.get("RequestHost"),
        ),
    )
