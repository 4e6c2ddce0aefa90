"""APISIX's http-logger with its default format (apisix/utils/log-util.lua).

`log_format_extra` adds `request_id` and `consumer`. Times in milliseconds, with fractions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import dig, header, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event, Foreign

_PER_SECOND = 1000
_NO_ROUTE = "no-matched"


def recognises(record: Mapping[str, Any]) -> bool:
    return "start_time" in record and ("apisix_latency" in record or "route_id" in record)


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused. The default format has no id of the call."""
    request, response = record.get("request"), record.get("response")
    return call(
        event_id=text(record.get("request_id")),
        at=fields.epoch(record.get("start_time"), _PER_SECOND),
        method=text(dig(request, "method")),
        path=fields.path(dig(request, "uri") or dig(request, "url")),
        status=fields.status(dig(response, "status")),
        duration_us=fields.microseconds(record.get("latency"), _PER_SECOND),
        upstream_us=fields.microseconds(record.get("upstream_latency"), _PER_SECOND),
        is_forwarded=bool(text(record.get("upstream"))),
        request_bytes=fields.whole(dig(request, "size")),
        response_bytes=fields.whole(dig(response, "size")),
        user_agent=header(dig(request, "headers"), "user-agent"),
        ip=text(record.get("client_ip")),
        foreign=_foreign(record),
    )


def _foreign(record: Mapping[str, Any]) -> Foreign:
    consumer = record.get("consumer")
    route = text(record.get("route_id"))
    return fields.foreign(
        consumer=dig(consumer, "username") if isinstance(consumer, dict) else consumer,
        route="" if route == _NO_ROUTE else route,
        service=record.get("service_id"),
    )
