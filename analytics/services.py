"""Writes that follow from usage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from analytics import sightings
from analytics.intake import MAX_AGE, Receipt, receive
from apim.core import clock
from apim.gateway.models import Gateway
from apim.keys.models import ApiKey

if TYPE_CHECKING:
    from analytics.models import QuarantinedRecord

_KEYS_USED = """
    SELECT a.key_id, max(r.last_at)
    FROM analytics_usage_minute r JOIN analytics_attribution a ON a.id = r.attribution_id
    WHERE r.bucket >= %s AND a.key_id IS NOT NULL
    GROUP BY a.key_id
"""


def note_keys_used(*, since: timedelta = timedelta(minutes=15)) -> int:
    """Copy where keys were last seen to their rows; returns how many keys changed."""
    with connection.cursor() as cursor:
        cursor.execute(_KEYS_USED, [clock.now() - since])
        counted = dict(cursor.fetchall())
    return ApiKey.objects.mark_used(sightings.merged(sightings.take(), counted))


@transaction.atomic
def replay_quarantined(*, record: QuarantinedRecord, max_age: timedelta = MAX_AGE) -> Receipt:
    """Take the record in again, as if the gateway had sent it now; safe to repeat.

    `max_age` may reach back as far as raw usage is kept. What is still refused stays quarantined.
    """
    gateway = Gateway.objects.get(pk=record.gateway_id)
    kept = timedelta(days=settings.APIM_USAGE_RETENTION_DAYS)
    receipt = receive(gateway=gateway, body=record.raw.encode(), max_age=min(max_age, kept))
    if not receipt.quarantined:
        record.replayed_at = clock.now()
        record.save(update_fields=["replayed_at"])
    return receipt
