"""The same POST with the same Idempotency-Key happens once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.db import connections

from apim.accounts.models import IdempotencyRecord
from apim.keys.models import ApiKey, Application

from .conftest import client_of

PATH = "/api/v1/applications"
KEY = {"HTTP_IDEMPOTENCY_KEY": "0b1f6d2e-pier"}


@pytest.mark.django_db
def test_a_repetition_gets_the_first_answer_again(alice_api):
    first = alice_api.post(PATH, {"name": "Pier"}, **KEY)
    again = alice_api.post(PATH, {"name": "Pier"}, **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Application.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"), [(PATH, {"name": "Quay"}), ("/api/v1/api-keys", {"name": "Pier"})]
)
def test_another_request_under_the_same_key_is_refused(alice_api, path, body):
    alice_api.post(PATH, {"name": "Pier"}, **KEY)
    refused = alice_api.post(path, body, **KEY)
    assert refused.status_code == 422
    assert refused.json()["code"] == "idempotency_key_reused"
    assert Application.objects.count() == 1


@pytest.mark.django_db
def test_a_refused_request_is_not_remembered(alice_api, application):
    refused = alice_api.post(PATH, {"name": application.name}, **KEY)
    assert refused.status_code == 422
    assert not IdempotencyRecord.objects.exists()
    assert alice_api.post(PATH, {"name": "Pier"}, **KEY).status_code == 201


@pytest.mark.django_db
def test_keys_of_two_tokens_do_not_meet(alice_api, charlie_api):
    mine = alice_api.post(PATH, {"name": "Pier"}, **KEY)
    theirs = charlie_api.post(PATH, {"name": "Pier"}, **KEY)
    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine.json()["id"]


@pytest.mark.django_db
def test_a_secret_is_not_in_the_repeated_answer_nor_stored(alice_api, application):
    body = {"application": application.public_id}
    first = alice_api.post("/api/v1/api-keys", body, **KEY)
    again = alice_api.post("/api/v1/api-keys", body, **KEY)
    assert first.json()["secret"].startswith("ak_live_")
    assert again.json() == {**first.json(), "secret": None}
    assert ApiKey.objects.count() == 1
    stored = str(IdempotencyRecord.objects.get().body)
    assert first.json()["secret"] not in stored


@pytest.mark.django_db
def test_an_action_repeated_is_not_a_conflict(alice_api, key):
    path = f"/api/v1/api-keys/{key.public_id}/revoke"
    first = alice_api.post(path, **KEY)
    again = alice_api.post(path, **KEY)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "ü"])
def test_a_key_without_the_form_is_refused(alice_api, key):
    refused = alice_api.post(PATH, {"name": "Pier"}, HTTP_IDEMPOTENCY_KEY=key)
    assert refused.status_code == 422
    assert not Application.objects.exists()


@pytest.mark.django_db
def test_after_a_day_the_key_is_free_again(alice_api):
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        alice_api.post(PATH, {"name": "Pier"}, **KEY)
        traveller.shift(timedelta(hours=24))
        assert alice_api.post(PATH, {"name": "Quay"}, **KEY).status_code == 201
    assert IdempotencyRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_once_change_once(alice, acme):
    client = client_of(alice, acme)
    start = Barrier(2)

    def post(_):
        mine = client.__class__()
        mine.credentials(**client._credentials)
        start.wait(10)
        try:
            return mine.post(PATH, {"name": "Pier"}, **KEY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(post, range(2)))
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert sum("Idempotency-Replayed" in a for a in answers) == 1
    assert Application.objects.count() == 1
