"""NGINX's access log with the `log_format` of docs/integrations/nginx.md.

`ts` is `$msec`, taken at the end of the call; seconds with milliseconds. `up_s` lists what each
upstream took, empty when none was asked. A format that calls its fields as NGINX calls its
variables, like the one ingress-nginx proposes, is understood, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import first, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event

# Our name first, then the variable's, then what formats often say instead.
_ID = ("rid", "request_id", "req_id")
_END = ("ts", "msec", "time_iso8601", "time", "timestamp", "@timestamp", "time_local")
_SECONDS = ("dur_s", "request_time", "duration")
_UPSTREAM_SECONDS = ("up_s", "upstream_response_time")
_METHOD = ("verb", "request_method", "method")
_PATH = ("path", "request_uri", "uri")
_RECEIVED = ("in", "request_length")
_SENT = ("out", "bytes_sent", "body_bytes_sent")


def recognises(record: Mapping[str, Any]) -> bool:
    if "rid" in record and "dur_s" in record:
        return True
    return "request_time" in record and any(
        name in record for name in ("request", "request_uri", "uri", *_METHOD)
    )


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused. A status of "000" is a caller who was not answered."""
    duration_us = fields.microseconds(first(record, *_SECONDS), 1)
    upstream_us = fields.microseconds(fields.total(first(record, *_UPSTREAM_SECONDS)), 1)
    tells = any(name in record for name in _UPSTREAM_SECONDS)
    method, path = fields.request_line(record.get("request"))
    return call(
        event_id=text(first(record, *_ID)),
        at=fields.began(fields.instant(first(record, *_END), 1), duration_us),
        method=text(first(record, *_METHOD)) or method,
        path=fields.path(first(record, *_PATH)) or path,
        status=fields.status(record.get("status")),
        duration_us=duration_us,
        upstream_us=upstream_us,
        is_forwarded=upstream_us is not None if tells else None,
        request_bytes=fields.whole(first(record, *_RECEIVED)),
        response_bytes=fields.whole(first(record, *_SENT)),
        user_agent=text(first(record, "ua", "http_user_agent")),
        ip=text(first(record, "ip", "remote_addr")),
        key=text(record.get("key")),
        version=text(record.get("ver")),
        foreign=fields.foreign(
            credential=first(record, "key", "remote_user"),
            route=record.get("route"),
            service=first(record, "host", "vhost", "server_name"),
        ),
    )
