"""The one shape that every gateway's record is brought into before it is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence  # noqa: TC003 - of a dataclass
from dataclasses import dataclass, field
from datetime import date, datetime  # noqa: TC003 - msgspec reads annotations at run time
from decimal import Decimal, InvalidOperation
from enum import IntFlag
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

import msgspec

# Units have up to six decimals, so a millionth is the whole number that is stored and added.
MICRO = 1_000_000
MAX_UNITS = 10**12
MAX_COST = 1_000_000


class Flag(IntFlag):
    """What is unusual about an event. Stored as a number; values are never reused."""

    LATE = 1  # came more than an hour after the call
    SKEWED = 2  # the gateway's clock is ahead of ours
    UNATTRIBUTED = 4  # passed the check, yet belongs to nobody that we know
    CONTRADICTED = 8  # the record's ids do not belong together; the key's own won


class Names(NamedTuple):
    """Public ids as the gateway reported them; not yet believed."""

    key: str
    application: str
    subscription: str
    plan: str
    version: str
    environment: str


NO_NAMES = Names("", "", "", "", "", "")


class Foreign(NamedTuple):
    """Names in a foreign gateway's own words; empty where it reports none. Never a secret."""

    # Id of the credential at the gateway; at most 128 characters, like the others.
    credential: str = ""
    consumer: str = ""
    route: str = ""
    service: str = ""


NO_FOREIGN = Foreign()


class Event(msgspec.Struct, gc=False):
    """One call. Durations in microseconds; `path` without query, secrets removed."""

    event_id: str
    # When the call began, UTC.
    occurred_at: datetime
    occurred_on: date
    names: Names
    method: str
    path: str
    status: int
    duration_us: int
    # None: the call never got there, or the gateway does not measure it.
    upstream_us: int | None
    request_bytes: int
    response_bytes: int
    decision: str
    is_denied: bool
    is_billable: bool
    # The caller's program, by family: the dimension "client".
    user_agent: str
    # Measured units times MICRO; 0 when the gateway measured none.
    units_micro: int = 0
    # What the call counted in limits.
    cost: int = 1
    # It passed beyond a soft limit.
    is_overage: bool = False
    # ISO 3166-1 alpha-2, upper case, or empty.
    country: str = ""
    # Where the caller called from. Kept for the key only (last seen), not with the event.
    ip: str = ""
    foreign: Foreign = NO_FOREIGN


class Span(NamedTuple):
    """The instants of the earliest and the latest of some events."""

    first_at: datetime
    last_at: datetime

    def days(self, events: Sequence[Event]) -> set[date]:
        """The UTC days of these events, which lie in the span."""
        first = self.first_at.date()
        if first == self.last_at.date():
            return {first}
        return {event.occurred_on for event in events}


_instant = attrgetter("occurred_at")


def span_of(events: Sequence[Event]) -> Span | None:
    """None without events."""
    return Span(min(map(_instant, events)), max(map(_instant, events))) if events else None


class Refused(Exception):
    """This record cannot be counted. `code` is stable, the message says what is wrong."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be counted, as it came; `index` is its place in the delivery."""

    index: int
    code: str
    message: str
    raw: bytes


@dataclass(slots=True)
class Reading:
    """What a dialect makes of a delivery; `ignored` counts rows that are no calls."""

    events: list[Event] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    ignored: int = 0
    # The record of each event, in their order, if the dialect still has them.
    raws: list[bytes] = field(default_factory=list)
    # Reads the delivery once more with `raws`, for a dialect that is faster without.
    with_raws: Callable[[], Reading] | None = None
    # Which dialect reads the rejected records when they are replayed.
    format: str = "own"


@lru_cache(maxsize=4096)
def units_micro(reported: str | float | None) -> int:
    """Millionths of a unit, exactly; 0 for nothing, "-" and "".

    Raises Refused for what is no number, negative, above MAX_UNITS or finer than a millionth.
    """
    if reported is None or reported in {"", "-"}:
        return 0
    try:
        units = Decimal(str(reported)[:60])
        # Compared first: the digits of 1e900000 would take minutes to write out.
        micro = units * MICRO if 0 <= units <= MAX_UNITS else Decimal(-1)
        whole = int(micro)
    except (InvalidOperation, ValueError, OverflowError):
        raise Refused("invalid_units", f"{str(reported)[:60]!r} is no number of units") from None
    if whole != micro or not 0 <= micro <= MAX_UNITS * MICRO:
        raise Refused(
            "invalid_units",
            f"{str(reported)[:60]!r}: units are 0 to {MAX_UNITS} with at most six decimals",
        )
    return whole


# What proxies write for "unknown": XX and T1 (Tor) are Cloudflare's, ZZ is CLDR's.
_NO_COUNTRY = frozenset({"XX", "T1", "ZZ"})
_COUNTRY = re.compile(r"[A-Z]{2}")


@lru_cache(maxsize=1024)
def country_code(reported: str) -> str:
    """ISO 3166-1 alpha-2 in upper case; empty for what cannot be one."""
    code = reported.strip().upper()
    return code if _COUNTRY.fullmatch(code) and code not in _NO_COUNTRY else ""
