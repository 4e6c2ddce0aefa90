"""Where keys were last seen: a hint for their owner, so a lost one costs nothing."""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.events import Event

EVERY_SECONDS = 60.0
MAX_REMEMBERED = 100_000

# Key (public id) -> when this process may note it again.
_next: dict[str, float] = {}

# The key and its organization are looked up here: a hint need not slow down attribution.
_NOTE = """
    INSERT INTO analytics_keysighting AS old (key_id, organization_id, gateway_id, seen_at, ip)
    SELECT k.id, k.organization_id, %(gateway)s, seen.at, seen.ip
    FROM unnest(%(keys)s::text[], %(ats)s::timestamptz[], %(ips)s::inet[]) AS seen (key, at, ip)
    JOIN keys_apikey k ON k.public_id = seen.key
    ORDER BY k.id
    ON CONFLICT (key_id) DO UPDATE
        SET gateway_id = excluded.gateway_id, seen_at = excluded.seen_at, ip = excluded.ip
        WHERE old.seen_at < excluded.seen_at
"""


def note(gateway_id: int, events: Sequence[Event]) -> None:
    """Keep an address of each key, at most once a minute per key and process."""
    now = time.monotonic()
    # Any call of the delivery will do: they are moments apart.
    callers = {event.names.key: event for event in events if event.ip}
    due = {
        key: event
        for key, event in callers.items()
        if key and _next.get(key, 0.0) <= now and _is_address(event.ip)
    }
    if not due:
        return
    if len(_next) > MAX_REMEMBERED:
        _next.clear()
    _next.update(dict.fromkeys(due, now + EVERY_SECONDS))
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE,
            {
                "gateway": gateway_id,
                "keys": list(due),
                "ats": [event.occurred_at for event in due.values()],
                "ips": [event.ip for event in due.values()],
            },
        )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
