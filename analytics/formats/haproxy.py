"""HAProxy's log with the JSON `log-format` of docs/integrations/haproxy.md.

`ts` is `request_date(ms)`, the call's start; -1 and "" are what was not reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event

_PER_SECOND = 1000


def recognises(record: Mapping[str, Any]) -> bool:
    return "rid" in record and "dur_ms" in record


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused. `up_ms` is %Tr, -1 when no server answered."""
    upstream_us = fields.microseconds(record.get("up_ms"), _PER_SECOND)
    return call(
        event_id=text(record.get("rid")),
        at=fields.epoch(record.get("ts"), _PER_SECOND),
        method=text(record.get("verb")),
        path=fields.path(record.get("path")),
        status=fields.status(record.get("code")),
        duration_us=fields.microseconds(record.get("dur_ms"), _PER_SECOND),
        upstream_us=upstream_us,
        is_forwarded=upstream_us is not None if "up_ms" in record else None,
        request_bytes=fields.whole(record.get("in")),
        response_bytes=fields.whole(record.get("out")),
        user_agent=text(record.get("ua")),
        ip=text(record.get("ip")),
        key=text(record.get("key")),
        version=text(record.get("ver")),
        foreign=fields.foreign(
            credential=record.get("key"), route=record.get("fe"), service=record.get("be")
        ),
    )
