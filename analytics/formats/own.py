"""Our own access log line: what our Envoy writes, and the easiest target for any other gateway.

Numbers may come as strings (Envoy writes header values so); what is not known may be null or left
out. Fields that are not named here are ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

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
from analytics.formats.fields import hidden, instant
from analytics.formats.reading import each
from analytics.scrub import (
    clean_path,
    is_key_text,
    user_agent_family,
    without_controls,
    without_keys,
)

MAX_ID_LENGTH = 128
MAX_NAME_LENGTH = 32
MAX_PATH_LENGTH = 1000
MAX_REMEMBERED = 8192
MAX_REMEMBERED_LENGTH = 1000
_NO_ID = "?"
MAX_MILLISECONDS = 7 * 86_400_000
MAX_BYTES = 2**50
# What a status of gRPC is in HTTP, as in google/rpc/code.proto.
_GRPC_STATUSES: dict[int | None, int] = dict(
    enumerate((499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401), 1)
)
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
    # Our Envoy's: the names above and decision and overage, as one RFC 9651 dictionary.
    call: str | None = None
    # The status of a call of gRPC.
    grpc: int | None = None
    # Envoy's: null when it refused the request before anything that a caller claims was removed.
    route: str | msgspec.UnsetType | None = msgspec.UNSET


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
        plain = _with_plain_instant(raw)
        if plain is not None:
            return read(plain)
        raise Refused("invalid_field" if _is_whole(raw) else "not_json", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        repaired = raw.decode("utf-8", "replace").encode()
        if repaired == raw:
            raise Refused("not_json", str(error)) from None
        return read(repaired)  # a caller may put any byte into a path; the call still counts
    return None if line.type in _INTERMEDIATE else _event(line)


def _with_plain_instant(raw: bytes) -> bytes | None:
    """The line with `ts` after RFC 3339, if it has it otherwise: in milliseconds, a leap second."""
    try:
        record = msgspec.json.decode(raw)
        written = record["ts"]
        at = instant(written, 1).isoformat()
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
        LookupError,
        TypeError,
        Refused,
    ):
        return None
    return msgspec.json.encode({**record, "ts": at}) if at != written else None


def _event(line: Line) -> Event:
    """Checks only what can be wrong; the rest of a line repeats itself and is remembered.

    This runs for every call there is, hence the few functions that it calls.
    """
    if line.route is None:
        line = _nameless(line)
    at, path, event_id = line.ts, line.path or "", line.id
    status = _GRPC_STATUSES.get(line.grpc, line.status or 0)
    if at is None or at.tzinfo is not UTC:
        at = _instant(at)
    if not 0 <= status <= 999:
        raise Refused("invalid_status", f"{status} is no HTTP status")
    if (
        not event_id
        or "_" in event_id
        or len(event_id) > MAX_ID_LENGTH
        or not event_id.isprintable()
    ):
        event_id = _odd_id(event_id)
    upstream_us = None if line.upstream_ms is None else _microseconds(line.upstream_ms)
    reported = (
        *(line.call, line.key, line.application, line.subscription, line.plan, line.version),
        *(line.environment, line.decision, line.method, line.user_agent, upstream_us is None),
    )
    caller = _callers.get(reported) or _remembered(reported)
    event = Event(
        event_id,
        at,
        at.date(),
        caller.names,
        caller.method,
        clean_path((path.split("?", 1)[0] if "?" in path else path)[:MAX_PATH_LENGTH]),
        status,
        _microseconds(line.duration_ms) if line.duration_ms else 0,
        upstream_us,
        _size(line.request_bytes) if line.request_bytes else 0,
        _size(line.response_bytes) if line.response_bytes else 0,
        caller.decision,
        caller.is_denied,
        caller.is_forwarded and 0 < status < 500,
        caller.user_agent,
    )
    if line.ip:
        event.ip = line.ip[:45]
    if line.country:
        event.country = country_code(line.country[:8])
    if line.units is not None:
        event.units_micro = units_micro(_cut(line.units))
    if line.cost is not None:
        event.cost = _cost(line.cost)
    if caller.is_overage or line.overage:
        event.is_overage = caller.is_overage or line.overage != "-"
    return event


def _nameless(line: Line) -> Line:
    """The line without what its caller may have written into it."""
    return msgspec.structs.replace(
        line,
        call=None,
        key=None,
        application=None,
        subscription=None,
        plan=None,
        version=None,
        environment=None,
        decision=None,
        overage=None,
        cost=None,
    )


class _Caller(NamedTuple):
    """What follows from the fields that many lines share."""

    names: Names
    method: str
    decision: str
    is_denied: bool
    is_forwarded: bool
    is_overage: bool
    user_agent: str


_callers: dict[tuple[str | bool | None, ...], _Caller] = {}


def _remembered(reported: tuple[Any, ...]) -> _Caller:
    call, *names, decision, method, user_agent, is_not_forwarded = reported
    is_overage = False
    if call:
        facts = _facts(call[:MAX_REMEMBERED_LENGTH])
        names, decision = [facts.get(name) for name in Names._fields], facts.get("decision")
        is_overage = "overage" in facts
    if decision:
        decision = without_controls(without_keys(decision[:200]))[:40]
    else:  # a gateway that keeps silent, but forwarded a call with a key, has allowed it
        decision = "allowed" if names[0] and not is_not_forwarded else "none"
    caller = _Caller(
        names=Names(*map(_name, names)),
        method=""
        if is_key_text(method or "")
        else without_controls((method or "")[:16].upper())[:16],
        decision=decision,
        is_denied=decision.startswith("denied"),
        is_forwarded=decision == "allowed" and not is_not_forwarded,
        is_overage=is_overage,
        user_agent=user_agent_family(user_agent[:200]) if user_agent else "",
    )
    # What callers make long is not remembered, or they could fill the memory.
    if sum(len(text) for text in reported[:-1] if text) <= MAX_REMEMBERED_LENGTH:
        if len(_callers) >= MAX_REMEMBERED:
            _callers.clear()
        _callers[reported] = caller
    return caller


def _facts(call: str) -> dict[str, str]:
    """The members of the dictionary; our Envoy writes tokens, and strings without escapes."""
    members = (member.partition("=") for member in call.split(","))
    return {name.strip(): value.strip().strip('"') for name, _, value in members}


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


def _name(public_id: str | None) -> str:
    """The id if it can be one; what cannot stays named, so that it is not taken for absent."""
    if not public_id:
        return ""
    is_possible = len(public_id) <= MAX_NAME_LENGTH and public_id.isidentifier()
    return public_id if is_possible else _NO_ID


def _odd_id(value: str | None) -> str:
    """The id, hidden if a caller put its key there. Raises Refused."""
    if not value:
        raise Refused("missing_id", "the record has no id, so it could be counted twice")
    if len(value) > MAX_ID_LENGTH or not value.isprintable():
        raise Refused("invalid_id", f"an id has at most {MAX_ID_LENGTH} printable characters")
    return hidden(value) if is_key_text(value) else value


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


def _size(value: int) -> int:
    if value > MAX_BYTES:
        raise Refused("invalid_size", f"{value} bytes is no size of a message")
    return max(value, 0)
