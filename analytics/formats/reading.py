"""From single records to a reading, for dialects whose records can be read one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.events import Reading, Refused, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analytics.events import Event


def each(
    records: Iterable[bytes],
    read: Callable[[bytes], Event | None],
    *,
    format: str,  # noqa: A002 - the column's name
) -> Reading:
    """Read every record; None from `read` is a row that is no call, Refused is kept with its reason."""
    reading = Reading(format=format)
    for index, raw in enumerate(records):
        try:
            event = read(raw)
        except Refused as refusal:
            reading.rejected.append(Rejected(index, refusal.code, refusal.message, raw))
            continue
        if event is None:
            reading.ignored += 1
        else:
            reading.events.append(event)
            reading.raws.append(raw)
    return reading
