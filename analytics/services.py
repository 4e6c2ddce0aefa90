"""Writes that follow from usage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from analytics.formats.registry import READERS
from analytics.intake import MAX_AGE, Receipt, receive
from apim.core import clock
from apim.gateway.models import Gateway
from apim.keys.models import ApiKey
from apim.keys.sightings import Sighting

if TYPE_CHECKING:
    from datetime import datetime

    from analytics.models import QuarantinedRecord

_KEYS_USED = """
    SELECT a.key_id, max(r.last_at)
    FROM analytics_usage_minute r JOIN analytics_attribution a ON a.id = r.attribution_id
    WHERE r.bucket >= %s AND a.key_id IS NOT NULL
    GROUP BY a.key_id
"""

# Addresses are noted once a minute (analytics/sightings.py).
_SEEN = """
    SELECT s.key_id, s.seen_at, host(s.ip), coalesce(g.name, '')
    FROM analytics_keysighting s LEFT JOIN gateway_gateway g ON g.id = s.gateway_id
    WHERE s.seen_at >= %s
"""
SAME_TRAFFIC = timedelta(minutes=2)


def note_keys_used(*, since: timedelta = timedelta(minutes=15)) -> int:
    """Copy where keys were last seen to their rows; returns how many keys changed."""
    with connection.cursor() as cursor:
        cursor.execute(_KEYS_USED, [clock.now() - since])
        counted = dict(cursor.fetchall())
        cursor.execute(_SEEN, [clock.now() - since])
        seen = {key: Sighting(at, ip, gateway) for key, at, ip, gateway in cursor.fetchall()}
    return ApiKey.objects.mark_used(_merged(seen, counted))


def _merged(seen: dict[int, Sighting], counted: dict[int, datetime]) -> dict[int, Sighting]:
    """The newer of both for each key; a sighting lends its address to calls just after it."""
    found = dict(seen)
    for key, at in counted.items():
        sighting = seen.get(key)
        if sighting is None or at - sighting.at > SAME_TRAFFIC:
            found[key] = Sighting(at)
        elif at > sighting.at:
            found[key] = sighting._replace(at=at)
    return found


@transaction.atomic
def replay_quarantined(*, record: QuarantinedRecord, max_age: timedelta = MAX_AGE) -> Receipt:
    """Take the record in again, in its dialect, as if the gateway had sent it now; safe to repeat.

    `max_age` may reach back as far as raw usage is kept. What is still refused stays quarantined.
    """
    gateway = Gateway.objects.get(pk=record.gateway_id)
    kept = timedelta(days=settings.APIM_USAGE_RETENTION_DAYS)
    receipt = receive(
        gateway=gateway,
        body=record.raw.encode(),
        read=READERS.get(record.format, READERS["own"]),
        max_age=min(max_age, kept),
    )
    if not receipt.quarantined:
        record.replayed_at = clock.now()
        record.save(update_fields=["replayed_at"])
    return receipt
