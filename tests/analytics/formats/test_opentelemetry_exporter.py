"""What OpenTelemetry's own exporter posted, byte for byte.

Captured from opentelemetry-exporter-otlp-proto-http 1.45.2 for Python, once with each compression
that it knows: three log records with attributes after the conventions, and one of `logging`.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from analytics.formats import bodies, registry
from analytics.models import UsageEvent
from apim.audit.actors import SYSTEM
from apim.gateway.services import register_gateway

CAPTURED = Path(__file__).parent / "captured"
NAME = "opentelemetry_python_1_45_2_{}.bin"
SENT_AT = datetime(2026, 11, 21, 21, 55, tzinfo=UTC)
HEADERS = {
    "User-Agent": "OTel-OTLP-Exporter-Python/1.45.2",
    "Accept-Encoding": "gzip, deflate",
    "Accept": "*/*",
}


def captured(compression: str) -> bytes:
    return (CAPTURED / NAME.format(compression)).read_bytes()


@pytest.mark.parametrize("compression", ["plain", "gzip", "deflate"])
def test_every_compression_of_the_exporter_says_the_same(compression):
    body = bodies.expand(captured(compression))
    reading = registry.reader_for(body, content_type="application/x-protobuf")(body)
    assert reading.rejected == []
    assert [event.status for event in reading.events] == [200, 404, 503]
    event = reading.events[0]
    assert (event.event_id, event.method, event.path) == ("otel-0", "GET", "/tides/0")
    assert (event.duration_us, event.response_bytes) == (42_000, 640)
    assert (event.ip, event.user_agent) == ("203.0.113.7", "curl")
    assert (event.foreign.route, event.foreign.service) == ("/tides/{n}", "edge-eu")
    assert abs((event.occurred_at - SENT_AT).total_seconds()) < 600


@pytest.mark.parametrize("compression", ["plain", "gzip", "deflate", "logging_gzip"])
def test_the_exporter_is_answered_as_it_expects_and_its_calls_are_stored(client, db, compression):
    token = register_gateway(actor=SYSTEM, name="Collector", kind="other").token
    encoding = compression.rpartition("_")[2]
    headers = {**HEADERS, "Authorization": f"Bearer {token}"}
    if encoding != "plain":
        headers["Content-Encoding"] = encoding
    with time_machine.travel(SENT_AT, tick=False):
        for _ in range(2):  # it sends again whatever it holds to be lost
            answer = client.post("/v1/logs", captured(compression), headers=headers,
                                 content_type="application/x-protobuf")  # fmt: skip
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer["Content-Type"] == "application/x-protobuf"
    stored = {row.event_id: row.status for row in UsageEvent.objects.all()}
    if compression == "logging_gzip":
        assert stored == {"std-1": 200}
    else:
        assert stored == {"otel-0": 200, "otel-1": 404, "otel-2": 503}
