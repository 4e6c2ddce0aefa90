"""Recognises a call that is sent again with the date of the day before or after.

The key of usage_event holds the UTC day, for PostgreSQL wants the partition's column in it. A gateway
that dates a repetition anew therefore counts twice when a midnight lies between both dates. Ids of calls
close to a midnight are unique in a table of their own, whose partition is that midnight.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from analytics.events import Event, Span

# Two dates of one call at most two hours apart are recognised: between them lies midnight, so both
# are that close to it. The longest retry of a gateway that we know is Firehose's, two hours.
_AFTER = time(2)
_BEFORE = time(22)

_KEEP = """
    INSERT INTO analytics_usageeventid (gateway_id, event_id, midnight, occurred_on)
    SELECT %(gateway)s, near.id, near.midnight, near.day
    FROM unnest(%(ids)s::text[], %(midnights)s::date[], %(days)s::date[]) AS near (id, midnight, day)
    ORDER BY near.id, near.midnight
    ON CONFLICT DO NOTHING
"""
# A second statement sees what the first one waited for.
_OTHER_DAY = """
    SELECT near.id
    FROM unnest(%(ids)s::text[], %(midnights)s::date[], %(days)s::date[]) AS near (id, midnight, day)
    JOIN analytics_usageeventid known
      ON known.gateway_id = %(gateway)s AND known.event_id = near.id
     AND known.midnight = near.midnight
    WHERE known.occurred_on <> near.day
"""


def midnight_near(at: datetime) -> date | None:
    """The day that begins within two hours of the instant, if any."""
    clock_time: time = at.time()
    if clock_time < _AFTER:
        return at.date()
    return at.date() + timedelta(days=1) if clock_time >= _BEFORE else None


def may_be_near_midnight(span: Span) -> bool:
    """False when no event of the span is: the rule by day, at less than a look at each event."""
    first, last = span
    return (
        first.date() != last.date()
        or midnight_near(first) is not None
        or midnight_near(last) is not None
    )


def midnights_near(events: Sequence[Event]) -> set[date]:
    return {
        midnight for event in events if (midnight := midnight_near(event.occurred_at)) is not None
    }


def already_on_another_day(gateway_id: int, events: Sequence[Event]) -> set[str]:
    """Ids of events that are stored with another day's date; keeps those of the others.

    Must run in the transaction that stores the events.
    """
    near = [
        (event.event_id, midnight, event.occurred_on)
        for event in events
        if (midnight := midnight_near(event.occurred_at)) is not None
    ]
    if not near:
        return set()
    values: dict[str, Any] = {
        "gateway": gateway_id,
        "ids": [event_id for event_id, _, _ in near],
        "midnights": [midnight for _, midnight, _ in near],
        "days": [day for _, _, day in near],
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)
        if cursor.rowcount == len(near):
            return set()
        cursor.execute(_OTHER_DAY, values)
        return {event_id for (event_id,) in cursor.fetchall()}
