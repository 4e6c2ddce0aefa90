"""Our own access log line: what our Envoy writes, and the easiest target for any other gateway.

Numbers may come as strings (Envoy writes header values so); what is not known may be null or left
out. Fields that are not named here are ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from analytics.events import (
    MAX_COST,
    Event,
    Names,
    Reading,
    Refused,
    country_code,
    units_micro,
)
from analytics.formats.bodies import MAX_RECORDS, split
from analytics.formats.reading import each
from analytics.scrub import clean_path, user_agent_family, without_controls

MAX_ID_LENGTH = 128
MAX_NAME_LENGTH = 32
MAX_PATH_LENGTH = 1000
_NO_ID = "?"
MAX_MILLISECONDS = 7 * 86_400_000
MAX_BYTES = 2**50
# Envoy's %ACCESS_LOG_TYPE%: only the row at the end of a request is a call; the others repeat it.
_INTERMEDIATE = frozenset(
    {
        "DownstreamStart",
        "DownstreamPeriodic",
        "DownstreamTunnelSuccessfullyEstablished",
        "UpstreamPoolReady",
        "UpstreamPeriodic",
        "UpstreamEnd",
    }
)


class Line(msgspec.Struct, gc=False):
    """The fields of a line; times in milliseconds."""

    id: str | None = None
    ts: datetime | None = None
    type: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = None
    duration_ms: float | None = None
    upstream_ms: float | None = None
    request_bytes: int | None = None
    response_bytes: int | None = None
    key: str | None = None
    application: str | None = None
    subscription: str | None = None
    plan: str | None = None
    version: str | None = None
    environment: str | None = None
    user_agent: str | None = None
    decision: str | None = None
    ip: str | None = None
    country: str | None = None
    # A number, or its text.
    units: str | int | float | None = None
    cost: int | None = None
    # The soft limit beyond which the call passed.
    overage: str | None = None


# Not strict: "42" is read as 42 where a number is due, and a number as seconds since 1970.
_DECODER = msgspec.json.Decoder(Line, strict=False)


def read_delivery(body: bytes) -> Reading:
    """The events of a body: object, array or one object per line.

    One line after the other without splitting them first is faster, but says neither which record
    is bad nor what stood in it; so a delivery that holds a bad one is read again.
    """
    if body[:1] != b"{" or body.count(b"\n") > MAX_RECORDS:
        return _one_by_one(body)
    try:
        lines = _DECODER.decode_lines(body)
        events = [_event(line) for line in lines if line.type not in _INTERMEDIATE]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Refused):
        return _one_by_one(body)
    return Reading(events, ignored=len(lines) - len(events), with_raws=lambda: _one_by_one(body))


def _one_by_one(body: bytes) -> Reading:
    return each(split(body), read, format="own")


def read(raw: bytes) -> Event | None:
    """The event of one line; None for an intermediate row, which is no call.

    Raises Refused.
    """
    try:
        line = _DECODER.decode(raw)
    except msgspec.ValidationError as error:
        raise Refused("invalid_field" if _is_whole(raw) else "not_json", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        repaired = raw.decode("utf-8", "replace").encode()
        if repaired == raw:
            raise Refused("not_json", str(error)) from None
        return read(repaired)  # a caller may put any byte into a path; the call still counts
    return None if line.type in _INTERMEDIATE else _event(line)


def _event(line: Line) -> Event:
    occurred_at = _instant(line.ts)
    status = line.status or 0
    if not 0 <= status <= 999:
        raise Refused("invalid_status", f"{status} is no HTTP status")
    upstream_us = None if line.upstream_ms is None else _microseconds(line.upstream_ms)
    path = line.path or ""
    if line.decision:
        decision = _decision(line.decision[:40])
    else:  # a gateway that keeps silent, but forwarded a call with a key, has allowed it
        decision = "allowed" if line.key and upstream_us is not None else "none"
    event = Event(
        _event_id(line.id),
        occurred_at,
        occurred_at.date(),
        _names(
            _short(line.key),
            _short(line.application),
            _short(line.subscription),
            _short(line.plan),
            _short(line.version),
            _short(line.environment),
        ),
        _method((line.method or "")[:16]),
        clean_path((path.split("?", 1)[0] if "?" in path else path)[:MAX_PATH_LENGTH]),
        status,
        _microseconds(line.duration_ms or 0),
        upstream_us,
        _size(line.request_bytes),
        _size(line.response_bytes),
        decision,
        decision.startswith("denied"),
        decision == "allowed" and upstream_us is not None and 0 < status < 500,
        user_agent_family(line.user_agent[:200]) if line.user_agent else "",
    )
    if line.ip:
        event.ip = line.ip[:45]
    if line.country:
        event.country = country_code(line.country[:8])
    if line.units is not None:
        event.units_micro = units_micro(_cut(line.units))
    if line.cost is not None:
        event.cost = _cost(line.cost)
    if line.overage:
        event.is_overage = line.overage != "-"
    return event


def _cut(units: str | float) -> str | int | float:
    return units[:60] if isinstance(units, str) else units


def _cost(value: int) -> int:
    if not 0 <= value <= MAX_COST:
        raise Refused("invalid_cost", f"{value}: a call counts 0 to {MAX_COST} in limits")
    return value


def _is_whole(raw: bytes) -> bool:
    """A record cut off in the middle can show a wrong type before it shows its end."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _short(name: str | None) -> str | None:
    """What callers can make long is cut before it is remembered, or they could fill the memory."""
    return name and name[: MAX_NAME_LENGTH + 1]


@lru_cache(maxsize=8192)
def _names(*reported: str | None) -> Names:
    return Names(*map(_name, reported))


def _name(public_id: str | None) -> str:
    """The id if it can be one; what cannot stays named, so that it is not taken for absent."""
    if not public_id:
        return ""
    is_possible = len(public_id) <= MAX_NAME_LENGTH and public_id.isidentifier()
    return public_id if is_possible else _NO_ID


def _event_id(value: str | None) -> str:
    if not value:
        raise Refused("missing_id", "the record has no id, so it could be counted twice")
    if len(value) > MAX_ID_LENGTH or not value.isprintable():
        raise Refused("invalid_id", f"an id has at most {MAX_ID_LENGTH} printable characters")
    return value


def _instant(value: datetime | None) -> datetime:
    if value is None:
        raise Refused("missing_time", "the record does not say when the call happened (ts)")
    if value.tzinfo is None:
        raise Refused("invalid_time", "ts has no offset from UTC, so its instant is not known")
    if value.tzinfo is UTC:
        return value
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise Refused("invalid_time", "ts lies outside the calendar") from None


def _microseconds(milliseconds: float) -> int:
    """Gateways write -1 for what they did not measure. `not (… <= …)` also catches NaN."""
    if not (-1 <= milliseconds <= MAX_MILLISECONDS):
        raise Refused("invalid_duration", f"{milliseconds} ms is no duration of a call")
    return int(milliseconds * 1000) if milliseconds > 0 else 0


def _size(value: int | None) -> int:
    if value is None or value <= 0:
        return 0
    if value > MAX_BYTES:
        raise Refused("invalid_size", f"{value} bytes is no size of a message")
    return value


@lru_cache(maxsize=1024)
def _decision(reported: str) -> str:
    """`allowed`, `denied:<code>` or `none`."""
    return without_controls(reported)


@lru_cache(maxsize=256)
def _method(reported: str) -> str:
    return without_controls(reported.upper())[:16]
