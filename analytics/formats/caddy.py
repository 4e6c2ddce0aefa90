"""Caddy's JSON access log (https://caddyserver.com/docs/logging). Times in seconds, `ts` at the end.

`log_append` adds `request_id` and `key`; the credential of Caddy's own authentication is `user_id`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import dig, first, header, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event

_ACCESS = "http.log.access"


def recognises(record: Mapping[str, Any]) -> bool:
    logger = record.get("logger")
    if isinstance(logger, str) and logger.startswith("http.log"):
        return True
    return "resp_headers" in record and "duration" in record


def read(record: Mapping[str, Any]) -> Event | None:
    """None for other loggers: `http.log.error` repeats calls that failed. Raises Refused."""
    if not text(record.get("logger") or _ACCESS).startswith(_ACCESS):
        return None
    request = record.get("request")
    key = text(record.get("key"))
    duration_us = fields.microseconds(record.get("duration"), 1)
    return call(
        # `uuid` stands there as soon as anything asked for {http.request.uuid}.
        event_id=text(first(record, "request_id", "uuid")),
        at=fields.began(fields.instant(record.get("ts"), 1), duration_us),
        method=text(dig(request, "method")),
        path=fields.path(dig(request, "uri")),
        # A handler that writes nothing is logged with 0, and the caller sees 200.
        status=fields.status(record.get("status")) or 200,
        duration_us=duration_us,
        request_bytes=fields.whole(record.get("bytes_read")),
        response_bytes=fields.whole(record.get("size")),
        user_agent=header(dig(request, "headers"), "user-agent"),
        # The last is from before 2.5.
        ip=text(
            dig(request, "client_ip") or dig(request, "remote_ip") or dig(request, "remote_addr")
        ),
        key=key,
        foreign=fields.foreign(
            credential=key or record.get("user_id"), service=dig(request, "host")
        ),
    )
