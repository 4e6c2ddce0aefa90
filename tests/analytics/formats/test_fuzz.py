"""Nothing that anybody posts makes a reader fail, hang or hand on what cannot be stored.

APIM_FUZZ_RECORDS=1000000 runs a million mutated records instead of the twenty thousand of the suite.
"""

import gzip
import os
import time
from datetime import UTC

import msgspec
import pytest

from analytics.errors import BodyTooLarge, BodyUnreadable
from analytics.formats import bodies, registry
from analytics.scrub import record_without_secrets
from apim.audit.actors import SYSTEM
from apim.gateway.services import register_gateway
from tests.analytics.formats.mutations import DOCUMENTS, Mutator, deliveries

RECORDS = int(os.environ.get("APIM_FUZZ_RECORDS", "20000"))
# Generous: the slowest seen takes a tenth of a second on an idle core.
MAX_SECONDS = 20.0
EVERY_POSTED = 25


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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
