"""Records as other versions and settings of gateways write them, and what is stored of each."""

import json
from datetime import timedelta, timezone

import pytest

from analytics.formats import registry
from tests.analytics.formats import samples
from tests.analytics.formats.expectations import assert_becomes, body_of
from tests.analytics.formats.samples import END, ISO, MS, START, but

SECONDS = END.timestamp()
ROUND = START.replace(microsecond=0)
BERLIN = START.astimezone(timezone(timedelta(hours=2)))
CLF = START.strftime("%d/%b/%Y:%H:%M:%S +0000")
KEY = "key_7Qm2VtYc9LpXa4RzKd81"
V6 = "2001:db8::7"

KONG, KONG_STREAM, APISIX = samples.KONG, samples.KONG_STREAM, samples.APISIX
# kong/pdk/log.lua of 1.x to 3.x
KONG_1 = {
    "request": {"uri": "/tides", "url": "http://acme.test:8000/tides", "querystring": {}, "method": "GET",
                "headers": {"user-agent": ["okhttp/4.9", "x"]}, "size": "212"},
    "upstream_uri": "/tides", "response": {"status": 200, "headers": {}, "size": "1480"},
    "tries": [{"balancer_latency": 0, "port": 80, "balancer_start": MS, "ip": "10.0.0.9"}],
    "latencies": {"kong": 3, "proxy": 41, "request": 44.000000000000004}, "client_ip": V6, "started_at": MS,
    "route": {"id": "r-1", "paths": ["/tides"], "service": {"id": "s-1"}},
    "service": {"id": "s-1", "host": "mockbin.org"}, "workspaces": [{"name": "default"}],
}  # fmt: skip
KONG_OTHERS = [
    (KONG_1, {"took": 44_000, "upstream": 41_000, "in": 212, "out": 1480, "ip": V6, "agent": "okhttp",
              "route": "r-1", "service": "s-1", "billed": True}),
    (but(KONG, upstream_status="502, 200", tries=[{}, {}]), {"status": 200, "billed": True}),
    (but(KONG, upstream_status="", source="kong", response__status=504, latencies__proxy=60_002),
     {"status": 504, "billed": False, "denied": False}),
    (but(KONG, source="kong", response__status=200, latencies__proxy=-1), {"billed": False, "upstream": None}),
    (but(KONG, source="service"), {"billed": True}),
    (but(KONG, response__status=499, source="kong"), {"status": 499, "billed": False}),
    (but(KONG, response__status=499), {"status": 499, "billed": False, "denied": False}),
    (but(KONG, consumer={"id": "c-1", "username": None, "custom_id": None}), {"consumer": "c-1"}),
    (but(KONG, consumer={"id": "c-1", "username": "harbor", "custom_id": ""}), {"consumer": "harbor"}),
    (but(KONG, consumer__custom_id=KEY), {"key": KEY}),
    (but(KONG, route=None, service=None, authenticated_entity=None, consumer=None, source="kong",
         response__status=404, latencies__proxy=-1), {"route": "", "credential": "", "billed": False}),
    (but(KONG, started_at=MS / 1000), {}),
    (but(KONG, started_at=str(MS)), {}),
    (but(KONG, request__uri="/pkg.Tides/Get", request__method="POST", response__headers={"grpc-status": "0"}),
     {"method": "POST", "path": "/pkg.Tides/Get"}),
    (but(KONG, request__uri=None), {"path": "/tides"}),
    (but(KONG, ai={"proxy": {"usage": {"total_tokens": 40, "prompt_tokens": 30}, "meta": {"llm_model": "m"}}}),
     {"units": 40}),
    (but(KONG_STREAM, session__tls={"version": "TLSv1.3"}, latencies__session="44"), {"took": 44_000}),
]  # fmt: skip
APISIX_OTHERS = [
    (but(APISIX, upstream="10.0.0.1:80, 10.0.0.2:80", upstream_latency="12, 23"), {"upstream": 35_000}),
    (but(APISIX, request__size="340", response__size="512"), {"in": 340, "out": 512}),
    (but(APISIX, request__headers={"User-Agent": "curl/8"}), {"agent": "curl"}),
    (but(APISIX, consumer=..., consumer_name="harbor"), {"consumer": "harbor"}),
    (but(APISIX, consumer={"username": "harbor", "group_id": "g"}), {"consumer": "harbor"}),
    (but(APISIX, upstream=None, upstream_latency=None, response__status=429), {"denied": True, "upstream": None}),
    (but(APISIX, upstream="", response__status=403), {"denied": True}),
    (but(APISIX, response__status=403), {"denied": False, "billed": True}),
    (but(APISIX, response__status=499, upstream_latency=...), {"billed": False}),
    (but(APISIX, start_time=MS + 0.25), {"at": START + timedelta(microseconds=250)}),
    (but(APISIX, request__uri="/labels?apikey=x&b=1", request__headers=[]), {"path": "/labels"}),
    (but(APISIX, client_ip=V6, route_id="1", service_id="svc"), {"ip": V6, "route": "1", "service": "svc"}),
    (but(APISIX, route_id=..., service_id="acme.test"), {"route": "", "service": "acme.test"}),
    # The log_format of http-logger's own documentation, and a fuller one.
    ({"@timestamp": ISO, "client_ip": "127.0.0.1", "host": "localhost", "route_id": "1"},
     {"ip": "127.0.0.1", "route": "1", "status": 0, "billed": False}),
    ({"@timestamp": END.isoformat(), "client_ip": "203.0.113.7", "route_id": "1", "status": "200",
      "request_method": "GET", "request_uri": "/tides?x=1", "request_time": "0.042", "bytes_sent": "640",
      "upstream_response_time": "0.039", "request_id": "r-1", "consumer_name": "harbor"},
     {"id": "r-1", "method": "GET", "path": "/tides", "status": 200, "took": 42_000, "upstream": 39_000,
      "out": 640, "consumer": "harbor", "billed": True}),
]  # fmt: skip

NGINX = samples.NGINX
# The JSON of ingress-nginx' documentation (docs/user-guide/nginx-configuration/log-format.md).
INGRESS = {
    "time": END.isoformat(), "remote_addr": "203.0.113.7", "x_forwarded_for": "203.0.113.7",
    "request_id": "in-1", "remote_user": "-", "bytes_sent": 640, "request_time": 0.042, "status": 200,
    "vhost": "api.acme.test", "request_proto": "HTTP/2.0", "path": "/tides", "request_query": "a=1",
    "request_length": 212, "duration": 0.042, "method": "GET", "http_user_agent": "curl/8.5.0",
}  # fmt: skip
VARIABLES = {
    "msec": f"{SECONDS:.3f}", "request": "GET /tides?x=1 HTTP/1.1", "request_time": "0.042", "status": "200",
    "body_bytes_sent": "640", "upstream_response_time": "0.039", "remote_addr": V6, "http_user_agent": "-",
    "request_id": samples.ID, "server_name": "api.acme.test",
}  # fmt: skip
NGINX_OTHERS = [
    (but(NGINX, up_s="0.010, 0.009 : 0.020"), {"upstream": 39_000}),
    (but(NGINX, up_s="-, 0.039"), {"upstream": 39_000, "billed": True}),
    (but(NGINX, up_s="-"), {"upstream": None, "billed": False}),
    (but(NGINX, status="499"), {"status": 499, "billed": False, "denied": False}),
    (but(NGINX, status="499", up_s=""), {"billed": False}),
    (but(NGINX, ts=f"{SECONDS:.3f}", dur_s="0.042", **{"in": "212", "out": "640"}), {"in": 212, "out": 640}),
    (but(NGINX, ts=END.isoformat()), {}),
    (but(NGINX, ts=round(SECONDS * 1000)), {}),
    (but(NGINX, ts=END.astimezone(timezone(timedelta(hours=-5))).isoformat()), {}),
    (but(NGINX, ip=V6, verb="PROPFIND"), {"ip": V6, "method": "PROPFIND"}),
    (but(NGINX, rid=samples.ID.upper(), path="/a%20b/%FF?x"), {"path": "/a%20b/%FF"}),
    (but(NGINX, path="http://api.acme.test/tides?x=1"), {"path": "/tides"}),
    (but(NGINX, dur_s="0.000", ts=START.timestamp()), {"took": 0}),
    (INGRESS, {"id": "in-1", "took": 42_000, "in": 212, "out": 640, "agent": "curl", "service": "api.acme.test",
               "billed": True, "credential": ""}),
    (VARIABLES, {"id": samples.ID, "method": "GET", "path": "/tides", "ip": V6, "took": 42_000,
                 "upstream": 39_000, "out": 640, "agent": "", "service": "api.acme.test"}),
    (but(VARIABLES, msec=..., time_local=CLF), {"at": ROUND - timedelta(milliseconds=42)}),
]  # fmt: skip

HAPROXY = samples.HAPROXY
# %{+json}o with the names of HAProxy's own example.
HAPROXY_BLOG = {
    "client_ip": V6, "client_port": 51212, "request_date": CLF, "fe_name_transport": "edge~",
    "be_name": "tides", "server_name": "s1", "time_request": 0, "time_wait": 0, "time_connect": 1,
    "time_response": 39, "time_active": 42, "status_code": 200, "bytes_read": 640, "retries": 0,
    "http_request": "GET /tides?units=m HTTP/1.1",
}  # fmt: skip
HAPROXY_OTHERS = [
    (but(HAPROXY, ts=MS * 1000), {}),
    (but(HAPROXY, ts=MS / 1000), {}),
    (but(HAPROXY, ts=str(MS), dur_ms="42", up_ms="39", code="200", out="640"), {"took": 42_000, "out": 640}),
    (but(HAPROXY, up_ms=-1, code=429), {"denied": True, "upstream": None}),
    (but(HAPROXY, up_ms="-1", code=503), {"billed": False, "denied": False}),
    (but(HAPROXY, up_ms=..., code=403), {"denied": True}),
    (but(HAPROXY, up_ms=12, code=403), {"denied": False, "billed": True, "upstream": 12_000}),
    (but(HAPROXY, code=-1, verb="", path="", rid=""), {"status": 0, "billed": False}),
    (but(HAPROXY, dur_ms=-1), {"took": 0}),
    (but(HAPROXY, ip=f"[{V6}]:4711"), {"ip": V6}),
    (but(HAPROXY, key=KEY, ver="ver_7Qm2VtYc9LpXa4RzKd81", fe="edge", be="tides"),
     {"key": KEY, "route": "edge", "service": "tides"}),
    (but(HAPROXY, path="/tides?key=abc", custom={"a": [1]}), {"path": "/tides"}),
    (HAPROXY_BLOG, {"at": ROUND, "took": 42_000, "upstream": 39_000, "status": 200, "out": 640, "ip": V6,
                    "method": "GET", "path": "/tides", "route": "edge~", "service": "tides", "billed": True}),
]  # fmt: skip

TRAEFIK = samples.TRAEFIK
# A line of 2.11 with everything kept.
TRAEFIK_FULL = {
    "ClientAddr": f"[{V6}]:52654", "ClientHost": V6, "ClientPort": "52654", "ClientUsername": "-",
    "DownstreamContentSize": 397, "DownstreamStatus": 200, "Duration": 3_454_189, "OriginContentSize": 397,
    "OriginDuration": 3_427_197, "OriginStatus": 200, "Overhead": 26_992, "RequestAddr": "api.acme.test",
    "RequestContentSize": 12, "RequestCount": 5, "RequestHost": "api.acme.test", "RequestMethod": "GET",
    "RequestPath": "/.env?a=b", "RequestPort": "-", "RequestProtocol": "HTTP/2.0", "RequestScheme": "https",
    "RetryAttempts": 0, "RouterName": "tides@docker", "ServiceAddr": "10.0.1.8:8000",
    "ServiceName": "tides@docker", "ServiceURL": "http://10.0.1.8:8000", "StartLocal": BERLIN.isoformat(),
    "StartUTC": START.strftime("%Y-%m-%dT%H:%M:%S.120000187Z"), "TLSVersion": "1.3",
    "entryPointName": "https", "level": "info", "msg": "", "request_User-Agent": "test-scanner/1.0",
    "time": ISO,
}  # fmt: skip
TRAEFIK_OTHERS = [
    (TRAEFIK_FULL, {"took": 3454, "upstream": 3427, "in": 12, "out": 397, "ip": V6, "path": "/.env",
                    "route": "tides@docker", "service": "tides@docker", "agent": "test-scanner", "billed": True}),
    (but(TRAEFIK_FULL, StartUTC=...), {}),
    (but(TRAEFIK_FULL, StartUTC=..., StartLocal=...), {"at": START - timedelta(microseconds=3454)}),
    (but(TRAEFIK_FULL, ServiceURL={"Scheme": "http", "Host": "10.0.1.8:8000"}), {"billed": True}),
    (but(TRAEFIK, OriginStatus=..., OriginDuration=..., DownstreamStatus=403), {"denied": True, "billed": False}),
    (but(TRAEFIK_FULL, OriginStatus=..., OriginDuration=...), {"billed": True, "upstream": None}),
    (but(TRAEFIK, DownstreamStatus=499, OriginStatus=499), {"billed": False}),
    (but(TRAEFIK, DownstreamStatus=502, OriginStatus=502, RetryAttempts=2), {"billed": False, "denied": False}),
    (but(TRAEFIK, ClientHost="203.0.113.7, 10.0.0.1"), {"ip": "203.0.113.7"}),
    (but(TRAEFIK, ClientHost=..., ClientAddr="203.0.113.7:4711"), {"ip": "203.0.113.7"}),
    (but(TRAEFIK, ClientUsername="harbor"), {"credential": "harbor"}),
    (but(TRAEFIK, Duration="4.21ms", OriginDuration="4.1ms"), {"took": 4210, "upstream": 4100}),
    (but(TRAEFIK, **{"request_X-Request-Id": ..., "request_x-request-id": "r-9"}), {"id": f"r-9 {ISO}"}),
    (but(TRAEFIK, RouterName=..., FrontendName="f-1", BackendName="b-1"), {"route": "f-1", "service": "b-1"}),
    (but(TRAEFIK, **{"request_X-Apim-Key": KEY}), {"key": KEY}),
]  # fmt: skip

CADDY = samples.CADDY
CADDY_OTHERS = [
    (but(CADDY, request={"remote_addr": "203.0.113.7:4711", "proto": "HTTP/1.1", "method": "GET",
                         "host": "api.acme.test", "uri": "/tides", "headers": {}}, common_log="…"),
     {"ip": "203.0.113.7", "path": "/tides"}),
    (but(CADDY, request__client_ip=..., request__remote_ip=V6, request__remote_port="4711"), {"ip": V6}),
    (but(CADDY, ts=END.isoformat(timespec="milliseconds")), {}),
    (but(CADDY, ts=END.strftime("%Y-%m-%dT%H:%M:%S.162+0000")), {}),
    (but(CADDY, ts=SECONDS * 1000), {}),
    (but(CADDY, ts=round(SECONDS * 1000) * 1_000_000), {}),
    (but(CADDY, ts=END.strftime("%d/%b/%Y:%H:%M:%S +0000"), duration=0), {"at": END.replace(microsecond=0)}),
    (but(CADDY, duration="42ms"), {"took": 42_000}),
    (but(CADDY, duration="42000µs"), {"took": 42_000}),
    (but(CADDY, logger="http.log.access.log0"), {}),
    (but(CADDY, logger="http.log.access.tides"), {}),
    (but(CADDY, status=403, user_id=""), {"denied": True, "credential": ""}),
    (but(CADDY, request__headers={"User-Agent": ["Mozilla/5.0 (X11) Firefox/130.0"]}), {"agent": "Firefox"}),
    (but(CADDY, key=KEY, request__uri="/tides?api_key=x"), {"key": KEY, "path": "/tides"}),
    (but(CADDY, request__tls={"version": 772, "proto": "h2"}, request__proto="HTTP/2.0"), {"status": 200}),
]  # fmt: skip

OTHERS = {
    "kong": KONG_OTHERS, "apisix": APISIX_OTHERS, "nginx": NGINX_OTHERS, "haproxy": HAPROXY_OTHERS,
    "traefik": TRAEFIK_OTHERS, "caddy": CADDY_OTHERS,
}  # fmt: skip
CASES = [
    pytest.param(name, record, expected, id=f"{name}-{n}")
    for name, cases in OTHERS.items()
    for n, (record, expected) in enumerate(cases)
]


@pytest.mark.parametrize(("name", "record", "expected"), CASES)
def test_a_call_is_read_however_its_gateway_writes_it(name, record, expected):
    assert_becomes(name, record, expected)


@pytest.mark.parametrize(("name", "record", "expected"), CASES)
def test_it_is_recognised_without_saying_whose_it_is(name, record, expected):
    assert registry.detect(body_of(record)) == name


def test_a_kong_line_that_is_no_json_object_is_refused_alone():
    body = json.dumps([KONG_1, "text", None, 7, KONG_STREAM]).encode()
    reading = registry.READERS["kong"](body)
    assert (len(reading.events), [one.code for one in reading.rejected]) == (
        2,
        ["not_an_object"] * 3,
    )
