"""NGINX's access log with the `log_format` of docs/integrations/nginx.md.

`ts` is `$msec`, taken at the end of the call; seconds with milliseconds. `up_s` lists what each
upstream took, empty when none was asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event


def recognises(record: Mapping[str, Any]) -> bool:
    return "rid" in record and "dur_s" in record


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused. A status of "000" is a caller who was not answered."""
    duration_us = fields.microseconds(record.get("dur_s"), 1)
    upstream_us = fields.microseconds(fields.total(record.get("up_s")), 1)
    return call(
        event_id=text(record.get("rid")),
        at=fields.began(fields.epoch(record.get("ts"), 1), duration_us),
        method=text(record.get("verb")),
        path=fields.path(record.get("path")),
        status=fields.status(record.get("status")),
        duration_us=duration_us,
        upstream_us=upstream_us,
        is_forwarded=upstream_us is not None if "up_s" in record else None,
        request_bytes=fields.whole(record.get("in")),
        response_bytes=fields.whole(record.get("out")),
        user_agent=text(record.get("ua")),
        ip=text(record.get("ip")),
        key=text(record.get("key")),
        version=text(record.get("ver")),
        foreign=fields.foreign(
            credential=record.get("key"), route=record.get("route"), service=record.get("host")
        ),
    )
