"""Every dialect by name, and which one a delivery is in.

The name in the URL decides; else what the first readable record looks like; else the kind of the
gateway that sends; else it is our own line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from analytics.events import Reading, Refused, Rejected
from analytics.formats import (
    apisix,
    aws,
    azure,
    bodies,
    caddy,
    cloudevents,
    envoy,
    fields,
    gravitee,
    haproxy,
    kong,
    nginx,
    otlp,
    own,
    threescale,
    traefik,
    tyk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analytics.events import Event

# Where the first record is looked for, and in how many lines.
_HEAD_BYTES = 64 * 1024
_HEAD_LINES = 20


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one gateway writes: `split` takes a body apart, `read` makes a call of one record."""

    name: str
    recognises: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], Event | None]
    split: Callable[[bytes], list[bytes]] = bodies.split

    def read_delivery(self, body: bytes) -> Reading:
        """Raises BodyTooLarge, and BodyUnreadable when the whole is no body of this dialect."""
        return self.read_records(self.split(body))

    def read_records(self, records: list[bytes]) -> Reading:
        """The calls of these records; never raises for a bad one.

        A record without an id gets one from all that it says, and from how many equal ones came
        before it in this delivery: repeated, the delivery has the same ids.
        """
        reading = Reading(format=self.name)
        equal: dict[str, int] = {}
        for index, raw in enumerate(records):
            try:
                record = fields.decode(raw)
                event = self.read(record)
            except Refused as refusal:
                reading.rejected.append(Rejected(index, refusal.code, refusal.message, raw))
                continue
            if event is None:
                reading.ignored += 1
                continue
            if not event.event_id:
                print_ = fields.fingerprint(record)
                number = equal[print_] = equal.get(print_, -1) + 1
                event.event_id = f"~{print_}.{number}" if number else f"~{print_}"
            reading.events.append(event)
            reading.raws.append(raw)
        return reading


# In the order in which they are tried: the more telling first.
DIALECTS = (
    Dialect("otlp", otlp.recognises, otlp.read, otlp.split),
    Dialect("cloudevents", cloudevents.recognises, cloudevents.read),
    Dialect("kong", kong.recognises, kong.read),
    Dialect("apisix", apisix.recognises, apisix.read),
    Dialect("tyk", tyk.recognises, tyk.read, tyk.split),
    Dialect("traefik", traefik.recognises, traefik.read),
    Dialect("caddy", caddy.recognises, caddy.read),
    Dialect("nginx", nginx.recognises, nginx.read),
    Dialect("haproxy", haproxy.recognises, haproxy.read),
    Dialect("gravitee", gravitee.recognises, gravitee.read, gravitee.split),
    Dialect("aws", aws.recognises, aws.read, aws.split),
    Dialect("azure", azure.recognises, azure.read, azure.split),
    Dialect("envoy", envoy.recognises, envoy.read),
)
_BY_NAME = {dialect.name: dialect for dialect in DIALECTS}

READERS: dict[str, Callable[[bytes], Reading]] = {
    "own": own.read_delivery,
    "3scale": threescale.read_delivery,
    **{dialect.name: dialect.read_delivery for dialect in DIALECTS},
}
# Other names that a URL may say.
ALIASES = {"firehose": "aws", "openmeter": "cloudevents", "splunk": "tyk", "threescale": "3scale"}
# Our own Envoy writes our own line: what an Envoy sends is looked at.
_UNDECIDED = frozenset({"", "envoy"})


def known_name(written: str) -> str | None:
    """The dialect's name for what a URL says; None when there is none."""
    name = ALIASES.get(written, written)
    return name if name in READERS else None


def reader_for(
    body: bytes, *, name: str = "", kind: str = "", content_type: str = ""
) -> Callable[[bytes], Reading]:
    """What reads this expanded body. `name` is a known name or empty, `kind` the gateway's kind."""
    if name in {"", "otlp"} and content_type in otlp.PROTOBUF_TYPES:
        return read_otlp_protobuf
    if name not in _UNDECIDED:
        return READERS[name]
    return READERS[detect(body, kind)]


def read_otlp_protobuf(body: bytes) -> Reading:
    """Raises BodyTooLarge and BodyUnreadable."""
    return _BY_NAME["otlp"].read_records(otlp.split_protobuf(body))


def detect(body: bytes, kind: str = "") -> str:
    """The name of the dialect that the first readable record is in."""
    if threescale.recognises_body(body) and body.lstrip()[:1] not in {b"{", b"["}:
        return "3scale"
    record = _first_record(body)
    if record is not None:
        if "id" in record and "ts" in record:
            return "own"
        found = dialect_of(record)
        if found is not None:
            return found.name
    name = known_name(kind)
    return name if name is not None and name != "envoy" else "own"


def dialect_of(record: Mapping[str, Any]) -> Dialect | None:
    """The dialect that this record is in; None when it may be our own."""
    return next((dialect for dialect in DIALECTS if dialect.recognises(record)), None)


_DECODER = json.JSONDecoder()


def _first_record(body: bytes) -> dict[str, Any] | None:
    head = body[:_HEAD_BYTES].decode("utf-8", "replace")
    at = 0
    for _ in range(_HEAD_LINES):
        at = head.find("{", at)
        if at < 0:
            break
        try:
            found, _ = _DECODER.raw_decode(head, at)
        except (ValueError, RecursionError):
            at = head.find("\n", at)
            if at < 0:
                break
            continue
        return found if isinstance(found, dict) else None
    return _large_record(body)


def _large_record(body: bytes) -> dict[str, Any] | None:
    """The names of an object that is longer than the head, without its values."""
    try:
        names = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    record: dict[str, Any] = dict.fromkeys(names, "")
    if "records" in record and "requestId" not in record:
        record["records"] = [{"properties": ""}]
    return record
