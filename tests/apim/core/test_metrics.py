"""/metrics tells operators what waits and what fails, and nobody else."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from apim.core import clock
from apim.gateway.redis_connection import connection
from apim.outbox.models import OutboxEntry

pytestmark = pytest.mark.django_db


def value(text, name):
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])


@pytest.fixture
def client():
    return Client(REMOTE_ADDR="127.0.0.1")


def test_backlogs_are_told_with_their_age(client):
    entry = OutboxEntry.objects.create(topic="key.issued", due_at=clock.now(), pending=["x"])
    OutboxEntry.objects.filter(pk=entry.pk).update(created_at=clock.now() - timedelta(minutes=5))
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.content.decode()
    assert value(text, "apim_outbox_waiting") == 1
    assert 300 <= value(text, "apim_outbox_oldest_seconds") < 360
    assert value(text, "apim_usage_backlog_seconds") == 0
    assert value(text, "apim_usage_unattributed_today") == 0
    assert value(text, "apim_postgresql_up") == value(text, "apim_redis_up") == 1


def test_answers_are_counted_by_class(client):
    def counted():
        text = client.get("/metrics").content.decode()
        return int(re.search(r'apim_web_requests_total\{class="4xx",\S+\} (\d+)', text)[1])

    before = counted()
    assert client.get("/nothing-here").status_code == 404
    assert counted() == before + 1


def test_missing_for_those_who_are_elsewhere(client):
    assert Client(REMOTE_ADDR="203.0.113.9").get("/metrics").status_code == 404
    passed_on = client.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"})
    assert passed_on.status_code == 404


def test_token_opens_it_from_anywhere_and_only_the_token(settings, client):
    settings.APIM_METRICS_TOKEN = "metrics-token-0123456789"
    assert client.get("/metrics").status_code == 404
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    right = elsewhere.get("/metrics", headers={"authorization": "Bearer metrics-token-0123456789"})
    assert right.status_code == 200
    wrong = elsewhere.get("/metrics", headers={"authorization": "Bearer metrics-token-012345678"})
    assert wrong.status_code == 404


def test_redis_that_is_away_is_told(settings, client):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    connection.cache_clear()
    try:
        answer = client.get("/metrics")
    finally:
        connection.cache_clear()
    assert value(answer.content.decode(), "apim_redis_up") == 0
