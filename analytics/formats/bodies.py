"""From the body of a delivery to its records: object, array or one object per line, gzip or not.

The content type decides nothing: gateways send text/plain, NDJSON types and no type at all.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import msgspec

from analytics.errors import BodyTooLarge, BodyUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_EXPANDED_BYTES = 10 * 1024 * 1024
MAX_RECORDS = 50_000

_GZIP = b"\x1f\x8b"
_WBITS_GZIP = 31
_ARRAY: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


def expand(body: bytes) -> bytes:
    """The body, gunzipped if it is gzip (told by its first bytes), never past the limit.

    Raises BodyTooLarge and BodyUnreadable.
    """
    if not body.startswith(_GZIP):
        if len(body) > MAX_EXPANDED_BYTES:
            raise BodyTooLarge
        return body
    parts: list[bytes] = []
    room = MAX_EXPANDED_BYTES + 1
    while body.startswith(_GZIP):  # a gzip file may have several members
        unzip = zlib.decompressobj(_WBITS_GZIP)
        try:
            parts.append(unzip.decompress(body, room))
        except zlib.error:
            raise BodyUnreadable from None
        room -= len(parts[-1])
        if room <= 0:
            raise BodyTooLarge
        if not unzip.eof:
            raise BodyUnreadable
        body = unzip.unused_data
    return b"".join(parts)


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
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [text]
    lines = _filled(text.split(b"\n"))
    if len(lines) > 1 and not _is_json(lines[0]) and _is_json(text):
        return [text]  # one object, written over several lines
    return lines


def _filled(lines: Iterable[bytes]) -> list[bytes]:
    return [line for line in lines if line and not line.isspace()]


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
