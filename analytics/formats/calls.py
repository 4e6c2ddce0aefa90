"""One call of a foreign gateway, brought into the shape that is stored.

Every dialect ends here, so that limits, defaults and what is billable are decided once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from analytics.events import NO_FOREIGN, Event, Refused, country_code, units_micro
from analytics.formats.fields import hidden, is_version_id, own_names, text
from analytics.scrub import clean_path, is_key_text, user_agent_family, without_controls

if TYPE_CHECKING:
    from datetime import datetime

    from analytics.events import Foreign

MAX_ID_LENGTH = 128
MAX_MICROSECONDS = 7 * 86_400_000_000
MAX_BYTES = 2**50
# What a gateway answers itself when it does not let a call through.
_REFUSALS = frozenset({401, 403, 429})
# NGINX, and what is built on it, for a caller who left before there was an answer.
_CALLER_LEFT = 499


def call(  # noqa: PLR0913 - the fields of a call
    *,
    event_id: str,
    at: datetime,
    method: str = "",
    path: str = "",
    status: int = 0,
    duration_us: int | None = None,
    upstream_us: int | None = None,
    is_forwarded: bool | None = None,
    request_bytes: int = 0,
    response_bytes: int = 0,
    user_agent: str = "",
    units: str | float | None = None,
    country: str = "",
    ip: str = "",
    key: str = "",
    version: str = "",
    foreign: Foreign = NO_FOREIGN,
) -> Event:
    """The event of a call that began `at`. An empty id is filled in from the whole record.

    `is_forwarded` tells whether the upstream was asked; None when the gateway does not tell, and
    then 401, 403 and 429 count as the gateway's own refusal: rather one call for nothing than a
    refused one on the bill. Our own public ids in `key`, `version` or `foreign` become names.
    Raises Refused.
    """
    if is_forwarded is None:
        is_forwarded = status not in _REFUSALS
    is_denied = not is_forwarded and status in _REFUSALS
    names = own_names(key, foreign.credential, foreign.consumer)
    if version and is_version_id(version):
        names = names._replace(version=version)
    if is_denied:
        decision = f"denied:{status}"
    else:
        decision = "allowed" if names.key and is_forwarded else "none"
    return Event(
        _event_id(event_id),
        at,
        at.date(),
        names,
        _method(method[:64]),
        clean_path(path),
        status,
        _duration(duration_us) or 0,
        _duration(upstream_us),
        _size(request_bytes),
        _size(response_bytes),
        decision,
        is_denied,
        is_forwarded and 0 < status < 500 and status != _CALLER_LEFT,
        user_agent_family(user_agent[:200]) if user_agent else "",
        # A binary fraction has more digits than were meant.
        units_micro(round(units, 6) if isinstance(units, float) else units),
        country=country_code(country[:8]) if country else "",
        ip=_address(ip[:64]),
        foreign=foreign,
    )


def _event_id(value: str) -> str:
    if len(value) > MAX_ID_LENGTH or not value.isprintable():
        raise Refused("invalid_id", f"an id has at most {MAX_ID_LENGTH} printable characters")
    # Where callers choose the id, one may send its key as such.
    return hidden(value) if "_" in value and is_key_text(value) else value


def _duration(value: int | None) -> int | None:
    if value is not None and value > MAX_MICROSECONDS:
        raise Refused("invalid_duration", f"{value} µs is no duration of a call")
    return value


def _size(value: int) -> int:
    if value > MAX_BYTES:
        raise Refused("invalid_size", f"{value} bytes is no size of a message")
    return value


@lru_cache(maxsize=256)
def _method(reported: str) -> str:
    return "" if is_key_text(reported) else without_controls(reported.upper())[:16]


def _address(reported: str) -> str:
    """The caller's address: the first of those on the way, without a port behind it."""
    reported = text(reported.partition(",")[0]).strip("[]")
    if reported.count(":") == 1:
        reported = reported.partition(":")[0]
    return reported.partition("]")[0] if reported.isprintable() else ""
