"""From the body of a delivery to its records: object, array or one object per line.

The content type decides nothing: gateways send text/plain, NDJSON types and no type at all. Nor
does Content-Encoding: gzip (RFC 1952), deflate, which is zlib's format (RFC 9110 §8.4.1.2), and
Zstandard (RFC 8878) are told by their first bytes.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

import msgspec
from backports import zstd

from analytics.errors import BodyTooLarge, BodyUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_EXPANDED_BYTES = 10 * 1024 * 1024
# What Firehose may send at once and OTLP proposes as the limit; such a delivery is read alone.
LARGE_BYTES = 64 * 1024 * 1024
MAX_RECORDS = 50_000
LARGE_RECORDS = 250_000
MAX_MEMBERS = 100
# Unreadable places in a row of objects, each of which costs a search; after these, the rest is one.
MAX_BREAKS = 100

_GZIP = b"\x1f\x8b"
_WBITS_GZIP = 31
# A window of 32 KiB and the four levels (RFC 1950 §2.2). Nothing else that is sent begins so.
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_ZSTD = b"\x28\xb5\x2f\xfd"
# A frame may ask for a window of up to 2 GB; 8 MiB is what RFC 8878 recommends to support.
_ZSTD_OPTIONS = {int(zstd.DecompressionParameter.window_log_max): 23}
_ARRAY: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def expand(body: bytes, limit: int = MAX_EXPANDED_BYTES) -> bytes:
    """The body, decompressed if it is gzip, deflate or Zstandard, never past `limit` bytes.

    Raises BodyTooLarge and BodyUnreadable.
    """
    parts: list[bytes] = []
    room = limit + 1
    while body.startswith(
        (_GZIP, *_ZLIB, _ZSTD)
    ):  # all may have several members, one after the other
        part, body = _member(body, room)
        parts.append(part)
        room -= len(part)
        if room <= 0 or len(parts) > MAX_MEMBERS:
            raise BodyTooLarge
    if parts:
        return b"".join(parts)
    if len(body) > limit:
        raise BodyTooLarge
    return body


def _member(body: bytes, room: int) -> tuple[bytes, bytes]:
    """At most `room` bytes of the first member, and what follows it."""
    unpack: zstd.ZstdDecompressor | zlib._Decompress
    if body.startswith(_ZSTD):
        unpack = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
    else:
        unpack = zlib.decompressobj(_WBITS_GZIP if body.startswith(_GZIP) else zlib.MAX_WBITS)
    try:
        part = unpack.decompress(body, room)
    except (zlib.error, zstd.ZstdError):
        raise BodyUnreadable from None
    if not unpack.eof and len(part) < room:
        raise BodyUnreadable
    return part, unpack.unused_data


def split(text: bytes) -> list[bytes]:
    """The JSON text of each record. An array that is cut off somewhere comes back as one record.

    Raises BodyTooLarge when there are too many.
    """
    records = _split(text)
    if len(records) > MAX_RECORDS:
        raise BodyTooLarge
    return records


def _split(text: bytes) -> list[bytes]:
    if text.lstrip()[:1] == b"[":
        try:
            return [bytes(record) for record in _ARRAY.decode(text)]
        except _UNREADABLE:
            return [text]
    lines = _filled(text.split(b"\n"))
    if len(lines) > 1 and not is_json(lines[0]) and is_json(text):
        return [text]  # one object, written over several lines
    return lines


def _filled(lines: Iterable[bytes]) -> list[bytes]:
    return [line for line in lines if line and not line.isspace()]


def is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except _UNREADABLE:
        return False
    return True


_DECODER = json.JSONDecoder()


def split_concatenated(body: bytes, start: str = "{") -> list[bytes]:
    """The objects of `{…}{…}`, with or without white space between them, as Splunk's HEC takes them.

    `start` is how an object begins: what cannot be read reaches to the next such place.
    """
    text = body.decode("utf-8", "replace")
    records: list[bytes] = []
    at, end, breaks = 0, len(text), 0
    while at < end:
        if text[at] in " \t\r\n,":
            at += 1
            continue
        try:
            _, after = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            breaks += 1
            after = text.find(start, at + 1) if breaks < MAX_BREAKS else end
            after = end if after < 0 else after
        records.append(text[at:after].encode("utf-8", "replace"))
        if len(records) > MAX_RECORDS:
            raise BodyTooLarge
        at = after
    return records
