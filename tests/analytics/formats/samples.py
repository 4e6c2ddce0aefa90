"""A record of each gateway as it really looks (invented values), for a call that began at START."""

import base64
import copy
import gzip
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

# A moment ago, with milliseconds: intake takes only what is fresh.
START = datetime.now(UTC).replace(microsecond=120_000) - timedelta(minutes=10)
MS = int(START.timestamp() * 1000)
ISO = START.isoformat().replace("+00:00", "Z")
END = START + timedelta(milliseconds=42)
ID = "9c41d07be2a84f5590d3b6a17e28c0f4"

KONG = {
    "request": {
        "id": ID, "method": "GET", "uri": "/tides?units=m", "url": "http://acme.test:8000/tides",
        "querystring": {"units": "m"}, "headers": {"authorization": "REDACTED", "user-agent": "curl/8.5.0"},
        "size": 212,
    },
    "response": {"status": 200, "size": 1480, "headers": {"content-length": "1204"}},
    "route": {"id": "route-uuid", "name": "tides-route"},
    "service": {"id": "service-uuid", "name": "tides"},
    "consumer": {"id": "consumer-uuid", "username": "harbor", "custom_id": "acct_42"},
    "authenticated_entity": {"id": "credential-uuid", "consumer_id": "consumer-uuid"},
    "latencies": {"kong": 2, "proxy": 41, "request": 44, "receive": 1},
    "upstream_status": "200", "client_ip": "203.0.113.7", "source": "upstream", "started_at": MS,
}  # fmt: skip
KONG_STREAM = {
    "session": {"received": 120, "sent": 640, "status": 200, "server_port": 9000},
    "latencies": {"kong": 2, "session": 44},
    "service": {"id": "service-uuid", "name": "mail"},
    "client_ip": "203.0.113.7",
    "started_at": MS,
}
APISIX = {
    "request": {
        "method": "POST", "uri": "/labels", "url": "http://acme.test:9080/labels", "headers": {},
        "querystring": {}, "size": 340,
    },
    "response": {"status": 201, "headers": {}, "size": 512},
    "upstream": "10.1.7.3:80", "consumer": {"username": "harbor"}, "client_ip": "203.0.113.9",
    "start_time": MS, "latency": 37.50001, "upstream_latency": 35, "apisix_latency": 2.50001,
    "service_id": "", "route_id": "labels",
}  # fmt: skip
ENVOY = {
    "start_time": ISO, "method": "GET", "path": "/tides?units=m", "response_code": 200, "duration": 42,
    "bytes_sent": 640, "bytes_received": 0, "request_id": "envoy-1", "access_log_type": "DownstreamEnd",
    "response_flags": "-", "upstream_host": "10.0.0.2:80", "upstream_service_time": "39",
    "user_agent": "curl/8.5.0", "route_name": "tides", "upstream_cluster": "tides",
}  # fmt: skip
NGINX = {
    "rid": ID, "ts": END.timestamp(), "dur_s": 0.042, "status": "200", "verb": "GET",
    "path": "/tides?units=m", "in": 212, "out": 640, "ip": "203.0.113.7", "key": "", "up_s": "0.010, 0.029",
}  # fmt: skip
HAPROXY = {
    "rid": "haproxy-1", "ts": MS, "verb": "GET", "path": "/tides?units=m", "code": 200, "out": 640,
    "dur_ms": 42, "up_ms": 39, "ip": "203.0.113.7", "key": "",
}  # fmt: skip
TRAEFIK = {
    "ClientHost": "203.0.113.7", "RequestMethod": "GET", "RequestHost": "api.acme.test",
    "RequestPath": "/tides?units=m", "DownstreamStatus": 200, "DownstreamContentSize": 640,
    "OriginStatus": 200, "Duration": 4_210_000, "OriginDuration": 4_100_000, "Overhead": 110_000,
    "RouterName": "t@docker", "ClientUsername": "-", "StartUTC": ISO, "request_X-Request-Id": "r-81",
}  # fmt: skip
CADDY = {
    "level": "info", "logger": "http.log.access", "ts": END.timestamp(),
    "request": {
        "client_ip": "203.0.113.7", "method": "GET", "host": "api.acme.test", "uri": "/tides",
        "headers": {"Accept": ["*/*"], "User-Agent": ["curl/8.5.0"]},
    },
    "bytes_read": 0, "user_id": "harbor", "duration": 0.042, "size": 640, "status": 200,
    "resp_headers": {}, "request_id": "caddy-1",
}  # fmt: skip
TYK = {
    "time": int(END.timestamp()),
    "event": {
        "method": "GET", "path": "/tides", "response_code": 200, "api_key": "c4d2a9f18e",
        "time_stamp": END.isoformat().replace("+00:00", "Z"), "api_version": "v1", "api_name": "Tides",
        "api_id": "a1f0", "org_id": "5f0c", "oauth_id": "", "raw_request": "R0VUIC90aWRlcw==",
        "request_time": 42, "raw_response": "", "ip_address": "203.0.113.7",
    },
}  # fmt: skip
AWS = {
    "requestId": "b7c1d2e3", "ip": "203.0.113.7", "caller": "-", "user": "-",
    "requestTime": START.strftime("%d/%b/%Y:%H:%M:%S +0000"), "requestTimeEpoch": str(MS),
    "httpMethod": "GET", "resourcePath": "/tides/{station}", "status": "200", "protocol": "HTTP/1.1",
    "responseLength": "640", "responseLatency": "42", "apiKeyId": "k1a2b3", "apiId": "a1b2c3",
}  # fmt: skip
AZURE = {
    "t": ISO, "id": "0f8fad5b-d9cb-469f-a165-70867728950e", "method": "GET",
    "url": "https://acme.azure-api.net:443/tides?units=m", "status": 200, "ms": 42, "subscription": "sub-1",
    "api": "tides", "operation": "get-tides", "ip": "203.0.113.7",
}  # fmt: skip
AZURE_DIAGNOSTIC = {
    "time": START.strftime("%Y-%m-%dT%H:%M:%S.1200001Z"), "category": "GatewayLogs",
    "operationName": "Microsoft.ApiManagement/GatewayLogs", "durationMs": 42,
    "callerIpAddress": "203.0.113.7", "correlationId": "5b1b8b46",
    "properties": json.dumps({
        "method": "GET", "url": "https://acme.azure-api.net:443/tides?units=m", "responseCode": 200,
        "backendResponseCode": 200, "backendTime": 39, "responseSize": 640, "requestSize": 212,
        "apiId": "tides", "operationId": "get-tides", "apimSubscriptionId": "sub-1", "userId": "1",
    }),
}  # fmt: skip
GRAVITEE = {
    "timestamp": MS, "requestId": "gravitee-1", "apiId": "api-uuid", "planId": "plan-uuid",
    "applicationId": "application-uuid", "subscriptionId": "subscription-uuid", "httpMethod": "GET",
    "uri": "/tides?units=m", "status": 200, "requestContentLength": -1, "responseContentLength": 640,
    "endpointResponseTimeMs": 39, "endpointResponseTimeNs": 39_100_000, "gatewayResponseTimeMs": 42,
    "gatewayLatencyMs": 3, "additionalMetrics": [{"name": "long_tokens", "value": 9}],
}  # fmt: skip
GRAVITEE_DOCUMENT = {
    "gateway": "g1", "@timestamp": START.isoformat(timespec="milliseconds"), "request-id": "gravitee-2",
    "api-id": "api-uuid", "plan-id": "plan-uuid", "application-id": "application-uuid", "http-method": 3,
    "uri": "/tides", "request-ended": "true", "status": 200, "response-content-length": 640,
    "gateway-response-time-ms": 42,
}  # fmt: skip
GRAVITEE_MESSAGE = {
    "gateway": "g1", "@timestamp": START.isoformat(timespec="milliseconds"), "request-id": "gravitee-2",
    "api-id": "api-uuid", "correlation-id": "m-1", "operation": "subscribe", "connector-type": "entrypoint",
}  # fmt: skip
CLOUDEVENT = {
    "specversion": "1.0", "type": "request", "id": "e-901", "source": "gw-eu", "subject": "acct_42",
    "time": ISO, "data": {"bytes": "640"},
}  # fmt: skip
OWN = {
    "id": "own-1", "ts": ISO, "type": "DownstreamEnd", "method": "GET", "path": "/tides", "status": 200,
    "duration_ms": 42, "upstream_ms": 39, "key": "key_7Qm2VtYc9LpXa4RzKd81",
}  # fmt: skip
OTLP_RECORD = {
    "timeUnixNano": str(MS * 1_000_000), "observedTimeUnixNano": str(MS * 1_000_000 + 10_000_000),
    "severityText": "INFO", "traceId": "3c9e5d1f70a84b26918dce4477ab0e52", "spanId": "51fe02c8a93d6b7e",
    "body": {"stringValue": "request"},
    "attributes": [
        {"key": "http.request.method", "value": {"stringValue": "GET"}},
        {"key": "http.response.status_code", "value": {"intValue": "200"}},
        {"key": "url.path", "value": {"stringValue": "/tides"}},
        {"key": "http.response.body.size", "value": {"intValue": 640}},
        {"key": "client.address", "value": {"stringValue": "203.0.113.7"}},
    ],
}  # fmt: skip


def otlp(*records) -> dict:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "edge-eu"}}]}
    scope = {"scope": {"name": "usage", "version": "1"}, "logRecords": list(records)}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [scope]}]}


def firehose(*records: bytes, request_id: str = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f") -> bytes:
    data = [{"data": base64.b64encode(record).decode()} for record in records]
    return json.dumps({"requestId": request_id, "timestamp": MS, "records": data}).encode()


def cloudwatch(*messages: str, kind: str = "DATA_MESSAGE") -> bytes:
    events = [{"id": f"3{n:055}", "timestamp": MS, "message": m} for n, m in enumerate(messages)]
    wrapped = {
        "messageType": kind,
        "owner": "1",
        "logGroup": "g",
        "logStream": "s",
        "logEvents": events,
    }
    return gzip.compress(json.dumps(wrapped).encode())


def bulk(*documents: dict, index: str = "gravitee-v4-metrics-2026.11.21") -> bytes:
    lines = []
    for document in documents:
        lines += [{"index": {"_index": index, "_id": document["request-id"]}}, document]
    return "\n".join(map(json.dumps, lines)).encode() + b"\n"


def threescale(*transactions: dict, **more: str) -> bytes:
    """Each transaction by its names in brackets: {"[user_key]": "abc", "[usage][hits]": "1"}."""
    fields = dict(more)
    for number, transaction in enumerate(transactions):
        fields |= {f"transactions[{number}]{name}": value for name, value in transaction.items()}
    return urlencode(fields).encode()


def but(record: dict, **changes) -> dict:
    """A copy; `request__uri` stands for `request.uri`, and ... removes."""
    changed = copy.deepcopy(record)
    for way, value in changes.items():
        *outer, last = way.split("__")
        at = changed
        for name in outer:
            at = at[name]
        if value is ...:
            at.pop(last, None)
        else:
            at[last] = value
    return changed


# A body with one call, as its gateway would post it, by the name of its dialect.
BODIES = {
    "own": json.dumps(OWN).encode(),
    "kong": json.dumps(KONG).encode(),
    "apisix": json.dumps([APISIX]).encode(),
    "envoy": json.dumps(ENVOY).encode(),
    "nginx": json.dumps(NGINX).encode(),
    "haproxy": json.dumps(HAPROXY).encode(),
    "traefik": json.dumps(TRAEFIK).encode(),
    "caddy": json.dumps(CADDY).encode(),
    "tyk": json.dumps(TYK).encode(),
    "aws": firehose(json.dumps(AWS).encode()),
    "azure": json.dumps({"records": [AZURE_DIAGNOSTIC]}).encode(),
    "gravitee": bulk(GRAVITEE_DOCUMENT),
    "cloudevents": json.dumps([CLOUDEVENT]).encode(),
    "otlp": json.dumps(otlp(OTLP_RECORD)).encode(),
    "3scale": threescale({"[user_key]": "abc", "[usage][hits]": "1"}, service_id="77"),
}
