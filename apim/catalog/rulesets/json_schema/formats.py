"""The formats that are checked: those of ajv-formats, which are JSON Schema's and OpenAPI's."""

from __future__ import annotations

import ipaddress
import re
from datetime import date, time
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.patterns import BadPattern, pattern

if TYPE_CHECKING:
    from collections.abc import Callable

_DATE_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt\s](\S+)\Z")
# RFC 3339, section 5.6; a leap second is one.
_TIME = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)\Z"
)
_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z",
    re.IGNORECASE,
)
_HOSTNAME = re.compile(
    r"(?=.{1,253}\.?\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[-0-9a-z]{0,61}[0-9a-z])?)*\.?\Z",
    re.IGNORECASE,
)
_URI_CHARACTERS = re.compile(r"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=])*\Z")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+\Z")
_UUID = re.compile(r"(?:urn:uuid:)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)
_POINTER = re.compile(r"(?:/(?:[^~/]|~0|~1)*)*\Z")
_RELATIVE_POINTER = re.compile(r"(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)\Z")
_TEMPLATE = re.compile(r"(?:[^\x00-\x20\"'<>%\\^`{|}]|%[0-9a-f]{2}|\{[^{}\s]+\})*\Z", re.IGNORECASE)
_DURATION = re.compile(
    r"P(?!\Z)(?:(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?|\d+W)\Z"
)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")


def _is_date(value: str) -> bool:
    if len(value) != 10:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return value[4] == "-"


def _is_time(value: str) -> bool:
    match = _TIME.match(value)
    if match is None:
        return False
    hour, minute, second = (int(part) for part in match.groups())
    try:
        time(hour, minute, min(second, 59))
    except ValueError:
        return False
    return second <= 60


def _is_date_time(value: str) -> bool:
    match = _DATE_TIME.match(value)
    return match is not None and _is_date(match[1]) and _is_time(match[2])


def _is_address(value: str, kind: Callable[[str], Any]) -> bool:
    try:
        kind(value)
    except ValueError:
        return False
    return True


def _is_uri_reference(value: str) -> bool:
    return _URI_CHARACTERS.match(value) is not None


def _is_uri(value: str) -> bool:
    return _URI.match(value) is not None and _is_uri_reference(value)


def _is_regex(value: str) -> bool:
    try:
        pattern(value)
    except BadPattern:
        return False
    return True


FORMATS: dict[str, Callable[[Any], bool]] = {
    "date": _is_date,
    "time": _is_time,
    "date-time": _is_date_time,
    "duration": lambda v: _DURATION.match(v) is not None,
    "email": lambda v: _EMAIL.match(v) is not None,
    "hostname": lambda v: _HOSTNAME.match(v) is not None,
    "ipv4": lambda v: _is_address(v, ipaddress.IPv4Address),
    "ipv6": lambda v: _is_address(v, ipaddress.IPv6Address),
    "uri": _is_uri,
    "uri-reference": _is_uri_reference,
    "uri-template": lambda v: _TEMPLATE.match(v) is not None,
    "url": lambda v: v.startswith(("http://", "https://", "ftp://")) and _is_uri(v),
    "uuid": lambda v: _UUID.match(v) is not None,
    "json-pointer": lambda v: _POINTER.match(v) is not None,
    "json-pointer-uri-fragment": lambda v: v[:1] == "#" and _POINTER.match(v[1:]) is not None,
    "relative-json-pointer": lambda v: _RELATIVE_POINTER.match(v) is not None,
    "regex": _is_regex,
    "byte": lambda v: _BASE64.match(v.replace("\n", "")) is not None,
}
NUMBER_FORMATS: dict[str, Callable[[Any], bool]] = {
    "int32": lambda v: float(v).is_integer() and -(2**31) <= v < 2**31,
    "int64": lambda v: float(v).is_integer(),
}
