"""Another Envoy's access log: `json_format` as in docs/integrations/envoy.md, or OTLP attributes.

Operators that have no value are null in a file and "-" in OTLP, where every value is a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import first, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event

_PER_SECOND = 1000
# %ACCESS_LOG_TYPE%: only the row at the end of an HTTP request is a call.
_END = "DownstreamEnd"
_CLIENT_LEFT = "DC"


# Envoy Gateway, Istio and Contour name some values after the header that they come from.
_REQUEST_ID = ("request_id", "x-request-id", "x_request_id")
_PATH = ("path", "x-envoy-origin-path", "x-envoy-original-path", "x_envoy_origin_path")
_UPSTREAM_MS = (
    "upstream_service_time",
    "x-envoy-upstream-service-time",
    "x_envoy_upstream_service_time",
    "upstream_duration",
    "upstream_ms",
)
_USER_AGENT = ("user_agent", "user-agent")
_AUTHORITY = ("authority", ":authority")


def recognises(record: Mapping[str, Any]) -> bool:
    return ("start_time" in record or "@timestamp" in record) and "response_code" in record


def read(record: Mapping[str, Any]) -> Event | None:
    """None for rows of requests that still run and of TCP connections. Raises Refused."""
    status = fields.status(record.get("response_code"))
    if not is_end(record, status):
        return None
    upstream_us = fields.microseconds(first(record, *_UPSTREAM_MS), _PER_SECOND)
    upstream_host = text(record.get("upstream_host"))
    tells = "upstream_host" in record
    return call(
        event_id=text(first(record, *_REQUEST_ID)),
        at=fields.instant(first(record, "start_time", "@timestamp"), 1),
        method=text(first(record, "method", ":method")),
        path=fields.path(first(record, *_PATH)),
        status=status,
        duration_us=fields.microseconds(record.get("duration"), _PER_SECOND),
        upstream_us=upstream_us,
        is_forwarded=bool(upstream_host) if tells else True if upstream_us is not None else None,
        request_bytes=fields.whole(record.get("bytes_received")),
        response_bytes=fields.whole(record.get("bytes_sent")),
        user_agent=text(first(record, *_USER_AGENT)),
        ip=text(first(record, "client_ip", "downstream_remote_address")),
        key=text(record.get("key")),
        foreign=fields.foreign(
            credential=record.get("key"),
            route=record.get("route_name"),
            service=first(record, "upstream_cluster", *_AUTHORITY),
        ),
    )


def is_end(record: Mapping[str, Any], status: int) -> bool:
    """Whether this is the row at the end of an HTTP request, so that it counts."""
    kind = text(first(record, "access_log_type", "type"))
    if kind and kind != "NotSet":
        return kind == _END
    # Without the type, code 0 is a row of a request that still runs, unless the caller has left.
    flags = text(record.get("response_flags"))
    return status > 0 or _CLIENT_LEFT in flags.split(",")
