"""Reads: how gateways deliver their usage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from apim.core import clock

PERIOD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What came from a gateway in the last 24 hours, and its last delivery.

    `delay_seconds`: from the latest call in that delivery until it came, None without calls.
    """

    accepted: int
    duplicates: int
    quarantined: int
    last_at: datetime
    format: str
    delay_seconds: float | None

    @property
    def delay_ms(self) -> float | None:
        return None if self.delay_seconds is None else self.delay_seconds * 1000


_BY_GATEWAY = """
    WITH recent AS (
        SELECT * FROM analytics_usagebatch
        WHERE received_at >= %(since)s AND (%(gateway)s::bigint IS NULL OR gateway_id = %(gateway)s)
    ), latest AS (
        SELECT DISTINCT ON (gateway_id) gateway_id, received_at, format,
               extract(epoch FROM received_at - last_at)::float8 AS delay
        FROM recent ORDER BY gateway_id, id DESC
    )
    SELECT gateway_id, sum(accepted)::bigint, sum(duplicates)::bigint, sum(quarantined)::bigint,
           latest.received_at, latest.format, latest.delay
    FROM recent JOIN latest USING (gateway_id)
    GROUP BY gateway_id, latest.received_at, latest.format, latest.delay
"""


def deliveries(gateway_id: int | None = None) -> dict[int, Deliveries]:
    """By gateway (primary key): one gateway's or all. Silent ones are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_GATEWAY, {"since": clock.now() - PERIOD, "gateway": gateway_id})
        return {
            pk: Deliveries(
                accepted, repeated, refused, at, dialect, None if delay is None else max(0.0, delay)
            )
            for pk, accepted, repeated, refused, at, dialect, delay in cursor.fetchall()
        }
