"""Picking values out of records that other people's software wrote.

Nothing here fails on a strange type: what cannot be read is unknown (None or ""), as are the ways
in which gateways write "not known": null, "", "-" and -1. Only a call without an instant is refused.
"""

from __future__ import annotations

import hashlib
import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from analytics.events import NO_NAMES, Foreign, Names, Refused
from analytics.scrub import MASK, is_key_text, without_controls, without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TEXT = 1000
MAX_NAME = 128
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds since 1970 of the years in which a call can have happened: 2001 to 2100.
_EARLIEST_SECOND, _LATEST_SECOND = 10**9, 4_133_980_800
_UNITS_PER_SECOND = (1, 1000, 1_000_000, 1_000_000_000)
_UNKNOWN = frozenset({"", "-", "-1"})
# Past anything that is measured, yet small enough to calculate with.
_HUGE = 2**128
_SEPARATORS = re.compile(r"\s*[,:]\s+|,")
DIGEST_MARK = "sha256:"
# As the Common Log Format and `$time_local` have it: 21/Sep/2026:14:13:20 +0000
_COMMON_LOG_TIME = "%d/%b/%Y:%H:%M:%S %z"
# RFC 3339 §5.6 lets a minute that ends in a leap second have a second 60.
_LEAP_SECOND = re.compile(r"(?<=\d\d:\d\d:)60(?:[.,]\d+)?")
# "2026-09-21 14:13:20.12 +0200 CEST", as Go prints a time.
_SPACE_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d)")
_ZONE_BEHIND_OFFSET = re.compile(r"(?<=[+-]\d{4})\s+[A-Z]{2,5}$")
# 1m2.5s, 42.1ms, 900us: how Go writes a duration (time.Duration.String).
_GO_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s|[u\u00b5\u03bc]s|ns))+")
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|[u\u00b5\u03bc]s|ns)")
_GO_MICROSECONDS = {
    "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1000,
    "us": 1, "\u00b5s": 1, "\u03bcs": 1, "ns": 0.001,
}  # fmt: skip


def decode(raw: bytes) -> dict[str, Any]:
    """The JSON object of one record. Raises Refused.

    A caller may put any byte into a path, so text that is not UTF-8 is repaired.
    """
    try:
        record = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        repaired = raw.decode("utf-8", "replace").encode()
        if repaired == raw:
            raise Refused("not_json", str(error)) from None
        return decode(repaired)
    if not isinstance(record, dict):
        raise Refused("not_an_object", "a record is a JSON object")
    return record


def dig(record: object, *names: str) -> Any:
    """The value under `names`, one inside the other; None where the way ends."""
    for name in names:
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def first(record: Mapping[str, Any], *names: str) -> Any:
    """The first of the named values that is known."""
    for name in names:
        value = record.get(name)
        if value is not None and not (isinstance(value, str) and value in _UNKNOWN):
            return value
    return None


def text(value: object) -> str:
    """A text of at most MAX_TEXT characters; numbers are written out, anything else is unknown."""
    if isinstance(value, str):
        value = value[:MAX_TEXT].strip()
        return "" if value in _UNKNOWN else value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    return ""


def number(value: object) -> int | float | None:
    """A number ≥ 0, also when it was written as text."""
    if isinstance(value, str):
        value = _number_in(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return min(value, _HUGE) if value >= 0 else None
    return value if math.isfinite(value) and value >= 0 else None


def _number_in(written: str) -> int | float | None:
    written = written.strip()
    if len(written) > 40:
        return None
    try:
        return int(written) if written.isdigit() else float(written)
    except ValueError:
        return None


def total(value: object) -> int | float | None:
    """The sum of "0.01, 0.02 : 0.03", as NGINX and Kong write what several upstreams took."""
    if not isinstance(value, str):
        return number(value)
    known = [n for part in _parts(value) if (n := number(part)) is not None]
    return sum(known) if known else None


def _parts(value: str) -> list[str]:
    return [part for part in _SEPARATORS.split(value[:MAX_TEXT].strip()) if part]


def status(value: object) -> int:
    """An HTTP status; 0 when the caller was not answered or nobody knows. Raises Refused."""
    known = number(value)
    if known is None:
        return 0
    if known > 999:
        raise Refused("invalid_status", f"{str(value)[:40]} is no HTTP status")
    return int(known)


def whole(value: object) -> int:
    """A count or size; 0 when unknown."""
    known = number(value)
    return 0 if known is None else int(known)


def microseconds(value: object, per_second: int) -> int | None:
    """A duration given in 1/`per_second` seconds, or with its unit (42.1ms); None when unknown."""
    known = number(value)
    if known is None:
        return _with_unit(value) if isinstance(value, str) else None
    if isinstance(known, int):
        return known * 1_000_000 // per_second
    return round(known * (1_000_000 / per_second)) if known < 2**60 else 2**62


def _with_unit(written: str) -> int | None:
    written = written[:40].strip()
    if not _GO_DURATION.fullmatch(written):
        return None
    parts = _GO_PART.findall(written)
    return round(sum(float(amount) * _GO_MICROSECONDS[unit] for amount, unit in parts))


def epoch(value: object, per_second: int) -> datetime:
    """An instant given in 1/`per_second` seconds since 1970. Raises Refused.

    Gateways can be told to log another unit; the magnitude tells which, as only one of them gives
    an instant of this century.
    """
    known = number(value)
    if known is None:
        raise missing_time()
    since = microseconds(known, _unit_of(known, per_second))
    try:
        return _EPOCH + timedelta(microseconds=since or 0)
    except OverflowError:
        raise Refused("invalid_time", "the time lies outside the calendar") from None


def _unit_of(since: float, per_second: int) -> int:
    units = (per_second, *_UNITS_PER_SECOND)
    return next((u for u in units if _EARLIEST_SECOND <= since / u < _LATEST_SECOND), per_second)


def instant(value: object, per_second: int) -> datetime:
    """An instant, as a number since 1970 or written out. Raises Refused."""
    return iso(value) if number(value) is None else epoch(value, per_second)


def iso(value: object) -> datetime:
    """An instant written after RFC 3339, with any number of digits, or as in common logs.

    A leap second counts in the minute that it ends. Raises Refused.
    """
    written = text(value)
    if not written:
        raise missing_time()
    try:
        found = _written_out(written)
        if found.tzinfo is None:
            raise Refused("invalid_time", f"{written[:40]} has no offset from UTC")
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused("invalid_time", f"{written[:40]} is no RFC 3339 instant") from None


def _written_out(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        pass
    # RFC 3339 §5.6 allows small letters.
    written = _LEAP_SECOND.sub("59.999999", written[:60].upper())
    if "/" in written:
        return datetime.strptime(written.strip("[]"), _COMMON_LOG_TIME).astimezone(UTC)
    return datetime.fromisoformat(
        _ZONE_BEHIND_OFFSET.sub("", _SPACE_BEFORE_OFFSET.sub("", written))
    )


def began(end: datetime, duration_us: int | None) -> datetime:
    """The start of a call that was logged at its end. Raises Refused."""
    try:
        return end - timedelta(microseconds=duration_us or 0)
    except OverflowError:
        raise Refused("invalid_duration", f"{duration_us} µs is no duration of a call") from None


def missing_time() -> Refused:
    return Refused("missing_time", "the record does not say when the call happened")


def path(value: object) -> str:
    """The path of a path or a whole URL, without the query."""
    written = text(value)
    if not written.startswith("/") and "://" in written[:12]:
        try:
            written = urlsplit(written).path or "/"
        except ValueError:
            written = "/"
    return written.partition("?")[0].partition("#")[0]


def header(headers: object, name: str) -> str:
    """A header whatever its case; gateways write its value as a text or a list."""
    if not isinstance(headers, dict):
        return ""
    value = headers.get(name)
    if value is None:
        value = next((v for k, v in headers.items() if k.lower() == name), None)
    return text(value[0] if isinstance(value, list) and value else value)


def request_line(value: object) -> tuple[str, str]:
    """Method and path of `GET /tides?x=1 HTTP/1.1`; empty when it is something else."""
    parts = text(value).split(" ")
    return (parts[0], path(parts[1])) if len(parts) in {2, 3} else ("", "")


def fingerprint(record: object) -> str:
    """32 hex digits that stand for everything in the record, whatever the order of its names."""
    canonical = msgspec.json.encode(record, order="deterministic")
    return hashlib.sha256(canonical).hexdigest()[:32]


def joined_id(*parts: str) -> str:
    """One id out of several; a digest where they would be too long or run into each other."""
    plain = " ".join(parts)
    if len(plain) <= MAX_NAME and plain.isprintable() and not any(" " in part for part in parts):
        return plain
    spelled = "".join(f"{len(part)}:{part}" for part in parts)
    return "~" + hashlib.sha256(spelled.encode("utf-8", "replace")).hexdigest()[:32]


def hidden(secret: object) -> str:
    """A name for a raw key that does not give it away, yet is the same each time."""
    written = text(secret)
    if not written or written.startswith(DIGEST_MARK):
        return written
    digest = hashlib.sha256(written.encode("utf-8", "replace")).hexdigest()
    return DIGEST_MARK + digest[:32]


@lru_cache(maxsize=8192)
def _name(written: str) -> str:
    if is_key_text(written):
        return hidden(written)
    return without_controls(without_secrets(written))[:MAX_NAME].replace(MASK, "")


def foreign(
    *, credential: object = "", consumer: object = "", route: object = "", service: object = ""
) -> Foreign:
    """Names in the gateway's own words, fit to be stored: a key put there by mistake is hidden."""
    return Foreign(
        _name(text(credential)[:200]),
        _name(text(consumer)[:200]),
        _name(text(route)[:200]),
        _name(text(service)[:200]),
    )


# Prefixes as the models have them (apim/keys/models.py) and 20 random characters.
_OWN_ID = re.compile(r"(key|app|sub)_[0-9A-Za-z]{20}")
_OWN_NAMES = {"key": "key", "app": "application", "sub": "subscription"}


_VERSION_ID = re.compile(r"ver_[0-9A-Za-z]{20}")


def is_version_id(written: str) -> bool:
    return _VERSION_ID.fullmatch(written) is not None


def own_names(*written: str) -> Names:
    """Our own public ids among what the gateway wrote."""
    found = {}
    for one in written:
        if match := _OWN_ID.fullmatch(one):
            found[_OWN_NAMES[match[1]]] = one
    return NO_NAMES._replace(**found) if found else NO_NAMES
