"""POST /gateway/v1/usage: who may, and that nothing a gateway sends makes it fail."""

import gzip
import hashlib
import json
import random

import pytest
from django.db import OperationalError

from analytics import views
from analytics.formats import bodies
from analytics.models import DailyRollup, QuarantinedRecord, UsageEvent
from apim.audit.actors import SYSTEM
from apim.gateway.services import disable_gateway, register_gateway
from tests.analytics.lines import ndjson

pytestmark = pytest.mark.django_db

URL = "/gateway/v1/usage"


@pytest.fixture
def registered(world):
    return register_gateway(actor=SYSTEM, name="Registered", kind="envoy")


@pytest.fixture
def post(client, registered):
    client.handler.enforce_csrf_checks = True

    def send(body: bytes, *, url: str = URL, token: str | None = None, **headers):
        authorization = f"Bearer {registered.token if token is None else token}"
        return client.post(
            url,
            body,
            content_type=headers.pop("content_type", "application/json"),
            headers={"Authorization": authorization, **headers},
        )

    return send


@pytest.mark.parametrize("url", [URL, f"{URL}/envoy"])
def test_a_delivery_is_acknowledged_with_what_became_of_it(world, post, url):
    body = ndjson([*world.lines(2), {"id": "no time"}])
    answer = post(gzip.compress(body), url=url, content_type="application/x-ndjson")
    assert answer.status_code == 200
    assert answer.json() == {"accepted": 2, "duplicates": 0, "quarantined": 1, "ignored": 0}


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "x"])
def test_the_content_type_decides_nothing(world, post, content_type):
    answer = post(json.dumps(world.lines(2)).encode(), content_type=content_type)
    assert answer.json()["accepted"] == 2


@pytest.mark.parametrize("token", ["", "gwt_unknown", "x" * 5000, "ü"])
def test_without_a_known_token_nothing_is_stored(world, post, token):
    answer = post(ndjson(world.lines(1)), token=token)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert not UsageEvent.objects.exists()


def test_a_disabled_gateway_is_not_heard(world, registered, post):
    disable_gateway(actor=SYSTEM, gateway=registered.gateway)
    assert post(ndjson(world.lines(1))).status_code == 401


def test_only_posting_is_possible(client, registered):
    headers = {"Authorization": f"Bearer {registered.token}"}
    assert client.get(URL, headers=headers).status_code == 405


def test_a_delivery_over_the_limit_is_refused_before_it_fills_the_memory(post):
    bomb = gzip.compress(b" " * (bodies.MAX_EXPANDED_BYTES + 1))
    assert len(bomb) < 20_000
    for body in (bomb, b" " * (bodies.MAX_EXPANDED_BYTES + 1), b"{}\n" * (bodies.MAX_RECORDS + 1)):
        answer = post(body)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_damaged_gzip_is_refused(world, post):
    whole = gzip.compress(ndjson(world.lines(5)))
    for body in (whole[: len(whole) // 2], b"\x1f\x8bnonsense"):
        assert post(body).status_code == 400


def test_a_busy_process_asks_to_come_back(world, post, monkeypatch):
    monkeypatch.setattr(views, "WAIT_SECONDS", 0)
    held = [views._places.acquire(blocking=False) for _ in range(views.MAX_AT_ONCE)]
    try:
        answer = post(ndjson(world.lines(1)))
    finally:
        for _ in held:
            views._places.release()
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert post(ndjson(world.lines(1))).status_code == 200


def test_a_database_that_fails_is_answered_with_503_and_retry_after(world, post, monkeypatch):
    def fail(**_):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(views, "store", fail)
    answer = post(ndjson(world.lines(1)))
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "server closed" not in answer.content.decode()


VALUES = [None, True, -1, 0, 2**63, 1e308, -0.0, "", "x" * 3000, "\x00", "\ud83d", "NaN", [], {},
          ["a"], {"a": {"b": []}}, "2026-02-30T00:00:00Z", "9999-12-31T23:59:59-12:00", 253402300799]  # fmt: skip


def test_whatever_is_sent_is_answered_and_good_calls_in_it_still_count(world, post):
    rng = random.Random(20261120)
    fields = list(world.line())
    for _ in range(60):
        good = world.line()
        bad = [
            {**world.line(), **{rng.choice(fields): rng.choice(VALUES) for _ in range(3)}}
            for _ in range(5)
        ]
        text = [json.dumps(line).encode() for line in bad]
        text.append(bytes(rng.randrange(256) for _ in range(40)).replace(b"\n", b"") or b"x")
        text.append(json.dumps(good).encode()[: rng.randrange(1, 80)])
        rng.shuffle(text)
        body = b"\n".join([b"{}", *text, json.dumps(good).encode()])
        answer = post(body)
        assert answer.status_code == 200, answer.content
        assert UsageEvent.objects.filter(event_id=good["id"]).exists()
    assert QuarantinedRecord.objects.exists()


def test_random_bytes_never_make_it_fail(post):
    rng = random.Random(7)
    for size in (0, 1, 2, 3, 10, 100, 5000):
        for start in (b"", b"[", b"{", b"\x1f\x8b", b"\x1f\x8b\x08\x00", b"[[", b"\xef\xbb\xbf{"):
            answer = post(start + rng.randbytes(size))
            assert answer.status_code in {200, 400}, answer.content


def test_what_was_quarantined_is_known_by_its_digest(world, post):
    post(b"nonsense")
    record = QuarantinedRecord.objects.get()
    assert bytes(record.digest) == hashlib.sha256(b"nonsense").digest()


@pytest.mark.django_db(transaction=True)
def test_a_delivery_is_rolled_up_without_waiting_for_the_scheduler(world, post):
    post(ndjson(world.lines(3)))
    assert DailyRollup.objects.get().calls == 3
    post(ndjson(world.lines(2)))
    assert DailyRollup.objects.get().calls == 5
