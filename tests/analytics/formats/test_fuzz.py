"""Nothing that anybody posts makes a reader fail, hang or hand on what cannot be stored.

APIM_FUZZ_RECORDS=1000000 runs a million mutated records instead of the twenty thousand of the suite.
"""

import gzip
import json
import os
import random
import time
from datetime import UTC

import msgspec
import pytest
from backports import zstd

from analytics.errors import BodyTooLarge, BodyUnreadable
from analytics.formats import bodies, registry
from analytics.scrub import record_without_secrets
from apim.audit.actors import SYSTEM
from apim.gateway.services import register_gateway
from tests.analytics.formats import samples
from tests.analytics.formats.protobuf_writer import export_request

RECORDS = int(os.environ.get("APIM_FUZZ_RECORDS", "20000"))
PER_DELIVERY = 20
# Generous: the slowest seen takes a tenth of a second on an idle core.
MAX_SECONDS = 20.0
EVERY_POSTED = 25

DEEP_LIST = json.loads("[" * 300 + "]" * 300)
VALUES = [
    None, True, False, 0, -1, 1, -2**63, 2**63, 2**64, 10**30, 10**400, 1e308, -1e308, 5e-324, "NaN", "Infinity",
    "-Infinity", "1e999", "1e-999", "9" * 60, "", "-", "-1", " ", "x" * 5000, "\x00", "\ud83d", "a\tb\nc\x7f",
    "\\N", "\\", "'; DROP TABLE x; --", "İ" * 40, "ß" * 20, "２０２６", "½", "0x10", "1_000", "+5", "２", [], {},
    [[]], {"a": {"b": []}}, DEEP_LIST, ["x"] * 50, "2026-02-30T00:00:00Z", "9999-12-31T23:59:59.999999-12:00",
    "0001-01-01T00:00:00+14:00", "2026-W01-1", "2026-09-21T14:13:20.123456789Z", 253402300799, 1e18, "-0.0",
    "http://[", "//", "https://a:99999999/x?y#z", "?", "502, 200", " : ", ", , ,", "#5", "#", "%FF%00", {"": None},
    {"stringValue": {}}, {"intValue": "x"}, {"kvlistValue": []}, "ak_live_" + "a" * 36, "Bearer " + "z" * 40,
]  # fmt: skip

DOCUMENTS = {
    "own": samples.OWN, "kong": samples.KONG, "apisix": samples.APISIX, "envoy": samples.ENVOY,
    "nginx": samples.NGINX, "haproxy": samples.HAPROXY, "traefik": samples.TRAEFIK, "caddy": samples.CADDY,
    "tyk": samples.TYK, "aws": samples.AWS, "azure": samples.AZURE, "gravitee": samples.GRAVITEE,
    "cloudevents": samples.CLOUDEVENT, "otlp": samples.otlp(samples.OTLP_RECORD),
    "stream": samples.KONG_STREAM, "diagnostic": {"records": [samples.AZURE_DIAGNOSTIC]},
    "document": samples.GRAVITEE_DOCUMENT,
}  # fmt: skip
DIALECT = {"stream": "kong", "diagnostic": "azure", "document": "gravitee"}


class Mutator:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def document(self, document):
        """A copy with some values replaced, removed, moved or doubled."""
        changed = json.loads(json.dumps(document))
        for _ in range(self.rng.randrange(4)):
            at = changed
            for _ in range(self.rng.randrange(6)):
                inner = [v for v in self._values(at) if isinstance(v, dict | list) and v]
                if not inner or self.rng.random() < 0.3:
                    break
                at = self.rng.choice(inner)
            self._change(at)
        return changed

    @staticmethod
    def _values(node):
        return list(node.values()) if isinstance(node, dict) else node

    def _change(self, node):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = self.rng.choice(keys)
        match self.rng.randrange(6):
            case 0:
                node.pop(key)
            case 1 if isinstance(node, dict):
                node[str(self.rng.choice(VALUES))[:50]] = node[key]
            case _:
                node[key] = self.rng.choice(VALUES)

    def text(self, document) -> bytes:
        try:
            text = json.dumps(document, ensure_ascii=self.rng.random() < 0.5)
        except ValueError:  # digits of a very large number
            text = "{}"
        return text.replace('"NaN"', "NaN").encode("utf-8", "surrogatepass")

    def damage(self, body: bytes) -> bytes:
        """Flip, cut, repeat and insert bytes."""
        rng, data = self.rng, bytearray(body)
        for _ in range(rng.randrange(1, 8)):
            if not data:
                break
            at = rng.randrange(len(data))
            match rng.randrange(6):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randrange(1, 200)]
                case 2:
                    data[at:at] = data[at : at + rng.randrange(1, 200)]
                case 3:
                    data[at:at] = rng.choice(
                        [b"\xff\xfe", b"\x00", b'"', b"{", b"[", b"}", b"\n", b"\\u0000"]
                    )
                case 4:
                    data[at:at] = rng.choice([b"[", b'{"a":', b"("]) * rng.randrange(2000)
                case 5:
                    del data[at:]
        return bytes(data)

    def pack(self, body: bytes) -> bytes:
        match self.rng.randrange(12):
            case 0:
                return gzip.compress(body, 1)
            case 1:
                return zstd.compress(body)
            case 2:
                packed = gzip.compress(body, 1)
                return packed[: self.rng.randrange(len(packed))]
            case 3:
                return self.damage(zstd.compress(body))
        return body

    def delivery(self, name: str) -> bytes:
        """About PER_DELIVERY mutated records in one of the ways that the dialect has."""
        records = [self.text(self.document(DOCUMENTS[name])) for _ in range(PER_DELIVERY)]
        dialect, rng = DIALECT.get(name, name), self.rng
        if dialect == "aws" and rng.random() < 0.5:
            body = samples.firehose(*(self.pack(r) for r in records[:10]), samples.cloudwatch(
                *(r.decode("utf-8", "replace") for r in records[10:])))  # fmt: skip
        elif dialect == "tyk":
            body = rng.choice([b"", b"\n", b" "]).join(records)
        elif name == "document":
            lines = [
                line for r in records for line in (b'{"index":{"_index":"gravitee-v4-metrics"}}', r)
            ]
            body = b"\n".join(lines)
        elif rng.random() < 0.3:
            body = b"[" + b",".join(records) + b"]"
        else:
            body = rng.choice([b"\n", b"\r\n\n"]).join(records)
        return self.pack(self.damage(body) if rng.random() < 0.3 else body)

    def protobuf(self) -> bytes:
        return self.pack(
            self.damage(export_request(samples.otlp(*[samples.OTLP_RECORD] * PER_DELIVERY)))
        )

    def form(self) -> bytes:
        transactions = [
            {name: str(self.rng.choice([*VALUES, "1", "2", "abc"]))[:200]
             for name in ("[user_key]", "[usage][hits]", "[usage][x]", "[timestamp]", "[log][code]", "[log]", "[id]")
             if self.rng.random() < 0.7}
            for _ in range(PER_DELIVERY)
        ]  # fmt: skip
        body = samples.threescale(
            *[
                {k: v.encode("utf-8", "replace").decode() for k, v in t.items()}
                for t in transactions
            ],
            service_id="7",
        )
        return self.damage(body) if self.rng.random() < 0.3 else body


def deliveries(records: int, seed: int):
    """Name, content type and body of each."""
    mutate = Mutator(seed)
    names = [*DOCUMENTS, "protobuf", "3scale"]
    for number in range(records // PER_DELIVERY):
        name = names[number % len(names)]
        if name == "protobuf":
            yield "otlp", "application/x-protobuf", mutate.protobuf()
        elif name == "3scale":
            yield "3scale", "", mutate.form()
        else:
            told = DIALECT.get(name, name) if mutate.rng.random() < 0.5 else ""
            yield told, "application/json", mutate.delivery(name)


def assert_storable(event) -> None:
    texts = (event.event_id, event.method, event.path, event.decision, event.user_agent, event.country,
             event.ip, *event.foreign, *event.names)  # fmt: skip
    for text in texts:
        assert text.isprintable() or not set(text) & set(map(chr, range(32))), event
    assert 1 <= len(event.event_id) <= 128
    assert len(event.path) <= 500
    assert len(event.method) <= 16
    assert len(event.decision) <= 40
    assert all(len(name) <= 128 for name in event.foreign)
    assert event.occurred_at.tzinfo is UTC
    assert event.occurred_on == event.occurred_at.date()
    assert 0 <= event.status <= 999
    for size in (
        event.duration_us,
        event.upstream_us or 0,
        event.request_bytes,
        event.response_bytes,
    ):
        assert 0 <= size < 2**62
    assert 0 <= event.units_micro <= 10**18


def test_readers_survive_whatever_is_sent():
    read_records = refused_records = refused_bodies = 0
    for name, content_type, body in deliveries(RECORDS, seed=20261121):
        started = time.monotonic()
        try:
            expanded = bodies.expand(body)
            read = registry.reader_for(expanded, name=name, content_type=content_type)
            reading = read(expanded)
        except (BodyTooLarge, BodyUnreadable):
            refused_bodies += 1
            continue
        for event in reading.events:
            assert_storable(event)
        for rejected in reading.rejected:
            assert "\x00" not in record_without_secrets(rejected.raw)
            assert rejected.code
        assert time.monotonic() - started < MAX_SECONDS, (name, body[:200])
        read_records += len(reading.events)
        refused_records += len(reading.rejected)
    print(f"{read_records} read, {refused_records} refused, {refused_bodies} bodies refused")  # noqa: T201 - for the run by hand, with -s
    assert read_records > RECORDS // 10
    assert refused_records > RECORDS // 100
    assert refused_bodies


@pytest.mark.django_db
def test_no_answer_to_whatever_is_posted_is_a_server_error(client):
    token = register_gateway(actor=SYSTEM, name="Foreign", kind="other").token
    addresses = {
        "otlp": "/v1/logs", "tyk": "/services/collector/event/1.0", "aws": "/gateway/v1/usage/firehose",
        "cloudevents": "/openmeter/events", "3scale": "/transactions.xml",
        "gravitee": "/gateway/v1/usage/gravitee/_bulk", "": "/gateway/v1/usage",
    }  # fmt: skip
    for name, content_type, body in deliveries(RECORDS // EVERY_POSTED, seed=7):
        url = addresses.get(name, f"/gateway/v1/usage/{name}")
        answer = client.post(
            url, body, content_type=content_type, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code in {200, 202, 204, 400, 413}, (url, answer.content[:300])


@pytest.mark.parametrize("body", [
    b"[" * 300_000, b'{"a":' * 300_000, b'{"event":' * 100_000, b'{"time"' * 100_000, b"{" * 300_000,
    b'"' * 300_000, b"\x0a\x80\x80\x40" * 5_000, b"transactions[0][a]=1&" * 50_000, b"0a_" * 300_000,
    b"\n".join([b"{}"] * 10_000), b"9" * 1_000_000, b'{"status":1' + b"0" * 300_000 + b"}",
    b'{"logger":"http.log.access","ts":' + b"1" * 300_000 + b"}", b"\x28\xb5\x2f\xfd" * 1000,
    b"".join([gzip.compress(b"", mtime=0)] * 20_000), b'{"id":"a","units":"1e900000","ts":"2026-11-21T00:00:00Z"}',
], ids=lambda body: body[:12].decode("latin-1"))  # fmt: skip
def test_bodies_made_to_be_slow_are_not(body):
    started = time.monotonic()
    for name in ("", *registry.READERS):
        try:
            expanded = bodies.expand(body)
            reading = registry.reader_for(expanded, name=name)(expanded)
        except (BodyTooLarge, BodyUnreadable):
            continue
        for rejected in reading.rejected[:100]:
            record_without_secrets(rejected.raw[: 256 * 1024])
    assert time.monotonic() - started < 3 * MAX_SECONDS


def test_mutations_reach_what_they_are_meant_to():
    """The generator itself: valid, refused and unreadable records of every dialect come out."""
    mutate = Mutator(1)
    for document in DOCUMENTS.values():
        texts = [mutate.text(mutate.document(document)) for _ in range(30)]
        assert len(set(texts)) > 5
        assert any(_is_json(text) for text in texts)


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
