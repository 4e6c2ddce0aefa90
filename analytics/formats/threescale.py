"""3scale's Service Management API: POST /transactions.xml with `transactions[0][usage][hits]=1`.

A transaction may report several hits: each is a call. 3scale knows no id and its times have whole
seconds, so equal reports are not one: each counts, unless the transaction carries an `id` of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec

from analytics.errors import BodyTooLarge, BodyUnreadable
from analytics.events import Reading, Refused, Rejected
from analytics.formats import bodies, fields
from analytics.formats.calls import call
from analytics.formats.fields import dig, text
from apim.core import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from analytics.events import Event

MAX_HITS = 1000
MAX_FIELDS = 200_000
_PARTS = re.compile(r"transactions\[([^\[\]]{0,40})\]((?:\[[^\[\]]{1,60}\]){1,3})")
_HITS = "hits"
_WITHOUT_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?")


def recognises_body(body: bytes) -> bool:
    head = body[:4096]
    return b"transactions%5B" in head or b"transactions[" in head or b"transactions%5b" in head


def form(body: bytes) -> dict[str, str]:
    """The form's fields. Raises BodyUnreadable."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise BodyUnreadable from None
    return dict(pairs)


def split(body: bytes) -> list[bytes]:
    """A JSON object per transaction, with its place, the service and no raw key."""
    if body.lstrip()[:1] in {b"{", b"["}:  # replayed
        return bodies.split(body)
    fields_ = form(body)
    service = fields_.get("service_id", "")
    transactions: dict[str, dict[str, Any]] = {}
    for name, value in fields_.items():
        if match := _PARTS.fullmatch(name):
            _put(transactions.setdefault(match[1], {"service_id": service}), match[2], value)
    return [msgspec.json.encode(_without_key(one)) for one in transactions.values()]


def _put(transaction: dict[str, Any], way: str, value: str) -> None:
    *outer, last = way[1:-1].split("][")
    at = transaction
    for name in outer:
        inner = at.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        at = inner
    at[last] = value


def _without_key(transaction: dict[str, Any]) -> dict[str, Any]:
    key = transaction.pop("user_key", None)
    transaction.pop("app_key", None)
    if text(key):
        transaction["credential"] = fields.hidden(key)
    if "id" not in transaction:
        transaction["id"] = "~" + uuid4().hex  # kept with the record, so a replay has it too
    return transaction


def read_delivery(body: bytes) -> Reading:
    """Never raises for a bad transaction, though 3scale itself voids the whole report for one."""
    reading = Reading(format="3scale")
    for index, raw in enumerate(split(body)):
        try:
            calls = _calls(fields.decode(raw))
            reading.events.extend(calls)
            reading.raws.extend([raw] * len(calls))
            reading.ignored += not calls
        except Refused as refusal:
            reading.rejected.append(Rejected(index, refusal.code, refusal.message, raw))
        if len(reading.events) > bodies.LARGE_RECORDS:
            raise BodyTooLarge
    return reading


def _calls(transaction: dict[str, Any]) -> list[Event]:
    usage = transaction.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    hits = _hits(usage.get(_HITS))
    if hits == 0:
        return []
    event_id = text(transaction.get("id"))
    if not event_id:
        raise Refused("missing_id", "the transaction has no id")
    log = transaction.get("log")
    code = dig(log, "code")
    first_call = call(
        event_id=event_id,
        at=_time(text(transaction.get("timestamp"))),
        status=200 if code is None else fields.status(code),
        path=fields.path(dig(log, "request")) if text(dig(log, "request")).startswith("/") else "",
        is_forwarded=True if code is None else None,
        units=_units(usage),
        foreign=fields.foreign(
            credential=transaction.get("credential"),
            consumer=transaction.get("app_id") or transaction.get("user_id"),
            service=transaction.get("service_id"),
        ),
    )
    return [first_call, *_more(first_call, hits)]


def _more(event: Event, hits: int) -> Iterator[Event]:
    for number in range(1, hits):
        yield msgspec.structs.replace(event, event_id=f"{event.event_id}#{number}", units_micro=0)


def _hits(written: object) -> int:
    value = text(written) or "1"
    if value.startswith("#"):
        raise Refused("sets_usage", f"usage {value[:20]} sets a counter; calls can only be added")
    hits = fields.number(value)
    if not isinstance(hits, int) or hits > MAX_HITS:
        raise Refused("invalid_hits", f"hits are 0 to {MAX_HITS}, not {value[:20]}")
    return hits


def _units(usage: dict[str, Any]) -> int | float | None:
    """The first metric besides hits."""
    return next((n for name, v in usage.items() if name != _HITS if (n := fields.number(v))), None)


def _time(written: str) -> datetime:
    """`2026-09-21 14:13:20 +02:00`; UTC when no offset is written, now when nothing is."""
    if not written:
        return clock.now()
    if written.isdigit():
        return fields.epoch(written, 1)
    if _WITHOUT_OFFSET.fullmatch(written):
        written += "Z"
    return fields.iso(written)
