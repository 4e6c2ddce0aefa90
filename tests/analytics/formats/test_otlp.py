"""OTLP logs: both encodings say the same, and Envoy's and Traefik's own attributes are understood."""

import json
import random

import pytest

from analytics.errors import BodyUnreadable
from analytics.formats import registry
from tests.analytics.formats import samples
from tests.analytics.formats.protobuf_writer import export_request
from tests.analytics.formats.samples import START, but, otlp


def record(attributes: dict, **more) -> dict:
    pairs = [{"key": key, "value": value} for key, value in attributes.items()]
    return {**samples.OTLP_RECORD, "attributes": pairs, **more}


def text(**attributes) -> dict:
    return {name: {"stringValue": value} for name, value in attributes.items()}


def read_json(*records):
    return registry.READERS["otlp"](json.dumps(otlp(*records)).encode())


def test_the_sample_of_the_conventions():
    (event,) = read_json(samples.OTLP_RECORD).events
    assert event.occurred_at == START
    assert (event.method, event.path, event.status, event.response_bytes) == (
        "GET",
        "/tides",
        200,
        640,
    )
    assert event.ip == "203.0.113.7"
    assert event.foreign.service == "edge-eu"


def test_protobuf_says_the_same_as_json():
    other = record(
        {**text(request_id="r1", method="POST", path="/labels", **{"user_agent.original": "curl/8"}),
         "status": {"intValue": "-1"}, "ok": {"boolValue": True}, "took": {"doubleValue": 1.5},
         "list": {"arrayValue": {"values": [{"intValue": "1"}]}},
         "more": {"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}}}
    )  # fmt: skip
    document = otlp(samples.OTLP_RECORD, other)
    from_json = registry.READERS["otlp"](json.dumps(document).encode())
    from_protobuf = registry.read_otlp_protobuf(export_request(document))
    assert from_protobuf.rejected == from_json.rejected == []
    assert [repr(e).partition("occurred")[2] for e in from_protobuf.events] == [
        repr(e).partition("occurred")[2] for e in from_json.events
    ]


def test_integers_may_be_texts_or_numbers():
    for written in ("200", 200):
        (event,) = read_json(record({"http.response.status_code": {"intValue": written}})).events
        assert event.status == 200


def test_envoy_sends_every_value_as_a_text():
    attributes = text(response_code="200", duration="42", request_id="r1", path="/tides", bytes_sent="640",
                      upstream_host="-")  # fmt: skip
    (event,) = read_json(record(attributes)).events
    assert (event.event_id, event.status, event.duration_us) == ("r1", 200, 42_000)
    assert not event.is_billable


def test_envoy_rows_of_a_request_that_still_runs_are_no_calls():
    document = otlp(record(text(response_code="0", response_flags="-")),
                    record(text(response_code="0", response_flags="DC")))  # fmt: skip
    document["resourceLogs"][0]["resource"]["attributes"].append(
        {"key": "log_name", "value": {"stringValue": "envoy"}}
    )
    reading = registry.READERS["otlp"](json.dumps(document).encode())
    assert (len(reading.events), reading.ignored) == (1, 1)


def test_traefik_names_attributes_as_in_its_log():
    attributes = {
        name: {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
        for name, value in samples.TRAEFIK.items()
    }
    (event,) = read_json(record(attributes)).events
    assert (event.duration_us, event.foreign.route) == (4210, "t@docker")


def test_a_body_that_is_a_line_of_a_known_gateway_is_read():
    line = json.dumps(samples.NGINX)
    (event,) = read_json(record({}, body={"stringValue": line})).events
    assert event.event_id == samples.NGINX["rid"]


def test_a_log_that_is_no_call_is_refused_alone():
    reading = read_json(record(text(message="started")), samples.OTLP_RECORD)
    assert [one.code for one in reading.rejected] == ["not_a_call"]
    assert len(reading.events) == 1


def test_two_records_that_differ_only_in_their_span_are_two_calls():
    other = but(samples.OTLP_RECORD, spanId="0" * 16)
    assert len({e.event_id for e in read_json(samples.OTLP_RECORD, other).events}) == 2


def test_a_text_that_is_no_utf8_spoils_nothing():
    body = export_request(otlp(samples.OTLP_RECORD)).replace(b"/tides", b"/t\xff\xfees")
    (event,) = registry.read_otlp_protobuf(body).events
    assert event.path == "/t��es"


def test_a_record_that_cannot_be_decoded_is_refused_alone():
    good = export_request(otlp(samples.OTLP_RECORD))
    bad = export_request(otlp(samples.OTLP_RECORD))
    # The attribute's length reaches beyond its record; the record's own length stays.
    at = bad.index(b"url.path") - 1
    bad = bad[:at] + b"\x7f" + bad[at + 1 :]
    reading = registry.read_otlp_protobuf(good + bad)
    assert (len(reading.events), [one.code for one in reading.rejected]) == (1, ["not_protobuf"])


@pytest.mark.parametrize(
    "body", [b"\x0b", b"\x0a\xff", b"\x07abc", b"\x00\x01", b"\x0a" + b"\xff" * 11]
)
def test_what_is_no_request_at_all_is_refused_as_a_whole(body):
    with pytest.raises(BodyUnreadable):
        registry.read_otlp_protobuf(body)


def test_deep_values_and_random_bytes_end():
    rng = random.Random(9)
    value = {"stringValue": "x"}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    reading = registry.read_otlp_protobuf(export_request(otlp(record({"a": value}))))
    assert reading.rejected
    good = bytearray(export_request(otlp(*[samples.OTLP_RECORD] * 3)))
    for _ in range(2000):
        damaged = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            registry.read_otlp_protobuf(bytes(damaged))
        except BodyUnreadable:
            continue
