"""Writes that follow from usage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from analytics.formats.bodies import expand
from analytics.formats.registry import READERS
from analytics.intake import MAX_AGE, Receipt, refusals, store
from analytics.scrub import without_controls, without_secrets
from apim.core import clock
from apim.core.errors import DomainError
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

    `max_age` may reach back as far as raw usage is kept. What is still refused stays quarantined,
    with the reason that holds now.
    """
    gateway = Gateway.objects.get(pk=record.gateway_id)
    max_age = min(max_age, timedelta(days=settings.APIM_USAGE_RETENTION_DAYS))
    try:
        reading = READERS.get(record.format, READERS["own"])(expand(record.raw.encode()))
    except DomainError as error:
        return _still_refused(record, error.code, error.message)
    if refused := refusals(reading, max_age=max_age):
        return _still_refused(record, refused[0].code, refused[0].message)
    if not reading.events and not reading.ignored:
        return _still_refused(record, "no_call", "no call stands in the record")
    receipt = store(gateway=gateway, reading=reading, max_age=max_age)
    record.replayed_at = clock.now()
    record.save(update_fields=["replayed_at"])
    return receipt


def _still_refused(record: QuarantinedRecord, code: str, message: str) -> Receipt:
    record.code, record.message = code, without_controls(without_secrets(message))[:400]
    record.save(update_fields=["code", "message"])
    return Receipt(quarantined=1)
