"""Rows of usage_event in COPY's binary format, made from events as fast as Python can.

What many events share (all small columns) is one remembered piece of bytes, so that a row is three
look-ups and two packed structs. The sender picks the order of the columns: shared ones come first.
https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from struct import Struct
from typing import TYPE_CHECKING

from analytics.events import Flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.attribution import Attributed
    from analytics.events import Event

_SHARED = (
    "gateway_id, batch_id, attribution_id, organization_id, occurred_on, status, flags,"
    " is_billable, is_denied, cost, units_micro, is_overage, method, decision, user_agent, country"
)
_OWN = "occurred_at, duration_us, upstream_us, request_bytes, response_bytes, event_id, path"
COLUMNS = f"{_SHARED}, {_OWN}"
_COUNT = COLUMNS.count(",") + 1

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_INT8, _INT4, _INT2, _BOOL = Struct(">iq"), Struct(">ii"), Struct(">ih"), Struct(">i?")
_OWN_NUMBERS = Struct(">iqiqiqiqiq").pack
_OWN_NUMBERS_WITHOUT_UPSTREAM = Struct(">iqiqiiqiq").pack
_LENGTHS = [length.to_bytes(4, "big") for length in range(4 * 500 + 1)]
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()


def rows(
    gateway_id: int,
    batch_id: int,
    events: Sequence[Event],
    attributed: Sequence[Attributed],
    *,
    late: datetime,
    ahead: datetime,
) -> bytes:
    """The binary COPY of these events: those before `late` are flagged, and those after `ahead`."""
    pieces: list[bytes] = [_HEADER]
    add = pieces.extend
    shared: dict[tuple[object, ...], bytes] = {}
    paths: dict[str, bytes] = {}
    lengths, numbers, epoch = _LENGTHS, _OWN_NUMBERS, _EPOCH
    start = (gateway_id, batch_id)
    for event, belonging in zip(events, attributed, strict=True):
        at = event.occurred_at
        timing = 0
        if at < late:
            timing = Flag.LATE
        elif at > ahead:
            timing = Flag.SKEWED
        kind = (
            belonging,
            timing,
            event.occurred_on,
            event.status,
            event.is_billable,
            event.is_denied,
            event.cost,
            event.units_micro,
            event.is_overage,
            event.method,
            event.decision,
            event.user_agent,
            event.country,
        )
        head = shared.get(kind)
        if head is None:
            head = shared[kind] = _shared(*start, event, belonging, timing)
        path = paths.get(event.path)
        if path is None:
            path = paths[event.path] = _text(event.path)
        since = at - epoch
        micros = since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds
        upstream = event.upstream_us
        if upstream is None:
            own = _OWN_NUMBERS_WITHOUT_UPSTREAM(
                8, micros, 8, event.duration_us, -1, 8, event.request_bytes, 8, event.response_bytes
            )
        else:
            own = numbers(
                *(8, micros, 8, event.duration_us, 8, upstream),
                *(8, event.request_bytes, 8, event.response_bytes),
            )
        identity = event.event_id.encode()
        add((head, own, lengths[len(identity)], identity, path))
    pieces.append(_TRAILER)
    return b"".join(pieces)


def _shared(
    gateway_id: int, batch_id: int, event: Event, belonging: Attributed, timing: int
) -> bytes:
    """The number of columns, then those of _SHARED."""
    attribution_id, organization_id, flags = belonging
    flags |= timing
    if organization_id is None and event.decision == "allowed":
        flags |= Flag.UNATTRIBUTED
    return b"".join(
        [
            _COUNT.to_bytes(2, "big"),
            _INT8.pack(8, gateway_id),
            _INT8.pack(8, batch_id),
            _INT8.pack(8, attribution_id),
            _NULL if organization_id is None else _INT8.pack(8, organization_id),
            _INT4.pack(4, event.occurred_on.toordinal() - _EPOCH_DAY),
            _INT2.pack(2, event.status),
            _INT2.pack(2, flags),
            _BOOL.pack(1, event.is_billable),
            _BOOL.pack(1, event.is_denied),
            _INT4.pack(4, event.cost),
            _INT8.pack(8, event.units_micro),
            _BOOL.pack(1, event.is_overage),
            _text(event.method),
            _text(event.decision),
            _text(event.user_agent),
            _text(event.country),
        ]
    )


def _text(text: str) -> bytes:
    """A value of text. Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes "?"."""
    encoded = text.encode("utf-8", "replace")
    return _LENGTHS[len(encoded)] + encoded
