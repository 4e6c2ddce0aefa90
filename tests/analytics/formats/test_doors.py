"""Every sender is answered in its own words: taken, refused, and told to come back."""

import base64
import gzip
import io
import json

import pytest
from backports import zstd
from django.db import OperationalError

from analytics import views
from analytics.formats import bodies
from analytics.models import QuarantinedRecord, UsageEvent
from apim.audit.actors import SYSTEM
from apim.gateway.services import register_gateway
from tests.analytics.formats import samples
from tests.analytics.formats.protobuf_writer import export_request
from tests.analytics.formats.samples import BODIES, but

pytestmark = pytest.mark.django_db

PROTOBUF = "application/x-protobuf"


@pytest.fixture
def registered(db):
    return register_gateway(actor=SYSTEM, name="Foreign", kind="other")


@pytest.fixture
def post(client, registered):
    """Post as a gateway; `authorization` is a form with the token's place marked {}."""
    client.handler.enforce_csrf_checks = True

    def send(
        url, body=b"", *, authorization="Bearer {}", content_type="application/json", **headers
    ):
        if authorization:
            headers["Authorization"] = authorization.format(registered.token)
        return client.post(url, body, content_type=content_type, headers=headers)

    return send


def counted() -> int:
    return UsageEvent.objects.count()


@pytest.mark.parametrize("url", ["/gateway/v1/usage", None])
@pytest.mark.parametrize(
    "name", sorted(BODIES.keys() - {"otlp", "aws", "cloudevents", "3scale", "tyk"})
)
def test_log_lines_are_acknowledged_with_exactly_200_and_what_became_of_them(post, name, url):
    answer = post(url or f"/gateway/v1/usage/{name}", BODIES[name], content_type="text/plain")
    assert answer.status_code == 200
    assert answer.json() == {"accepted": 1, "duplicates": 0, "quarantined": 0, "ignored": 0}
    again = post(url or f"/gateway/v1/usage/{name}", BODIES[name])
    assert again.json() == {"accepted": 0, "duplicates": 1, "quarantined": 0, "ignored": 0}
    assert counted() == 1


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_bodies_may_be_compressed(post, pack):
    body = pack(json.dumps([samples.APISIX]).encode())
    assert post("/gateway/v1/usage", body).json()["accepted"] == 1


@pytest.mark.parametrize(
    "url", ["/gateway/v1/usage/kong", "/v1/logs", "/gateway/v1/usage/firehose"]
)
@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_a_bomb_is_refused_in_bounded_memory(post, pack, url):
    bomb = pack(b" " * (bodies.LARGE_BYTES * 3 // 2 + 1))
    assert len(bomb) < 120_000
    answer = post(url, bomb)
    assert answer.status_code in {413, 400}
    assert counted() == 0


def test_an_unknown_format_is_named_with_those_that_exist(post):
    answer = post("/gateway/v1/usage/zuul", b"{}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_format")
    assert "kong" in answer.json()["detail"]


@pytest.mark.parametrize(
    "authorization",
    ["Bearer {}", "bearer {}", "Splunk {}", "{}"],
)
def test_the_token_is_found_where_gateways_put_it(post, authorization):
    answer = post("/gateway/v1/usage", BODIES["kong"], authorization=authorization)
    assert answer.status_code == 200


@pytest.mark.parametrize("user", ["{}:", "apim:{}", "{}"])
def test_the_token_may_be_the_password_or_name_of_basic(post, registered, user):
    credentials = base64.b64encode(user.format(registered.token).encode()).decode()
    answer = post("/gateway/v1/usage", BODIES["kong"], authorization=f"Basic {credentials}")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "authorization", ["", "Basic !!", "Basic", "Splunk x", "Digest {}", "Bearer"]
)
def test_without_the_token_nothing_is_counted(post, authorization):
    answer = post("/gateway/v1/usage", BODIES["kong"], authorization=authorization)
    assert answer.status_code == 401
    assert counted() == 0


# --- Tyk by Splunk's HTTP Event Collector


@pytest.mark.parametrize("url", [
    "/services/collector/event/1.0", "/services/collector/event", "/services/collector",
    "/gateway/v1/usage/tyk",
])  # fmt: skip
def test_tyk_is_told_success_as_splunk_does(post, url):
    answer = post(f"{url}?channel=x", BODIES["tyk"] * 2, authorization="Splunk {}", content_type="")
    assert (answer.status_code, answer.json()) == (200, {"text": "Success", "code": 0})
    assert counted() == 2


def test_tyk_is_told_success_for_a_broken_event_too_since_it_would_lose_the_rest(post):
    answer = post(
        "/services/collector/event/1.0",
        BODIES["tyk"][:70] + BODIES["tyk"],
        authorization="Splunk {}",
    )
    assert (answer.status_code, answer.json()["code"]) == (200, 0)
    assert counted() == 1
    assert QuarantinedRecord.objects.get().code == "not_json"


def test_tyk_is_refused_as_splunk_does(post):
    answer = post("/services/collector/event/1.0", BODIES["tyk"], authorization="Splunk nonsense")
    assert (answer.status_code, answer.json()["code"]) == (401, 4)


# --- Firehose


def firehose(post, body, **headers):
    sent = {
        "X-Amz-Firehose-Request-Id": "the-id",
        "X-Amz-Firehose-Protocol-Version": "1.0",
        **headers,
    }
    return post("/gateway/v1/usage/firehose", body, authorization="", **sent)


def test_firehose_gets_its_request_id_back(post, registered):
    answer = firehose(post, BODIES["aws"], **{"X-Amz-Firehose-Access-Key": registered.token})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Length"] == str(len(answer.content))
    assert "Content-Encoding" not in answer
    document = answer.json()
    assert document.keys() == {"requestId", "timestamp"}
    assert document["requestId"] == "the-id"
    assert isinstance(document["timestamp"], int)
    assert counted() == 1


def test_firehose_is_known_by_its_header_at_the_plain_address(post, registered):
    headers = {"X-Amz-Firehose-Request-Id": "i", "X-Amz-Firehose-Access-Key": registered.token}
    answer = post("/gateway/v1/usage", BODIES["aws"], authorization="", **headers)
    assert answer.json()["requestId"] == "i"


def test_firehose_request_id_is_taken_from_the_body_when_the_header_is_missing(post):
    answer = post("/gateway/v1/usage/firehose", BODIES["aws"])
    assert answer.json()["requestId"] == json.loads(BODIES["aws"])["requestId"]


def test_firehose_bad_records_are_kept_and_the_delivery_taken(post, registered):
    body = samples.firehose(b"no json", json.dumps(samples.AWS).encode())
    answer = firehose(post, body, **{"X-Amz-Firehose-Access-Key": registered.token})
    assert answer.status_code == 200
    assert counted() == 1
    assert QuarantinedRecord.objects.get().format == "aws"


def test_firehose_with_a_wrong_key_is_told_why(post):
    answer = firehose(post, BODIES["aws"], **{"X-Amz-Firehose-Access-Key": "wrong"})
    assert answer.status_code == 401
    assert answer.json()["requestId"] == "the-id"
    assert answer.json()["errorMessage"]


def test_firehose_is_never_told_413_at_which_it_loses_records(post, registered):
    body = samples.firehose(gzip.compress(b" " * (bodies.MAX_EXPANDED_BYTES * 11)))
    answer = firehose(post, body, **{"X-Amz-Firehose-Access-Key": registered.token})
    assert answer.status_code == 400
    assert "too large" in answer.json()["errorMessage"]


# --- OTLP


def test_otlp_json(post):
    answer = post("/v1/logs", BODIES["otlp"])
    assert (answer.status_code, answer.json(), answer["Content-Type"]) == (
        200,
        {},
        "application/json",
    )
    assert counted() == 1


def test_otlp_protobuf_compressed(post):
    body = gzip.compress(export_request(samples.otlp(samples.OTLP_RECORD)))
    answer = post("/v1/logs", body, content_type=PROTOBUF, **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"", PROTOBUF)
    assert counted() == 1
    assert post("/v1/logs", BODIES["otlp"]).json() == {}
    assert counted() == 1, "the same record in the other encoding is the same call"


def test_otlp_partial_success(post):
    other = but(samples.OTLP_RECORD, attributes=[])
    document = samples.otlp(samples.OTLP_RECORD, other)
    partial = post("/v1/logs", json.dumps(document).encode()).json()["partialSuccess"]
    assert partial["rejectedLogRecords"] == "1"
    assert partial["errorMessage"]
    answer = post("/v1/logs", export_request(document), content_type=PROTOBUF)
    # field 1 (partial_success), its field 1 = 1 (rejected), its field 2 the message
    assert answer.content[0] == 0x0A
    assert answer.content[2:4] == b"\x08\x01"
    assert answer.content[4] == 0x12
    assert QuarantinedRecord.objects.get().format == "otlp"


def test_otlp_errors_are_a_status_in_the_same_encoding(post):
    refused = post("/v1/logs", b"\x0a\xff", content_type=PROTOBUF)
    assert (refused.status_code, refused["Content-Type"], refused.content[:2]) == (
        400,
        PROTOBUF,
        b"\x08\x03",
    )
    refused = post("/v1/logs", b"nonsense")
    assert (refused.status_code, refused.json()["code"]) == (400, 3)
    refused = post("/v1/logs", BODIES["otlp"], authorization="Bearer wrong")
    assert (refused.status_code, refused.json()["code"]) == (401, 16)


def test_otlp_protobuf_is_known_by_its_type_at_the_plain_address(post):
    body = export_request(samples.otlp(samples.OTLP_RECORD))
    answer = post("/gateway/v1/usage", body, content_type=PROTOBUF)
    assert (answer.status_code, answer.content) == (200, b"")
    assert counted() == 1


def test_an_address_with_a_name_is_answered_in_that_senders_words_whatever_the_headers_say(post):
    headers = {"X-Amz-Firehose-Request-Id": "i"}
    answer = post("/gateway/v1/usage/kong", BODIES["kong"], content_type=PROTOBUF, **headers)
    assert answer.json()["accepted"] == 1


@pytest.fixture
def post_chunked(client, registered):
    """As Granian hands on a body that came in chunks: no length, and an end of its own."""

    def send(url, body, **extra):
        return client.post(
            url, b"", content_type="application/json", headers={"Authorization": f"Bearer {registered.token}"},
            **{"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, **extra},
        )  # fmt: skip

    return send


def test_a_body_without_a_length_is_read_to_its_end(post_chunked):
    """Envoy's OTLP logger sends chunks; Django alone would take the body for empty."""
    assert post_chunked("/v1/logs", BODIES["otlp"]).json() == {}
    assert counted() == 1
    too_large = post_chunked("/gateway/v1/usage/kong", b" " * (bodies.MAX_EXPANDED_BYTES + 1))
    assert too_large.status_code == 413


def test_a_delivery_of_more_than_one_portion_is_stored_whole_and_once(post, monkeypatch):
    monkeypatch.setattr(views, "MAX_RECORDS", 2)
    records = [json.dumps(but(samples.AWS, requestId=f"r{n}")).encode() for n in range(5)]
    for _ in range(2):
        answer = post("/gateway/v1/usage/firehose", samples.firehose(*records, b"no json"))
        assert answer.status_code == 200
        assert counted() == 5
    assert QuarantinedRecord.objects.count() == 1


# --- CloudEvents and OpenMeter


@pytest.mark.parametrize(("url", "status"), [
    ("/openmeter/events", 202), ("/v3/openmeter/events", 202), ("/api/v1/openmeter/events", 202),
    ("/api/v3/openmeter/events", 202), ("/api/v1/events", 204), ("/gateway/v1/usage/openmeter", 202),
])  # fmt: skip
def test_openmeter_answers_without_a_body(post, url, status):
    single = json.dumps(samples.CLOUDEVENT).encode()
    answer = post(url, single, content_type="application/cloudevents+json")
    assert (answer.status_code, answer.content) == (status, b"")
    answer = post(url, BODIES["cloudevents"], content_type="application/cloudevents-batch+json")
    assert answer.status_code == status
    assert counted() == 1
    assert post(url, b"[]", content_type="application/cloudevents-batch+json").status_code == status


def test_openmeter_one_bad_event_does_not_refuse_the_batch(post):
    batch = [but(samples.CLOUDEVENT, id=""), samples.CLOUDEVENT]
    assert post("/openmeter/events", json.dumps(batch).encode()).status_code == 202
    assert (counted(), QuarantinedRecord.objects.get().code) == (1, "missing_id")


def test_openmeter_errors_are_problem_details(post):
    answer = post("/openmeter/events", b"[]", authorization="Bearer wrong")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")


def test_cloudevents_in_binary_mode(post):
    event = samples.CLOUDEVENT
    headers = {
        f"Ce-{name}": event[name]
        for name in ("specversion", "id", "source", "type", "time", "subject")
    }
    answer = post("/gateway/v1/usage/cloudevents", b'{"bytes": "640"}', **headers)
    assert answer.json()["accepted"] == 1
    assert UsageEvent.objects.get().response_bytes == 640


# --- 3scale


@pytest.mark.parametrize("field", ["service_token", "provider_key"])
def test_3scale_sends_its_token_in_the_form(post, registered, field):
    body = samples.threescale({"[user_key]": "abc", "[usage][hits]": "2"}, service_id="77",
                              **{field: registered.token})  # fmt: skip
    answer = post(
        "/transactions.xml",
        body,
        authorization="",
        content_type="application/x-www-form-urlencoded",
    )
    assert (answer.status_code, answer.content) == (202, b"")
    assert counted() == 2


def test_3scale_one_bad_transaction_does_not_void_the_rest(post):
    body = samples.threescale({"[usage][hits]": "#1"}, {"[usage][hits]": "1"})
    assert post("/transactions.xml", body).status_code == 202
    assert counted() == 1


def test_what_postgresql_cannot_hold_is_replaced_before_it_is_kept(post):
    body = samples.threescale({"[usage][hits]": "\x00", "[log][x]": "\x00"})
    assert post("/transactions.xml", body).status_code == 202
    kept = QuarantinedRecord.objects.get()
    assert "\ufffd" in kept.message
    assert "\\u0000" not in kept.raw


def test_3scale_errors_are_xml_and_never_repeat_the_token(post):
    body = samples.threescale({"[usage][hits]": "1"}, service_token="wrong<&")
    answer = post("/transactions.xml", body, authorization="")
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("application/xml")
    assert b'<error code="gateway_token_unknown">' in answer.content
    assert b"wrong" not in answer.content


# --- Gravitee


@pytest.mark.parametrize("url", ["/gateway/v1/usage/gravitee/_bulk", "/_bulk"])
def test_bulk_has_an_item_for_each_document(post, url):
    body = samples.bulk(samples.GRAVITEE_DOCUMENT, samples.GRAVITEE_MESSAGE)
    answer = post(url, body, content_type="application/x-ndjson")
    document = answer.json()
    assert (answer.status_code, document["errors"]) == (200, False)
    assert [item["index"]["status"] for item in document["items"]] == [201, 201]
    assert answer["X-Elastic-Product"] == "Elasticsearch"
    assert counted() == 1


def test_what_the_elasticsearch_reporter_asks_first_is_answered(client, registered):
    headers = {"Authorization": f"Bearer {registered.token}"}
    info = client.get("/gateway/v1/usage/gravitee/", headers=headers)
    assert info.json()["version"]["number"].startswith("8.")
    template = client.put(
        "/gateway/v1/usage/gravitee/_index_template/gravitee-health", headers=headers
    )
    assert template.json() == {"acknowledged": True}
    assert client.get("/gateway/v1/usage/gravitee/").status_code == 401


# --- Back-pressure and failure, everywhere

ADDRESSES = {
    "/gateway/v1/usage/kong": (BODIES["kong"], lambda a: a["code"]),
    "/services/collector/event/1.0": (BODIES["tyk"], lambda a: a["text"] and a["code"] == 9),
    "/gateway/v1/usage/firehose": (BODIES["aws"], lambda a: a["errorMessage"] and a["timestamp"]),
    "/v1/logs": (BODIES["otlp"], lambda a: a["message"] and a["code"] in {8, 14}),
    "/openmeter/events": (BODIES["cloudevents"], lambda a: a["title"]),
    "/gateway/v1/usage/gravitee/_bulk": (BODIES["gravitee"], lambda a: a["error"]["reason"]),
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_busy_process_says_so_in_the_senders_words(post, url, monkeypatch):
    monkeypatch.setattr(views, "WAIT_SECONDS", 0)
    body, is_right = ADDRESSES[url]
    held = [views._places.acquire(blocking=False) for _ in range(views.MAX_AT_ONCE)]
    try:
        answer = post(url, body)
    finally:
        for _ in held:
            views._places.release()
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert is_right(answer.json())
    assert post(url, body).status_code < 300


@pytest.mark.parametrize("url", [*ADDRESSES, "/transactions.xml"])
def test_without_a_database_nothing_is_acknowledged(post, url, monkeypatch):
    def fail(**_):
        raise OperationalError("secret detail")

    monkeypatch.setattr(views, "store", fail)
    body = ADDRESSES.get(url, (BODIES["3scale"], None))[0]
    answer = post(url, body)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert b"secret detail" not in answer.content
    if url in ADDRESSES:
        assert ADDRESSES[url][1](answer.json())


@pytest.mark.parametrize("url", [*ADDRESSES, "/transactions.xml", "/gateway/v1/usage"])
def test_only_posting_is_possible(client, registered, url):
    answer = client.get(url, headers={"Authorization": f"Bearer {registered.token}"})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


# --- Secrets

SECRET = "s3cr3t-0123456789"


@pytest.mark.parametrize("record", [
    but(samples.KONG, started_at=..., request__headers={"apikey": SECRET, "X-Api-Key": SECRET}),
    but(samples.KONG, started_at=..., request__uri=f"/tides?api_key={SECRET}", request__querystring={"apikey": SECRET}),
    but(samples.APISIX, start_time=..., request__headers={"authorization": f"Bearer {SECRET}", "cookie": f"a={SECRET}"}),
    but(samples.CADDY, ts=..., request__headers={"X-Api-Key": [SECRET], "Authorization": [SECRET]}),
    but(samples.TYK, event__time_stamp="x", event__api_key=SECRET, event__raw_request=base64.b64encode(SECRET.encode()).decode()),
    but(samples.AZURE, t=..., url=f"https://a.test/x?subscription-key={SECRET}"),
    samples.otlp(but(samples.OTLP_RECORD, timeUnixNano="0", observedTimeUnixNano="0", attributes=[
        {"key": "http.request.method", "value": {"stringValue": "GET"}},
        {"key": "http.request.header.x-api-key", "value": {"stringValue": SECRET}}])),
])  # fmt: skip
def test_a_key_is_in_no_quarantined_record(post, record):
    answer = post("/gateway/v1/usage", json.dumps(record).encode())
    assert answer.status_code == 200
    kept = QuarantinedRecord.objects.get()
    assert SECRET not in kept.raw + kept.message
    assert base64.b64encode(SECRET.encode()).decode() not in kept.raw
    json.loads(kept.raw)


def test_a_key_is_in_no_stored_call(post):
    key = "ak_live_7Qm2VtYc9LpXa4RzKd81NsWbJh05Ge2RDumf"
    records = [
        but(samples.KONG, request__uri=f"/tides/{key}?apikey={key}", consumer__custom_id=key),
        but(samples.NGINX, rid="n", key=key),
    ]
    for record in records:
        assert post("/gateway/v1/usage", json.dumps(record).encode()).json()["accepted"] == 1
    for event in UsageEvent.objects.all():
        assert key not in repr(event.__dict__)
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT credential, consumer, route, service FROM analytics_foreignnames")
        assert key not in repr(cursor.fetchall())
