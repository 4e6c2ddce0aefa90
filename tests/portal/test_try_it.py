"""Test requests go to the gateway's address of one version, and nowhere else."""

import http.server
import threading
import time

import pytest
from django.urls import reverse

from portal import try_proxy

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}


class _Gateway(http.server.BaseHTTPRequestHandler):
    """Stands where Envoy stands: answers by path and remembers what came."""

    seen: list

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.server.seen.append(
            (self.command, self.path, dict(self.headers), self.rfile.read(length))
        )
        if "/slow" in self.path:
            time.sleep(0.6)
        body = b"x" * 2048 if "/large" in self.path else b'{"high": "12:04"}'
        self.send_response(418 if "/teapot" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("RateLimit", '"minute";r=59;t=41')
        self.send_header("Set-Cookie", "sessionid=stolen")
        self.send_header("Refresh", "0;url=https://evil.example")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, *args):
        pass


@pytest.fixture
def gateway(settings):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.APIM_GATEWAY_URL = "https://gateway.example"
    settings.APIM_GATEWAY_INTERNAL_URL = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def _send(client, target, method="get", **options):
    url = reverse("portal:try", args=["tides", "v1"])
    headers = {**SAME_ORIGIN, **options.pop("headers", {})}
    return getattr(client, method)(
        url, query_params={"scalar_url": target}, headers=headers, **options
    )


def test_a_developers_call_reaches_the_gateway_with_the_key_that_was_typed(
    alice_client, tides, gateway
):
    answer = _send(
        alice_client,
        "https://gateway.example/tides/v1/tides/kiel?on=2026-06-21",
        headers={
            "X-API-Key": "ak_live_typed",
            "Accept": "application/json",
            "X-Scalar-Cookie": "a=b",
        },
    )
    assert answer.status_code == 200
    assert answer.json() == {"high": "12:04"}
    assert answer["RateLimit"] == '"minute";r=59;t=41'
    ((method, path, headers, _body),) = gateway.seen
    assert (method, path) == ("GET", "/tides/v1/tides/kiel?on=2026-06-21")
    assert headers["X-Api-Key"] == "ak_live_typed"
    assert headers["Cookie"] == "a=b"


def test_our_own_session_never_leaves(alice_client, tides, gateway):
    _send(
        alice_client,
        "https://gateway.example/tides/v1/tides/kiel",
        headers={"X-Forwarded-For": "1.2.3.4"},
    )
    ((_method, _path, headers, _body),) = gateway.seen
    assert "Cookie" not in headers
    assert not [name for name in headers if name.lower().startswith("x-forwarded")]


def test_body_and_status_travel_both_ways(alice_client, tides, gateway):
    answer = _send(
        alice_client,
        "https://gateway.example/tides/v1/teapot",
        method="post",
        data='{"metres": 2}',
        content_type="application/json",
    )
    assert answer.status_code == 418
    ((method, _path, headers, body),) = gateway.seen
    assert (method, body) == ("POST", b'{"metres": 2}')
    assert headers["Content-Type"] == "application/json"


def test_an_answer_cannot_act_on_our_origin(alice_client, tides, gateway):
    answer = _send(alice_client, "https://gateway.example/tides/v1/tides/kiel")
    assert "stolen" not in answer.cookies.output()
    assert "Refresh" not in answer
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/tides/v1/x",
        "https://gateway.example@evil.example/tides/v1/x",
        "https://gateway.example:444/tides/v1/x",
        "http://gateway.example/tides/v1/x",
        "https://gateway.example/other/v1/x",
        "https://gateway.example/tides/v10/x",
        "https://gateway.example/tides/v1/../../other/v1",
        "https://gateway.example/tides/v1/%2e%2e/%2e%2e/other/v1",
        "https://gateway.example/tides/v1/%252e%252e/other",
        "https://gateway.example/tides/v1/..%5cother",
        "file:///etc/passwd",
        "//gateway.example/tides/v1/x",
        "/tides/v1/x",
        "https://[gateway.example/tides/v1/x",
        "",
    ],
)
def test_no_other_address_is_called(alice_client, tides, gateway, target):
    answer = _send(alice_client, target)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert not gateway.seen


def test_a_header_travels_as_the_bytes_it_was(alice_client, tides, gateway):
    target = "https://gateway.example/tides/v1/x"
    assert _send(alice_client, target, headers={"X-Harbour": "K\xf6nig"}).status_code == 200
    ((_method, _path, headers, _body),) = gateway.seen
    assert headers["X-Harbour"] == "K\xf6nig"


def test_an_address_that_http_cannot_carry_is_refused(alice_client, tides, gateway):
    assert _send(alice_client, "https://gateway.example/tides/v1/\x01").status_code == 502
    assert not gateway.seen


def test_an_answer_that_is_too_large_is_said_so(alice_client, tides, gateway, monkeypatch):
    monkeypatch.setattr(try_proxy, "MAX_BYTES", 1024)
    answer = _send(alice_client, "https://gateway.example/tides/v1/large")
    assert (answer.status_code, answer.json()["code"]) == (502, "answer_too_large")


def test_an_answer_that_takes_too_long_is_said_so(alice_client, tides, gateway, monkeypatch):
    monkeypatch.setattr(try_proxy, "TOTAL_SECONDS", 0.2)
    answer = _send(alice_client, "https://gateway.example/tides/v1/slow")
    assert (answer.status_code, answer.json()["code"]) == (504, "gateway_too_slow")


def test_a_gateway_that_is_away_is_said_so(alice_client, tides, settings):
    settings.APIM_GATEWAY_URL = "https://gateway.example"
    settings.APIM_GATEWAY_INTERNAL_URL = "http://127.0.0.1:1"
    answer = _send(alice_client, "https://gateway.example/tides/v1/x")
    assert (answer.status_code, answer.json()["code"]) == (502, "gateway_unreachable")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_another_site_or_a_link_cannot_send_test_requests(alice_client, tides, gateway, headers):
    answer = _send(alice_client, "https://gateway.example/tides/v1/x", headers=headers)
    assert answer.status_code == 403
    assert not gateway.seen


def test_an_older_browser_is_told_apart_by_its_origin(alice_client, tides, gateway):
    url = reverse("portal:try", args=["tides", "v1"])
    target = {"scalar_url": "https://gateway.example/tides/v1/x"}
    ask = alice_client.get
    assert ask(url, target).status_code == 403
    assert ask(url, target, headers={"Origin": "https://evil.example"}).status_code == 403
    assert ask(url, target, headers={"Origin": "http://testserver.evil"}).status_code == 403
    assert ask(url, target, headers={"Origin": "https://["}).status_code == 403
    assert ask(url, target, headers={"Referer": "http://testserver/apis/"}).status_code == 200


def test_a_visitor_has_to_sign_in(visitor_client, tides, gateway):
    answer = _send(visitor_client, "https://gateway.example/tides/v1/x")
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))
    assert not gateway.seen


def test_one_person_sends_only_so_many_a_minute(alice_client, tides, gateway, monkeypatch):
    monkeypatch.setattr("portal.views.reference.TRIES_PER_MINUTE", 2)
    target = "https://gateway.example/tides/v1/x"
    answers = [_send(alice_client, target).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
