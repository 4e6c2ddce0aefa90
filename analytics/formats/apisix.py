"""APISIX's http-logger with its default format (apisix/utils/log-util.lua).

`log_format_extra` adds `request_id` and `consumer`. Times in milliseconds, with fractions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from analytics.formats import fields, nginx
from analytics.formats.calls import call
from analytics.formats.fields import dig, first, header, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event, Foreign

_PER_SECOND = 1000
_NO_ROUTE = "no-matched"
# Of a `log_format` of one's own: NGINX's variables under any name; these are the usual ones.
_WRITTEN_AT = ("@timestamp", "time_iso8601", "timestamp")


def recognises(record: Mapping[str, Any]) -> bool:
    if "start_time" in record and ("apisix_latency" in record or "route_id" in record):
        return True
    return "route_id" in record and any(name in record for name in _WRITTEN_AT)


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused. The default format has no id of the call."""
    if "start_time" not in record and not isinstance(record.get("request"), dict):
        return _of_own_format(record)
    request, response = record.get("request"), record.get("response")
    return call(
        event_id=text(record.get("request_id")),
        at=fields.epoch(record.get("start_time"), _PER_SECOND),
        method=text(dig(request, "method")),
        path=fields.path(text(dig(request, "uri")) or dig(request, "url")),
        status=fields.status(dig(response, "status")),
        duration_us=fields.microseconds(record.get("latency"), _PER_SECOND),
        upstream_us=fields.microseconds(fields.total(record.get("upstream_latency")), _PER_SECOND),
        is_forwarded=bool(text(record.get("upstream"))),
        request_bytes=fields.whole(dig(request, "size")),
        response_bytes=fields.whole(dig(response, "size")),
        user_agent=header(dig(request, "headers"), "user-agent"),
        ip=text(record.get("client_ip")),
        foreign=_foreign(record),
    )


def _of_own_format(record: Mapping[str, Any]) -> Event:
    """A line of a `log_format`, which holds what its author chose; logged at the end."""
    event = nginx.read({"time": first(record, *_WRITTEN_AT), **record})
    return msgspec.structs.replace(
        event, ip=event.ip or text(record.get("client_ip")), foreign=_foreign(record)
    )


def _foreign(record: Mapping[str, Any]) -> Foreign:
    consumer = record.get("consumer")
    route = text(record.get("route_id"))
    return fields.foreign(
        consumer=dig(consumer, "username")
        if isinstance(consumer, dict)
        else first(record, "consumer", "consumer_name"),
        route="" if route == _NO_ROUTE else route,
        service=record.get("service_id"),
    )
