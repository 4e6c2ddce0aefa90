"""As test_other_settings, for platforms and standards: other versions, conventions and envelopes."""

import base64
import gzip
import json
from datetime import timedelta

import pytest
from django.http.request import HttpHeaders

from analytics.formats import cloudevents, registry
from tests.analytics.formats import samples
from tests.analytics.formats.expectations import assert_becomes, body_of, only_call
from tests.analytics.formats.samples import END, ISO, MS, START, but

ROUND = START.replace(microsecond=0)
CLF = START.strftime("%d/%b/%Y:%H:%M:%S +0000")
KEY = "key_7Qm2VtYc9LpXa4RzKd81"
V6 = "2001:db8::7"

ENVOY = samples.ENVOY
# Envoy Gateway's default (site docs, "Proxy Access Logs"), and Istio's (EnvoyFileAccessLog in JSON).
ENVOY_GATEWAY = {
    "start_time": ISO, "method": "GET", "x-envoy-origin-path": "/tides?a=1", "protocol": "HTTP/2",
    "response_code": 200, "response_flags": "-", "response_code_details": "via_upstream",
    "connection_termination_details": None, "upstream_transport_failure_reason": None, "bytes_received": 12,
    "bytes_sent": 466, "duration": 42, "x-envoy-upstream-service-time": "39", "x-forwarded-for": "10.244.0.12",
    "user-agent": "curl/7.88.1", "x-request-id": "eg-1", ":authority": "backend:3000",
    "upstream_host": "10.244.0.13:3000", "upstream_cluster": "httproute/a/b/rule/0",
    "upstream_local_address": "10.244.0.14:58822", "downstream_local_address": "10.244.0.14:3000",
    "downstream_remote_address": f"[{V6}]:34805", "requested_server_name": None, "route_name": "httproute/a/b",
}  # fmt: skip
ISTIO = {
    "authority": "tides.default", "bytes_received": 0, "bytes_sent": 640, "downstream_remote_address": "203.0.113.7:1",
    "duration": 42, "method": "POST", "path": "/pkg.Tides/Get", "protocol": "HTTP/2", "request_id": "is-1",
    "requested_server_name": None, "response_code": 200, "response_code_details": "via_upstream",
    "response_flags": "-", "route_name": "default", "start_time": ISO, "upstream_cluster": None,
    "upstream_host": "10.0.0.2:80", "upstream_service_time": "39", "user_agent": "grpc-go/1.60", "x_forwarded_for": None,
}  # fmt: skip
ENVOY_OTHERS = [
    (ENVOY_GATEWAY, {"id": "eg-1", "path": "/tides", "took": 42_000, "upstream": 39_000, "in": 12, "out": 466,
                     "agent": "curl", "ip": V6, "service": "httproute/a/b/rule/0", "billed": True}),
    (but(ENVOY_GATEWAY, upstream_host=None, upstream_cluster=None, response_code=401,
         **{"x-envoy-upstream-service-time": None}), {"denied": True, "service": "backend:3000"}),
    (ISTIO, {"id": "is-1", "method": "POST", "path": "/pkg.Tides/Get", "service": "tides.default", "agent": "grpc-go",
             "ip": "203.0.113.7", "billed": True}),
    (but(ISTIO, response_code=503, response_flags="UF,URX"), {"status": 503, "billed": False, "denied": False}),
    (but(ISTIO, response_code=0, response_flags="DC", upstream_host="-"), {"status": 0, "billed": False}),
    (but(ISTIO, start_time=..., **{"@timestamp": ISO}), {}),
    (but(ENVOY, start_time=f"{START.timestamp():.3f}"), {}),
    (but(ENVOY, start_time=START.strftime("%Y-%m-%dT%H:%M:%S.120000456Z")), {}),
    (but(ENVOY, duration="42", response_code="200", bytes_sent="640", bytes_received="-"), {"took": 42_000, "in": 0}),
    (but(ENVOY, upstream_service_time="-", upstream_host="-", response_code=429), {"denied": True}),
    (but(ENVOY, upstream_host=..., upstream_service_time=..., response_code=200), {"billed": True}),
    (but(ENVOY, access_log_type=..., response_code=404), {"status": 404, "billed": True}),
    (but(ENVOY, duration=None, user_agent=None), {"took": 0, "agent": ""}),
    (but(ENVOY, key=KEY), {"key": KEY}),
]  # fmt: skip

TYK = samples.TYK
# Every field of tyk-pump's splunk mapping.
TYK_FULL = but(TYK, event={
    "method": "GET", "host": "acme.test", "path": "/tides", "raw_path": "/v1/tides", "content_length": 12,
    "user_agent": "curl/8", "response_code": 200, "api_key": "c4d2", "time_stamp": END.isoformat(),
    "api_version": "Non Versioned", "api_name": "Tides", "api_id": "a1f0", "org_id": "5f0c", "oauth_id": "",
    "raw_request": "", "request_time": 42, "raw_response": "", "ip_address": V6,
    "geo": {"country": {"iso_code": "DE"}, "city": {"geoname_id": 0, "names": {}}, "location": {}},
    "network": {"open_connections": 0, "closed_connections": 0, "bytes_in": 212, "bytes_out": 640},
    "latency": {"total": 42, "upstream": 39, "gateway": 3}, "tags": ["org-5f0c"], "alias": "harbor",
    "track_path": False,
})  # fmt: skip
TYK_OTHERS = [
    (TYK_FULL, {"took": 42_000, "upstream": 39_000, "in": 212, "out": 640, "country": "DE", "ip": V6,
                "agent": "curl", "consumer": "harbor", "service": "a1f0", "billed": True}),
    (but(TYK_FULL, event__response_code=403), {"denied": False, "billed": True}),
    (but(TYK_FULL, event__response_code=403, event__latency__upstream=0), {"denied": True, "upstream": None}),
    (but(TYK_FULL, event__geo={"country": {"iso_code": ""}}), {"country": ""}),
    (but(TYK_FULL, event__path=""), {"path": "/v1/tides"}),
    (but(TYK_FULL, event__api_key="00000000"), {"credential": ""}),
    (but(TYK_FULL, event__time_stamp=END.strftime("%Y-%m-%dT%H:%M:%S.162+02:00")), {"at": START - timedelta(hours=2)}),
    (but(TYK_FULL, event__time_stamp=...), {"at": ROUND - timedelta(milliseconds=42)}),
    (but(TYK_FULL, event__time_stamp=..., event__timestamp=END.isoformat()), {}),
    (but(TYK_FULL, time=str(END.timestamp()), event__time_stamp=""), {}),
    (but(TYK_FULL, event__alias="", event__oauth_id="client-1"), {"consumer": "client-1"}),
    (but(TYK_FULL, event__response_code=499), {"billed": False}),
    (but(TYK_FULL, host="pump", source="tyk", sourcetype="_json", index="main"), {"status": 200}),
]  # fmt: skip

AWS = samples.AWS
# HTTP APIs, as the console proposes.
AWS_HTTP = {
    "requestId": "JKJaXmPLvHcESHA=", "ip": V6, "requestTime": CLF, "httpMethod": "GET",
    "routeKey": "GET /tides/{station}", "status": "200", "protocol": "HTTP/1.1", "responseLength": "640",
}  # fmt: skip
AWS_OTHERS = [
    (AWS_HTTP, {"id": "JKJaXmPLvHcESHA=", "at": ROUND, "method": "GET", "path": "/tides/{station}", "ip": V6,
                "route": "GET /tides/{station}", "billed": True}),
    (but(AWS_HTTP, routeKey="$default", httpMethod="POST"), {"at": ROUND, "method": "POST", "path": "", "route": "$default"}),
    (but(AWS_HTTP, httpMethod=..., path="/prod/tides/1"), {"at": ROUND, "method": "GET", "path": "/prod/tides/1"}),
    (but(AWS_HTTP, requestId="-", extendedRequestId="ext-1"), {"at": ROUND, "id": "ext-1"}),
    (but(AWS, requestTimeEpoch=MS), {}),
    (but(AWS, requestTimeEpoch=str(MS // 1000)), {"at": ROUND}),
    (but(AWS, requestTimeEpoch="-", requestTime=ISO), {}),
    (but(AWS, status="403", integrationLatency="12", integrationStatus="403"), {"denied": False, "billed": True}),
    (but(AWS, status="403", integrationStatus="200"), {"denied": False}),
    (but(AWS, status="403", integrationLatency="-", integrationStatus="-"), {"denied": True}),
    (but(AWS, status="-", responseLatency="-", responseLength="-"), {"status": 0, "took": 0, "billed": False}),
    (but(AWS, apiKeyId="-", user="AIDA1", principalId="p"), {"credential": "", "consumer": "AIDA1"}),
    (but(AWS, path="/prod/tides/7?x=1", resourcePath="/tides/{station}"), {"path": "/prod/tides/7"}),
    (samples.firehose(gzip.compress(json.dumps(AWS).encode())), {"id": "b7c1d2e3"}),
    (samples.firehose(samples.cloudwatch(json.dumps(AWS_HTTP))), {"id": "JKJaXmPLvHcESHA=", "at": ROUND}),
]  # fmt: skip

AZURE, DIAGNOSTIC = samples.AZURE, samples.AZURE_DIAGNOSTIC
OF = json.loads(DIAGNOSTIC["properties"])
EVENT_HUB = {**DIAGNOSTIC, "DeploymentVersion": "0.40", "Level": 4, "isRequestSuccess": True, "location": "West Europe",
             "resourceId": "/SUBSCRIPTIONS/X", "properties": {**OF, "cache": "none", "clientProtocol": "HTTP/1.1",
             "requestHeaders": {"user-agent": "curl/8"}}}  # fmt: skip
# What Log Analytics exports: its columns, no envelope of properties.
ANALYTICS = {
    "TimeGenerated": ISO, "Type": "ApiManagementGatewayLogs", "OperationName": "Microsoft.ApiManagement/GatewayLogs",
    "CorrelationId": "c-1", "Method": "GET", "Url": "https://acme.azure-api.net/tides?subscription-key=x",
    "ResponseCode": 200, "BackendResponseCode": 200, "BackendTime": 39, "TotalTime": 42, "RequestSize": 212,
    "ResponseSize": 640, "CallerIpAddress": V6, "ApiId": "tides", "OperationId": "get-tides",
    "ApimSubscriptionId": "sub-1", "UserId": "1", "Cache": "none",
}  # fmt: skip
AZURE_OTHERS = [
    ({"records": [EVENT_HUB]}, {"at": START.replace(microsecond=120_000), "agent": "curl", "took": 42_000}),
    (EVENT_HUB, {"id": "5b1b8b46", "upstream": 39_000}),
    ([{"records": [EVENT_HUB]}], {"id": "5b1b8b46"}),
    (but(EVENT_HUB, durationMs="42", properties__backendTime="39"), {"took": 42_000, "upstream": 39_000}),
    (but(EVENT_HUB, properties__cache="hit", properties__backendResponseCode=...), {"billed": False, "denied": False}),
    (but(EVENT_HUB, properties__responseCode=401, properties__backendResponseCode=...), {"denied": True}),
    (but(EVENT_HUB, properties__responseCode=401, properties__backendResponseCode=401), {"denied": False}),
    (but(EVENT_HUB, properties__responseCode=0, properties__backendResponseCode=0), {"billed": False, "status": 0}),
    (but(EVENT_HUB, category=...), {"id": "5b1b8b46"}),
    ({"records": [ANALYTICS]}, {"id": "c-1", "path": "/tides", "took": 42_000, "upstream": 39_000, "ip": V6,
                                "credential": "sub-1", "route": "get-tides", "service": "tides", "billed": True}),
    (but(AZURE, t=START.strftime("%Y-%m-%dT%H:%M:%S.1200000Z")), {}),
    (but(AZURE, t=START.strftime("%Y-%m-%dT%H:%M:%S.12+00:00")), {}),
    (but(AZURE, ms="42", status="200", subscription=None, user=KEY), {"credential": "", "key": KEY}),
    (but(AZURE, backend_ms=39, status=403), {"upstream": 39_000}),
]  # fmt: skip

GRAVITEE, DOCUMENT = samples.GRAVITEE, samples.GRAVITEE_DOCUMENT
# The file reporter's own documentation: reactive and legacy engine.
V4 = {
    "type": "v4-metrics", "date": "2026.11.21", "_id": "g-4", "gateway": "gateway-id", "@timestamp": ISO,
    "request-id": "g-4", "client-identifier": "s-1", "transaction-id": "g-4", "api-id": "a-1", "plan-id": "p-1",
    "application-id": "app-1", "subscription-id": "s-1", "http-method": 7, "local-address": "127.0.0.1",
    "remote-address": V6, "host": "localhost:8082", "uri": "/tides?api-key=x", "path-info": "", "user-agent": "",
    "request-ended": "true", "endpoint": "https://api.test/echo", "endpoint-response-time-ms": 39, "status": 200,
    "response-content-length": 640, "gateway-response-time-ms": 42, "gateway-latency-ms": 3,
}  # fmt: skip
LEGACY = {
    "gateway": "gateway-id", "@timestamp": ISO, "type": "request", "date": "2026.11.21", "_id": "g-2",
    "transaction": "t-1", "method": 3, "uri": "/test", "status": 200, "response-time": 150,
    "api-response-time": 144, "proxy-latency": 6, "request-content-length": 0, "response-content-length": 275,
    "plan": "p-2", "api": "a-2", "application": "1", "local-address": "127.0.0.1", "remote-address": "127.0.0.1",
    "endpoint": "https://api.test/echo", "path": "", "host": "localhost:8082", "user-agent": "curl/8",
    "security-type": "API_KEY", "security-token": "21b560b2-59b8", "subscription": "s-2", "custom": {"zone": "eu"},
}  # fmt: skip


def _bulk(document: dict, **target) -> bytes:
    return b"\n".join(map(body_of, ({"index": target}, document))) + b"\n"


_LEGACY_INDEX = {
    "_index": "gravitee-request-2026.11.21",
    "_type": "_doc",
    "_id": "g-2",
    "pipeline": "p",
}
GRAVITEE_OTHERS = [
    (V4, {"id": "g-4", "method": "POST", "path": "/tides", "took": 42_000, "upstream": 39_000, "ip": V6,
          "out": 640, "credential": "s-1", "consumer": "app-1", "service": "a-1", "billed": True}),
    (LEGACY, {"id": "g-2", "method": "GET", "took": 150_000, "upstream": 144_000, "out": 275, "consumer": "",
              "credential": "s-2", "route": "p-2", "service": "a-2", "agent": "curl"}),
    (_bulk(but(LEGACY, _id=..., type=..., date=...), **_LEGACY_INDEX), {"id": "g-2", "took": 150_000}),
    (_bulk(but(V4, _id=..., type=...), _index="catalog-v4-metrics-2026.11.21"), {"id": "g-4"}),
    (_bulk(but(V4, _id=..., type=...), _index="eventing-v4-metrics"), {"id": "g-4"}),
    (but(LEGACY, subscription=...), {"credential": "sha256:" + registry.fields.hidden("21b560b2-59b8")[7:]}),
    (but(V4, **{"additional-metrics": {"long_tokens-sent": 4, "long_tokens-received": 5}}), {"units": 9}),
    (but(V4, custom={"long_units": "2.5"}), {"units": 2.5}),
    (but(V4, **{"endpoint-response-time-ms": -1, "status": 401}), {"upstream": None, "denied": True}),
    (but(V4, **{"http-method": "3"}), {"method": "GET"}),
    (but(V4, **{"@timestamp": START.strftime("%Y-%m-%dT%H:%M:%S.120+0000")}), {}),
    (but(GRAVITEE, timestamp=ISO, httpMethod="PATCH"), {"method": "PATCH"}),
    (but(GRAVITEE, endpointResponseTimeNs=-1, endpointResponseTimeMs=-1, gatewayResponseTimeNs=42_500_000),
     {"took": 42_500, "upstream": None}),
    (but(GRAVITEE, requestEnded=True, additionalMetrics=[]), {"units": 0}),
]  # fmt: skip


def _otlp(body=None, resource=None, **attributes) -> dict:
    pairs = [{"key": name, "value": value} for name, value in attributes.items()]
    record = but(samples.OTLP_RECORD, attributes=pairs)
    return samples.otlp(record if body is None else {**record, "body": body})


def _texts(values: dict) -> dict:
    return {name: {"stringValue": str(value)} for name, value in values.items()}


# Semantic conventions before 1.21, and after.
OLD_HTTP = {
    "http.method": "GET", "http.target": "/tides?a=1", "http.status_code": 200, "http.host": "api.acme.test",
    "http.client_ip": V6, "http.user_agent": "curl/8", "http.request_content_length": 12,
    "http.response_content_length": 640, "http.server.duration": "42", "http.route": "/tides",
}  # fmt: skip
NEW_HTTP = {
    "http.request.method": "_OTHER", "http.request.method_original": "PROPFIND", "url.path": "/tides",
    "url.query": "a=1", "http.response.status_code": 200, "network.peer.address": V6, "server.address": "api.acme.test",
    "http.server.request.duration": 0.042, "http.request.size": 12, "http.response.size": 640, "http.route": "/tides",
}  # fmt: skip
OTLP_OTHERS = [
    (_otlp(**_texts(OLD_HTTP)), {"method": "GET", "path": "/tides", "took": 42_000, "in": 12, "out": 640, "ip": V6,
                                 "agent": "curl", "route": "/tides", "service": "api.acme.test"}),
    (_otlp(**_texts(NEW_HTTP)), {"method": "PROPFIND", "took": 42_000, "in": 12, "out": 640, "ip": V6}),
    (_otlp(**{**_texts(OLD_HTTP), "http.server.duration": {"doubleValue": 42.5}}), {"took": 42_500}),
    (_otlp(**_texts({"status": 200, "duration_ns": 42_000_000, "path": "/t"})), {"took": 42_000}),
    (_otlp(**_texts({"status": 200, "duration_us": 42_000, "path": "/t"})), {"took": 42_000}),
    (_otlp(**{**_texts(NEW_HTTP), "http.request.header.x-request-id": {"arrayValue": {"values": [{"stringValue": "r-1"}]}}}),
     {"id": "r-1"}),
    (_otlp(**_texts({"x_request_id": "r-2", "response_code": "200", "method": "GET", "path": "/t", "duration": "42",
                     "x_envoy_upstream_service_time": "39", "upstream_host": "10.0.0.1:80"})),
     {"id": "r-2", "upstream": 39_000, "billed": True}),
    (_otlp(**_texts(TRAEFIK := {**samples.TRAEFIK, "Duration": 4_210_000})), {"took": 4210}),
    (_otlp(body={"stringValue": json.dumps(samples.NGINX)}), {"id": samples.ID, "took": 42_000}),
    (_otlp(body={"kvlistValue": {"values": [{"key": k, "value": {"stringValue": str(v)}} for k, v in ENVOY.items()]}}),
     {"id": "envoy-1"}),
    (_otlp(**_texts({"url.full": "https://api.acme.test/tides?token=x", "http.request.method": "GET"})),
     {"path": "/tides", "status": 0}),
    (_otlp(**_texts({**NEW_HTTP, "http.response.status_code": 403})), {"denied": True}),
    (_otlp(**_texts({**NEW_HTTP, "gen_ai.usage.total_tokens": 17, "client.geo.country_iso_code": "de"})),
     {"units": 17, "country": "DE"}),
]  # fmt: skip

EVENT = samples.CLOUDEVENT
EVENT_OTHERS = [
    (but(EVENT, data={"method": "GET", "route": "/hello", "duration_ms": "150"}),
     {"method": "GET", "path": "/hello", "took": 150_000, "status": 200, "billed": True}),
    (but(EVENT, data=None), {"status": 200, "consumer": "acct_42"}),
    (but(EVENT, data=..., data_base64=base64.b64encode(b'{"status":404,"units":"2"}').decode()),
     {"status": 404, "units": 2}),
    (but(EVENT, data='{"statusCode": 201}', datacontenttype="application/json"), {"status": 201}),
    (but(EVENT, time=START.strftime("%Y-%m-%dT%H:%M:%S.120000999+00:00")), {}),
    (but(EVENT, time=START.strftime("%Y-%m-%dt%H:%M:%S.120z")), {}),
    (but(EVENT, source="//gw/eu?x=1", id="ä ö"), {}),
    (but(EVENT, subject=..., data={"customer": "x"}), {"consumer": ""}),
    (but(EVENT, traceparent="00-a-b-01", partitionkey="7", dataschema="x"), {"id": "gw-eu e-901"}),
    (but(EVENT, data={"value": "3", "status": 429}), {"units": 3, "denied": True, "billed": False}),
    (but(EVENT, data=[1, 2]), {"status": 200}),
    (but(EVENT, data={"bytes": -1, "latency_ms": "n/a", "client_ip": f"[{V6}]:1"}), {"out": 0, "took": 0, "ip": V6}),
]  # fmt: skip

AT = {"[timestamp]": START.strftime("%Y-%m-%d %H:%M:%S +00:00")}
SCALE_OTHERS = [
    (samples.threescale({**AT, "[app_id]": "a1", "[usage][hits]": "1"}, service_id="7"), {"consumer": "a1", "service": "7"}),
    (samples.threescale({**AT, "[user_id]": "u1"}, service_id="7"), {"consumer": "u1", "status": 200}),
    (samples.threescale({"[timestamp]": str(MS // 1000), "[user_key]": "k"}), {"billed": True}),
    (samples.threescale({"[timestamp]": START.strftime("%Y-%m-%d %H:%M:%S"), "[user_key]": "k"}), {}),
    (samples.threescale({"[timestamp]": START.strftime("%Y-%m-%dT%H:%M:%SZ"), "[user_key]": "k"}), {}),
    (samples.threescale({"[timestamp]": START.strftime("%Y-%m-%d %H:%M:%S +0000"), "[user_key]": "k"}), {}),
    (samples.threescale({**AT, "[user_key]": "k", "[usage][search]": "3"}), {"units": 3}),
    (samples.threescale({**AT, "[user_key]": "k", "[usage][hits]": "1", "[usage][mb]": "0.5"}), {"units": 0.5}),
    (samples.threescale({**AT, "[user_key]": "k", "[log][code]": "500"}), {"status": 500, "billed": False}),
    (samples.threescale({**AT, "[user_key]": "k", "[log][code]": "403"}), {"denied": True}),
    (samples.threescale({**AT, "[user_key]": "k", "[log][request]": "/tides?user_key=k"}), {"path": "/tides"}),
    (samples.threescale({**AT, "[user_key]": "k", "[log][request]": "get_tides"}), {"path": ""}),
    (b"transactions%5B0%5D%5Buser_key%5D=k&transactions%5b0%5d%5btimestamp%5d=" + str(MS // 1000).encode(), {}),
]  # fmt: skip
SCALE_OTHERS = [(body, {"at": ROUND, **expected}) for body, expected in SCALE_OTHERS]

OTHERS = {
    "envoy": ENVOY_OTHERS, "tyk": TYK_OTHERS, "aws": AWS_OTHERS, "azure": AZURE_OTHERS, "otlp": OTLP_OTHERS,
    "gravitee": GRAVITEE_OTHERS, "cloudevents": EVENT_OTHERS, "3scale": SCALE_OTHERS,
}  # fmt: skip
CASES = [
    pytest.param(name, record, expected, id=f"{name}-{n}")
    for name, cases in OTHERS.items()
    for n, (record, expected) in enumerate(cases)
]


@pytest.mark.parametrize(("name", "record", "expected"), CASES)
def test_a_call_is_read_however_its_platform_writes_it(name, record, expected):
    assert_becomes(name, record, expected)


@pytest.mark.parametrize(("name", "record", "expected"), CASES)
def test_it_is_recognised_without_saying_whose_it_is(name, record, expected):
    assert registry.detect(body_of(record)) == name


@pytest.mark.parametrize(
    "index", ["gravitee-v4-message-metrics-2026.11.21", "g-v4-log-2026.11.21", "g-health", "x-event-metrics-2026.11"]
)  # fmt: skip
def test_gravitee_documents_of_other_indices_are_no_calls(index):
    reading = registry.READERS["gravitee"](_bulk(but(V4, _id=..., type=...), _index=index))
    assert (reading.events, reading.ignored, reading.rejected) == ([], 1, [])


BINARY = {
    "HTTP_CE_ID": "A%20b", "HTTP_CE_SPECVERSION": "1.0", "HTTP_CE_TYPE": "request", "HTTP_CE_SOURCE": "gw%2Feu",
    "HTTP_CE_TIME": ISO, "HTTP_CE_SUBJECT": "acct_42", "CONTENT_TYPE": "application/json",
}  # fmt: skip


def test_cloudevent_in_binary_mode_has_its_attributes_in_headers():
    body = cloudevents.from_headers(HttpHeaders(BINARY), b'{"status": 404}')
    assert (json.loads(body)["id"], json.loads(body)["source"]) == ("A b", "gw/eu")
    event = only_call("cloudevents", body)
    assert (event.status, event.occurred_at, event.foreign.consumer) == (404, START, "acct_42")


def test_cloudevent_in_structured_mode_is_taken_from_the_body_whatever_the_headers():
    body = json.dumps(EVENT).encode()
    structured = {**BINARY, "CONTENT_TYPE": "application/cloudevents+json; charset=utf-8"}
    assert cloudevents.from_headers(HttpHeaders(structured), body) == body
