"""What each gateway writes becomes the same call: start, microseconds, bytes, who and where."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from analytics.formats import registry
from tests.analytics.formats import samples
from tests.analytics.formats.samples import ID, MS, START, but


def read(name: str, *records: dict):
    return registry.READERS[name]("\n".join(map(json.dumps, records)).encode())


def one(name: str, record: dict):
    reading = read(name, record)
    assert (len(reading.events), reading.rejected, reading.ignored) == (1, [], 0), reading
    return reading.events[0]


def refusal(name: str, record: dict) -> str:
    reading = read(name, record)
    assert not reading.events
    return reading.rejected[0].code


def near(instant: datetime, expected: datetime) -> bool:
    """Times that come as floating-point seconds are exact to a few microseconds."""
    return abs(instant - expected) < timedelta(microseconds=5)


@pytest.mark.parametrize("name", samples.BODIES)
def test_every_sample_is_recognised_and_is_one_call(name):
    body = samples.BODIES[name]
    assert registry.detect(body) == name
    reading = registry.READERS[name](body)
    assert (len(reading.events), reading.rejected) == (1, [])
    event = reading.events[0]
    assert event.event_id
    assert event.occurred_at.tzinfo is UTC
    assert event.status in {200, 201}
    assert event.is_billable
    assert not event.is_denied


@pytest.mark.parametrize("name", sorted(samples.BODIES.keys() - {"3scale"}))
def test_a_repeated_delivery_has_the_same_ids(name):
    body = samples.BODIES[name]
    first, second = (registry.READERS[name](body) for _ in range(2))
    assert [e.event_id for e in first.events] == [e.event_id for e in second.events]


@pytest.mark.parametrize("name", samples.BODIES)
def test_a_quarantined_record_can_be_read_alone(name):
    """What is kept of a refused record is itself a delivery of the dialect."""
    body = samples.BODIES[name]
    good = registry.READERS[name](body)
    assert good.events
    raw = good.raws[0] if good.raws else body
    again = registry.READERS[name](raw)
    assert [e.event_id for e in again.events] == [e.event_id for e in good.events]


def test_kong_call():
    event = one("kong", samples.KONG)
    assert (event.event_id, event.occurred_at) == (ID, START)
    assert (event.method, event.path, event.status) == ("GET", "/tides", 200)
    assert (event.duration_us, event.upstream_us) == (44_000, 41_000)
    assert (event.request_bytes, event.response_bytes) == (212, 1480)
    assert event.user_agent == "curl"
    assert event.ip == "203.0.113.7"
    assert event.foreign == ("credential-uuid", "acct_42", "tides-route", "tides")


def test_kong_call_that_the_gateway_refused_is_not_billed():
    refused = but(samples.KONG, source="kong", response__status=429, latencies__proxy=-1,
                  upstream_status="", consumer=...)  # fmt: skip
    event = one("kong", refused)
    assert (event.decision, event.is_denied, event.is_billable) == ("denied:429", True, False)
    assert event.upstream_us is None
    older = but(refused, source=...)  # before Kong told the source
    assert one("kong", older).is_denied


def test_kong_429_of_the_upstream_is_billed():
    event = one("kong", but(samples.KONG, response__status=429, upstream_status=429))
    assert (event.decision, event.is_denied, event.is_billable) == ("none", False, True)


def test_kong_empty_id_is_no_id_so_calls_do_not_merge():
    records = [but(samples.KONG, request__id="", started_at=MS + n) for n in range(3)]
    ids = {event.event_id for event in read("kong", *records).events}
    assert len(ids) == 3
    assert "" not in ids


def test_kong_sizes_may_be_texts():
    event = one("kong", but(samples.KONG, request__size="212", response__size="1480"))
    assert (event.request_bytes, event.response_bytes) == (212, 1480)


def test_kong_stream_is_a_call_without_a_path():
    event = one("kong", samples.KONG_STREAM)
    assert (event.path, event.status, event.duration_us) == ("", 200, 44_000)
    assert (event.request_bytes, event.response_bytes) == (120, 640)


def test_kong_tokens_are_units():
    ai = {"ai-proxy": {"usage": {"total_tokens": 120, "prompt_tokens": 100}}}
    assert one("kong", but(samples.KONG, ai=ai)).units_micro == 120_000_000


def test_apisix_call():
    event = one("apisix", samples.APISIX)
    assert event.occurred_at == START
    assert (event.duration_us, event.upstream_us) == (37_500, 35_000)
    assert (event.method, event.path, event.status) == ("POST", "/labels", 201)
    assert event.foreign == ("", "harbor", "labels", "")


def test_apisix_extra_fields_give_id_and_consumer():
    event = one("apisix", but(samples.APISIX, request_id=ID, consumer="harbor"))
    assert (event.event_id, event.foreign.consumer) == (ID, "harbor")


def test_apisix_call_without_a_route_or_upstream_was_refused_by_the_gateway():
    event = one("apisix", but(samples.APISIX, upstream=..., upstream_latency=..., route_id="no-matched",
                              response__status=401))  # fmt: skip
    assert (event.is_denied, event.is_billable, event.foreign.route) == (True, False, "")


def test_envoy_call():
    event = one("envoy", samples.ENVOY)
    assert (event.event_id, event.occurred_at) == ("envoy-1", START)
    assert (event.duration_us, event.upstream_us) == (42_000, 39_000)
    assert (event.path, event.response_bytes) == ("/tides", 640)
    assert event.foreign == ("", "", "tides", "tides")


def test_envoy_rows_of_a_request_that_still_runs_are_no_calls():
    rows = [
        but(samples.ENVOY, access_log_type="DownstreamStart", response_code=0),
        but(samples.ENVOY, access_log_type="DownstreamPeriodic", response_code=0),
        but(samples.ENVOY, access_log_type="TcpConnectionEnd", response_code=0),
        but(samples.ENVOY, access_log_type=..., response_code=0),
        samples.ENVOY,
    ]
    reading = read("envoy", *rows)
    assert (len(reading.events), reading.ignored) == (1, 4)


@pytest.mark.parametrize("kind", ["DownstreamEnd", ...])
def test_envoy_call_that_the_caller_left_counts_without_a_status(kind):
    left = but(samples.ENVOY, access_log_type=kind, response_code=0, response_flags="DC",
               upstream_host=None)  # fmt: skip
    event = one("envoy", left)
    assert (event.status, event.is_billable) == (0, False)


def test_envoy_call_without_an_upstream_was_answered_by_the_gateway():
    event = one("envoy", but(samples.ENVOY, response_code=403, upstream_host=None,
                             upstream_service_time=None))  # fmt: skip
    assert (event.decision, event.is_billable) == ("denied:403", False)


def test_nginx_call_began_its_duration_before_it_was_logged():
    event = one("nginx", samples.NGINX)
    assert near(event.occurred_at, START)
    assert (event.duration_us, event.upstream_us) == (42_000, 39_000)
    assert (event.request_bytes, event.response_bytes, event.path) == (212, 640, "/tides")


@pytest.mark.parametrize(("written", "status"), [("200", 200), (200, 200), ("000", 0), ("", 0)])
def test_nginx_status_may_be_what_is_no_number(written, status):
    assert one("nginx", but(samples.NGINX, status=written)).status == status


def test_nginx_names_the_key_that_the_check_told():
    key = "key_7Qm2VtYc9LpXa4RzKd81"
    event = one("nginx", but(samples.NGINX, key=key))
    assert (event.names.key, event.decision) == (key, "allowed")


def test_nginx_line_without_upstream_was_answered_by_nginx():
    assert one("nginx", but(samples.NGINX, up_s="", status="403")).is_denied
    assert not one("nginx", but(samples.NGINX, up_s="", status="200")).is_billable
    silent = but(samples.NGINX, up_s=...)  # a format that does not tell
    assert one("nginx", silent).is_billable


def test_a_path_that_is_no_utf8_still_counts():
    raw = json.dumps(samples.NGINX).encode().replace(b"/tides", b"/t\xff\xfedes")
    event = registry.READERS["nginx"](raw).events[0]
    assert event.path == "/t��des"


def test_haproxy_call():
    event = one("haproxy", samples.HAPROXY)
    assert (event.event_id, event.occurred_at, event.path) == ("haproxy-1", START, "/tides")
    assert (event.duration_us, event.upstream_us) == (42_000, 39_000)


def test_haproxy_bad_request_has_neither_id_nor_numbers():
    bad = but(samples.HAPROXY, rid="", code="", out="", dur_ms="", up_ms=-1, verb="", path="")
    event = one("haproxy", bad)
    assert (event.status, event.duration_us, event.is_billable) == (0, 0, False)
    assert event.event_id.startswith("~")


def test_traefik_durations_are_nanoseconds():
    event = one("traefik", samples.TRAEFIK)
    assert (event.occurred_at, event.duration_us, event.upstream_us) == (START, 4210, 4100)
    assert event.foreign == ("", "", "t@docker", "api.acme.test")


def test_traefik_callers_cannot_make_their_calls_one_by_repeating_an_id():
    later = (START + timedelta(seconds=1)).isoformat()
    records = [samples.TRAEFIK, but(samples.TRAEFIK, StartUTC=later)]
    assert len({e.event_id for e in read("traefik", *records).events}) == 2


def test_traefik_call_without_origin_was_refused_by_the_gateway():
    event = one(
        "traefik", but(samples.TRAEFIK, OriginStatus=0, OriginDuration=0, DownstreamStatus=401)
    )
    assert (event.is_denied, event.upstream_us) == (True, None)


def test_caddy_call():
    event = one("caddy", samples.CADDY)
    assert near(event.occurred_at, START)
    assert (event.event_id, event.duration_us, event.user_agent) == ("caddy-1", 42_000, "curl")
    assert event.foreign == ("harbor", "", "", "api.acme.test")


def test_caddy_error_lines_repeat_calls_and_do_not_count():
    lines = [samples.CADDY, but(samples.CADDY, logger="http.log.error", status=502)]
    reading = read("caddy", *lines)
    assert (len(reading.events), reading.ignored) == (1, 1)


def test_caddy_status_zero_means_200():
    assert one("caddy", but(samples.CADDY, status=0)).status == 200


def test_tyk_events_stand_one_after_another_without_a_separator():
    records = [samples.TYK, but(samples.TYK, event__path="/labels")]
    body = "".join(json.dumps(record) for record in records).encode()
    reading = registry.READERS["tyk"](body)
    assert [event.path for event in reading.events] == ["/tides", "/labels"]
    event = reading.events[0]
    assert (event.occurred_at, event.duration_us) == (START, 42_000)
    assert event.foreign.service == "a1f0"


def test_tyk_key_is_nowhere_in_what_was_read():
    reading = registry.READERS["tyk"](json.dumps(samples.TYK).encode())
    assert reading.events[0].foreign.credential.startswith("sha256:")
    assert "c4d2a9f18e" not in repr(reading)
    assert "R0VUIC90" not in repr(reading)


def test_tyk_key_of_zeros_is_none():
    assert one("tyk", but(samples.TYK, event__api_key="00000000")).foreign.credential == ""


def test_tyk_sizes_of_zero_mean_not_measured():
    measured = but(samples.TYK, event__network={"bytes_in": 0, "bytes_out": 640})
    event = one("tyk", measured)
    assert (event.request_bytes, event.response_bytes) == (0, 640)


def test_tyk_broken_event_does_not_take_its_neighbours_along():
    whole = json.dumps(samples.TYK)
    other = json.dumps(but(samples.TYK, event__path="/labels"))
    reading = registry.READERS["tyk"]((whole + whole[:60] + other).encode())
    assert [event.path for event in reading.events] == ["/tides", "/labels"]
    assert [rejected.code for rejected in reading.rejected] == ["not_json"]


def test_tyk_equal_events_of_one_delivery_are_several_calls():
    body = json.dumps(samples.TYK).encode() * 3
    assert len({event.event_id for event in registry.READERS["tyk"](body).events}) == 3


def test_aws_line():
    event = one("aws", samples.AWS)
    assert (event.event_id, event.occurred_at, event.duration_us) == ("b7c1d2e3", START, 42_000)
    assert (event.status, event.response_bytes) == (200, 640)
    assert event.foreign == ("k1a2b3", "", "/tides/{station}", "a1b2c3")


def test_aws_time_in_the_common_log_format():
    event = one("aws", but(samples.AWS, requestTimeEpoch="-"))
    assert event.occurred_at == START.replace(microsecond=0)


def test_aws_line_without_request_id_is_refused():
    assert refusal("aws", but(samples.AWS, requestId="-")) == "missing_id"


def test_firehose_records_hold_lines_plain_packed_or_wrapped_by_cloudwatch():
    import gzip  # noqa: PLC0415

    def line(number):
        return json.dumps(but(samples.AWS, requestId=f"r{number}"))

    body = samples.firehose(
        line(1).encode(),
        gzip.compress(line(2).encode() + b"\n"),
        samples.cloudwatch(line(3), line(4)),
        (line(5) + line(6)).encode(),
        b"",
        samples.cloudwatch("CWL CONTROL MESSAGE: Checking health", kind="CONTROL_MESSAGE"),
    )
    reading = registry.READERS["aws"](body)
    assert [e.event_id for e in reading.events] == [f"r{n}" for n in range(1, 7)]
    assert reading.rejected == []


def test_firehose_record_that_is_no_base64_is_kept_without_its_content():
    body = json.dumps({"requestId": "x", "records": [{"data": "%%%secret"}]}).encode()
    rejected = registry.READERS["aws"](body).rejected
    assert [one.code for one in rejected] == ["not_base64"]
    assert b"secret" not in rejected[0].raw


def test_azure_policy_call():
    event = one("azure", samples.AZURE)
    assert (event.path, event.duration_us) == ("/tides", 42_000)
    assert event.foreign == ("sub-1", "", "get-tides", "tides")


@pytest.mark.parametrize("properties", [json.loads(samples.AZURE_DIAGNOSTIC["properties"]), None])
def test_azure_diagnostic_call_whose_properties_may_be_a_text(properties):
    record = samples.AZURE_DIAGNOSTIC if properties is None else but(
        samples.AZURE_DIAGNOSTIC, properties=properties)  # fmt: skip
    event = one("azure", {"records": [record]})
    assert (event.event_id, event.path, event.upstream_us) == ("5b1b8b46", "/tides", 39_000)
    assert near(event.occurred_at, START)
    assert event.foreign == ("sub-1", "1", "get-tides", "tides")


def test_azure_other_categories_are_no_calls():
    record = but(samples.AZURE_DIAGNOSTIC, category="WebSocketConnectionLogs")
    assert read("azure", {"records": [record]}).ignored == 1


def test_gravitee_line():
    event = one("gravitee", samples.GRAVITEE)
    assert (event.event_id, event.occurred_at) == ("gravitee-1", START)
    assert (event.duration_us, event.upstream_us) == (42_000, 39_100)
    assert (event.request_bytes, event.response_bytes) == (0, 640)
    assert event.units_micro == 9_000_000
    assert event.foreign.credential == "subscription-uuid"


def test_gravitee_document_has_other_names_and_numbers_for_methods():
    event = registry.READERS["gravitee"](samples.bulk(samples.GRAVITEE_DOCUMENT)).events[0]
    assert (event.method, event.path, event.duration_us) == ("GET", "/tides", 42_000)
    assert near(event.occurred_at, START)
    assert event.upstream_us is None


def test_gravitee_messages_and_health_are_no_calls():
    body = samples.bulk(samples.GRAVITEE_DOCUMENT, samples.GRAVITEE_MESSAGE)
    body += samples.bulk(samples.GRAVITEE_DOCUMENT, index="gravitee-health-2026.11.21")
    reading = registry.READERS["gravitee"](body)
    assert (len(reading.events), reading.ignored, reading.rejected) == (1, 2, [])


def test_cloudevent():
    event = one("cloudevents", samples.CLOUDEVENT)
    assert (event.event_id, event.occurred_at) == ("gw-eu e-901", START)
    assert (event.response_bytes, event.foreign.consumer) == (640, "acct_42")


def test_cloudevents_are_told_apart_by_source_and_id_together():
    pairs = [("a", "b c"), ("a b", "c"), ("a", "b"), ("x" * 200, "1"), ("x" * 200, "2")]
    records = [but(samples.CLOUDEVENT, source=source, id=id_) for source, id_ in pairs]
    ids = {event.event_id for event in read("cloudevents", *records).events}
    assert len(ids) == len(pairs)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": ""}, "missing_id"),
        ({"source": ...}, "missing_source"),
        ({"specversion": "0.3"}, "invalid_specversion"),
        ({"time": "yesterday"}, "invalid_time"),
        ({"type": "ai_token_usage", "data": {"tokens": 5}}, "not_a_call"),
    ],
)
def test_cloudevents_that_do_not_count(change, code):
    assert refusal("cloudevents", but(samples.CLOUDEVENT, **change)) == code


def test_cloudevent_names_our_key_and_units():
    data = {"key": "key_7Qm2VtYc9LpXa4RzKd81", "units": 2.5, "status": 404, "duration_ms": 12}
    event = one("cloudevents", but(samples.CLOUDEVENT, data=data))
    assert event.names.key == data["key"]
    assert (event.units_micro, event.status, event.duration_us) == (2_500_000, 404, 12_000)


def test_3scale_hits_are_calls_and_other_metrics_units():
    body = samples.threescale({"[user_key]": "abc", "[usage][hits]": "3", "[usage][pages]": "7"},
                              {"[app_id]": "a1", "[timestamp]": "2026-09-21 14:13:20 +02:00",
                               "[log][code]": "404"}, service_id="77")  # fmt: skip
    first, *more, last = registry.READERS["3scale"](body).events
    assert len(more) == 2
    assert [event.units_micro for event in (first, *more)] == [7_000_000, 0, 0]
    assert first.foreign.credential.startswith("sha256:")
    assert first.foreign.service == "77"
    assert (last.status, last.foreign.consumer) == (404, "a1")
    assert last.occurred_at == datetime(2026, 9, 21, 12, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hits", "code"), [("#5", "sets_usage"), ("x", "invalid_hits"), ("1001", "invalid_hits")]
)
def test_3scale_usage_that_cannot_be_added_is_refused_alone(hits, code):
    body = samples.threescale(
        {"[user_key]": "raw-key", "[usage][hits]": hits}, {"[user_key]": "raw-key"}
    )
    reading = registry.READERS["3scale"](body)
    assert [rejected.code for rejected in reading.rejected] == [code]
    assert len(reading.events) == 1
    assert b"raw-key" not in reading.rejected[0].raw


def test_equal_reports_of_3scale_all_count():
    body = samples.BODIES["3scale"]
    ids = {registry.READERS["3scale"](body).events[0].event_id for _ in range(3)}
    assert len(ids) == 3


MISSING_TIME = {
    "kong": but(samples.KONG, started_at=...), "apisix": but(samples.APISIX, start_time=...),
    "envoy": but(samples.ENVOY, start_time=None), "nginx": but(samples.NGINX, ts=""),
    "haproxy": but(samples.HAPROXY, ts=""), "traefik": but(samples.TRAEFIK, StartUTC=""),
    "caddy": but(samples.CADDY, ts=...),
    "tyk": but(samples.TYK, time=..., event__time_stamp=""),
    "aws": but(samples.AWS, requestTime="-", requestTimeEpoch="-"),
    "azure": but(samples.AZURE, t=...), "gravitee": but(samples.GRAVITEE, timestamp=...),
    "otlp": samples.otlp(but(samples.OTLP_RECORD, timeUnixNano="0", observedTimeUnixNano=...)),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSING_TIME)
def test_a_call_of_no_instant_is_refused(name):
    assert refusal(name, MISSING_TIME[name]) == "missing_time"


BAD_VALUES = {
    "kong": but(samples.KONG, started_at=10**30), "nginx": but(samples.NGINX, ts=1e300),
    "apisix": but(samples.APISIX, start_time=float(2**62)), "traefik": but(samples.TRAEFIK, StartUTC="x"),
    "envoy": but(samples.ENVOY, start_time="2026-09-21T14:13:20"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_VALUES)
def test_an_instant_that_cannot_be_is_refused(name):
    assert refusal(name, BAD_VALUES[name]) == "invalid_time"


@pytest.mark.parametrize("body", [b"", b"\n\n", b"[]", b"  "])
def test_nothing_is_nothing(body):
    for name, read_delivery in registry.READERS.items():
        reading = read_delivery(body)
        assert (reading.events, reading.rejected) == ([], []), name


def test_the_first_readable_line_decides():
    body = b"\x00garbage\n{broken\n" + json.dumps(samples.KONG).encode()
    assert registry.detect(body) == "kong"


def test_what_nobody_knows_is_read_as_the_kind_of_its_gateway():
    assert registry.detect(b'{"a": 1}') == "own"
    assert registry.detect(b'{"a": 1}', "kong") == "kong"
    assert registry.detect(b'{"a": 1}', "envoy") == "own"
    assert registry.detect(json.dumps(samples.OWN).encode(), "kong") == "own"


def test_large_envelopes_are_recognised_too():
    filling = "x" * 100_000
    assert registry.detect(json.dumps({"resourceLogs": [], "x": filling}).encode()) == "otlp"
    assert registry.detect(samples.firehose(filling.encode())) == "aws"
    assert registry.detect(json.dumps({"records": [{"properties": filling}]}).encode()) == "azure"
