"""Traefik's access log as JSON; the same names come as attributes when it pushes OTLP.

Durations in nanoseconds. Traefik makes no id: the caller's X-Request-Id, if it is kept, is one only
together with the start, or a caller who repeats it would have its calls for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import first, header, joined_id, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event

_PER_SECOND = 1_000_000_000


def recognises(record: Mapping[str, Any]) -> bool:
    return "DownstreamStatus" in record or ("StartUTC" in record and "Duration" in record)


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused."""
    duration_us = fields.microseconds(record.get("Duration"), _PER_SECOND)
    start = text(first(record, "StartUTC", "StartLocal"))
    began = (
        fields.instant(start, 1)
        if start or "time" not in record
        # When the line was written, if the start was dropped from the log.
        else fields.began(fields.instant(record["time"], 1), duration_us)
    )
    request_id = header(record, "request_x-request-id")
    key = header(record, "request_x-apim-key")
    origin_us = fields.microseconds(record.get("OriginDuration"), _PER_SECOND)
    origin_status = fields.status(record.get("OriginStatus"))
    # The address of a server is there once one was chosen, should the status have been dropped.
    is_forwarded = origin_status > 0 or (
        "OriginStatus" not in record and bool(text(first(record, "ServiceURL", "ServiceAddr")))
    )
    user = text(record.get("ClientUsername"))
    return call(
        event_id=joined_id(request_id, start or began.isoformat()) if request_id else "",
        at=began,
        method=text(record.get("RequestMethod")),
        path=fields.path(record.get("RequestPath")),
        status=fields.status(record.get("DownstreamStatus")),
        duration_us=duration_us,
        upstream_us=origin_us if is_forwarded else None,
        is_forwarded=is_forwarded,
        request_bytes=fields.whole(record.get("RequestContentSize")),
        response_bytes=fields.whole(record.get("DownstreamContentSize")),
        user_agent=header(record, "request_user-agent"),
        ip=text(first(record, "ClientHost", "ClientAddr")),
        key=key,
        foreign=fields.foreign(
            credential=user or key,
            route=first(record, "RouterName", "FrontendName"),
            service=first(record, "ServiceName", "BackendName", "RequestHost"),
        ),
    )
