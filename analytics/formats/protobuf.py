"""Just enough of the protobuf wire format to read ExportLogsServiceRequest.

Written by hand because of what a library does with one bad record: a text that is not UTF-8, which
Envoy sends when a caller puts such bytes into a path, makes it refuse the whole message. Here only
broken framing does that. Wire format: https://protobuf.dev/programming-guides/encoding/; field
numbers: opentelemetry-proto, logs/v1/logs.proto and common/v1/common.proto.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _GROUP, _END_GROUP, _FIXED32 = range(6)
_MAX_VARINT_BYTES = 10
MAX_DEPTH = 16
_DOUBLE = struct.Struct("<d")
_FIXED = struct.Struct("<Q")


class Malformed(Exception):
    """The framing is broken: what follows cannot be told apart."""


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    result = shift = 0
    for position in range(at, min(at + _MAX_VARINT_BYTES, len(data))):
        byte = data[position]
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFF_FFFF_FFFF_FFFF, position + 1
        shift += 7
    raise Malformed("a number does not end")


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: an int, or the bytes of a text, message or fixed number.

    Raises Malformed; groups, which proto3 does not have, count as that.
    """
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise Malformed("field number 0")
        if kind == _VARINT:
            value: int | memoryview
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind == _FIXED64:
            length = 8
        elif kind == _FIXED32:
            length = 4
        else:
            raise Malformed(f"wire type {kind}")
        if length > end - at:
            raise Malformed("a field reaches beyond its message")
        yield number, data[at : at + length]
        at += length


def _text(value: int | memoryview) -> str:
    return "" if isinstance(value, int) else bytes(value).decode("utf-8", "replace")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Malformed("a number stands where a message is due")
    return value


def _any_value(data: memoryview, depth: int = 0) -> Any:
    """common.v1.AnyValue as a JSON value; bytes are left out."""
    if depth > MAX_DEPTH:
        raise Malformed("values are nested too deeply")
    found: Any = None
    for number, value in fields(data):
        if number == 1:
            found = _text(value)
        elif number == 2 and isinstance(value, int):
            found = bool(value)
        elif number == 3 and isinstance(value, int):
            found = value - (1 << 64) if value >> 63 else value
        elif number == 4 and not isinstance(value, int) and len(value) == 8:
            found = _finite(_DOUBLE.unpack(value)[0])
        elif number == 5:
            inner = fields(_message(value))
            found = [_any_value(_message(one), depth + 1) for n, one in inner if n == 1]
        elif number == 6:
            found = key_values(_message(value), 1, depth + 1)
    return found


def _finite(value: float) -> float | None:
    return value if value - value == 0 else None


def key_values(data: memoryview, field: int, depth: int = 0) -> dict[str, Any]:
    """The KeyValue pairs that repeat under `field`, as an object; the last of a name wins."""
    found: dict[str, Any] = {}
    for number, value in fields(data):
        if number == field:
            name, content = _key_value(_message(value), depth)
            found[name] = content
    return found


def _key_value(data: memoryview, depth: int) -> tuple[str, Any]:
    name, content = "", None
    for number, value in fields(data):
        if number == 1:
            name = _text(value)
        elif number == 2:
            content = _any_value(_message(value), depth)
    return name, content


def log_record(data: memoryview) -> dict[str, Any]:
    """logs.v1.LogRecord with the names of analytics.formats.otlp."""
    record: dict[str, Any] = {"attributes": key_values(data, 6)}
    for number, value in fields(data):
        if number in {1, 11} and not isinstance(value, int) and len(value) == 8:
            record["time" if number == 1 else "observed"] = _FIXED.unpack(value)[0]
        elif number == 5:
            record["body"] = _any_value(_message(value))
        elif number in {9, 10} and not isinstance(value, int):
            record["trace" if number == 9 else "span"] = bytes(value[:16]).hex()
    return record


def log_records(body: bytes) -> Iterator[tuple[dict[str, Any], memoryview]]:
    """The resource attributes and the undecoded record, for each log record in the request.

    Raises Malformed.
    """
    for number, resource_logs in fields(memoryview(body)):
        if number != 1:
            continue
        parts = list(fields(_message(resource_logs)))
        resource: dict[str, Any] = {}
        for part, value in parts:
            if part == 1:
                resource |= key_values(_message(value), 1)
        for part, scope_logs in parts:
            if part == 2:
                for inner, value in fields(_message(scope_logs)):
                    if inner == 2:
                        yield resource, _message(value)


def export_response(rejected: int, message: str) -> bytes:
    """ExportLogsServiceResponse; empty bytes when everything was taken."""
    if not rejected:
        return b""
    partial = b"\x08" + _encoded(rejected) + _string(2, message)
    return b"\x0a" + _encoded(len(partial)) + partial


def status(code: int, message: str) -> bytes:
    """google.rpc.Status."""
    return b"\x08" + _encoded(code) + _string(2, message)


def _string(number: int, text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    return bytes([number << 3 | _BYTES]) + _encoded(len(encoded)) + encoded


def _encoded(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
