"""The one shape that every gateway's record is brought into before it is stored."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 - msgspec reads annotations at run time
from enum import IntFlag
from typing import NamedTuple

import msgspec


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


class Event(msgspec.Struct, gc=False):
    """One call. Durations in microseconds; `path` without query, secrets removed."""

    event_id: str
    occurred_at: datetime
    occurred_on: date
    names: Names
    method: str
    path: str
    status: int
    duration_us: int
    upstream_us: int | None
    request_bytes: int
    response_bytes: int
    decision: str
    is_denied: bool
    is_billable: bool
    user_agent: str


class Refused(Exception):
    """This record cannot be counted. `code` is stable, the message says what is wrong."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
