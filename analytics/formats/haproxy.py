"""HAProxy's log with the JSON `log-format` of docs/integrations/haproxy.md.

`ts` is `request_date(ms)`, the call's start; -1 and "" are what was not reached. The names that
HAProxy proposes for its log in JSON are understood, too, if the date has an offset (`%trl`, `%trg`).
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
# Our name first, then that of HAProxy's blog, "Encoding HAProxy logs in machine-readable JSON".
_ID = ("rid", "unique_id", "unique-id")
_START = ("ts", "request_date", "date_time")
_MILLISECONDS = ("dur_ms", "time_active", "time_total")
_UPSTREAM_MS = ("up_ms", "time_response")


def recognises(record: Mapping[str, Any]) -> bool:
    return ("rid" in record and "dur_ms" in record) or (
        "status_code" in record and "be_name" in record
    )


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused. `up_ms` is %Tr, -1 when no server answered."""
    upstream_us = fields.microseconds(first(record, *_UPSTREAM_MS), _PER_SECOND)
    tells = any(name in record for name in _UPSTREAM_MS)
    method, path = fields.request_line(record.get("http_request"))
    return call(
        event_id=text(first(record, *_ID)),
        at=fields.instant(first(record, *_START), _PER_SECOND),
        method=text(record.get("verb")) or method,
        path=fields.path(record.get("path")) or path,
        status=fields.status(first(record, "code", "status_code")),
        duration_us=fields.microseconds(first(record, *_MILLISECONDS), _PER_SECOND),
        upstream_us=upstream_us,
        is_forwarded=upstream_us is not None if tells else None,
        request_bytes=fields.whole(first(record, "in", "bytes_uploaded")),
        response_bytes=fields.whole(first(record, "out", "bytes_read")),
        user_agent=text(record.get("ua")),
        ip=text(first(record, "ip", "client_ip")),
        key=text(record.get("key")),
        version=text(record.get("ver")),
        foreign=fields.foreign(
            credential=record.get("key"),
            route=first(record, "fe", "fe_name", "fe_name_transport"),
            service=first(record, "be", "be_name"),
        ),
    )
