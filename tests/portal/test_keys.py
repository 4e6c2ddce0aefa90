"""Keys are shown once, rotated with a grace, and revoked knowing what will fail."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from apim.core import clock
from apim.keys import secrets
from apim.keys import services as keys
from apim.keys.models import ApiKey

SECRET = re.compile(r"ak_live_[0-9A-Za-z]{36}")
HIDDEN_TOKEN = re.compile(r'name="token" value="([^"]+)"')


def form_token(client, url):
    return HIDDEN_TOKEN.search(client.get(url).text)[1]


def issue(client, board, **data):
    url = reverse("portal:key-issue", args=[board.public_id])
    fields = {"name": "Laptop", "environment": "live", "lifetime": "90", **data}
    fields.setdefault("token", form_token(client, url))
    return client.post(url, fields), fields


def test_the_answer_shows_the_key_and_no_cache_may_keep_it(alice_client, board):
    answer, _fields = issue(alice_client, board)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    shown = SECRET.search(answer.text)[0]
    assert secrets.parse(shown) is not None
    key = ApiKey.objects.get(name="Laptop")
    assert shown.endswith(key.last4)
    assert key.expires_at.date() == (clock.now() + timedelta(days=90)).date()


def test_the_key_is_on_no_page_afterwards(alice_client, board):
    answer, _fields = issue(alice_client, board)
    shown = SECRET.search(answer.text)[0]
    key = ApiKey.objects.get()
    for url in (
        reverse("portal:application", args=[board.public_id]),
        reverse("portal:key", args=[key.public_id]),
    ):
        assert shown not in alice_client.get(url).text


def test_reloading_the_answer_issues_no_second_key(alice_client, board):
    _answer, fields = issue(alice_client, board)
    again, _fields = issue(alice_client, board, **fields)
    assert "already shown" in again.text
    assert not SECRET.search(again.text)
    assert ApiKey.objects.count() == 1


def test_the_form_token_of_one_person_is_useless_to_another(alice_client, bob_client, board):
    url = reverse("portal:key-issue", args=[board.public_id])
    answer, _fields = issue(bob_client, board, token=form_token(alice_client, url))
    assert answer.status_code == 422
    assert not ApiKey.objects.exists()


def test_an_invalid_form_keeps_its_values_and_issues_nothing(alice_client, board):
    answer, _fields = issue(alice_client, board, lifetime="date", name="Kept name")
    assert answer.status_code == 422
    assert "Kept name" in answer.text
    assert "Choose the last day." in answer.text
    assert not ApiKey.objects.exists()


def test_a_last_day_at_the_end_of_all_calendars_is_refused(alice_client, board):
    answer, _fields = issue(alice_client, board, lifetime="date", expires_on="9999-12-31")
    assert answer.status_code == 422
    assert not ApiKey.objects.exists()


def test_a_refusal_lets_the_same_form_be_sent_again(alice_client, board):
    yesterday = (clock.now() - timedelta(days=2)).date().isoformat()
    answer, fields = issue(alice_client, board, lifetime="date", expires_on=yesterday)
    assert answer.status_code == 422
    assert "in the future" in answer.text
    again, _fields = issue(alice_client, board, **{**fields, "lifetime": "never"})
    assert again.status_code == 200
    assert ApiKey.objects.get().expires_at is None


def test_a_key_works_to_the_end_of_the_chosen_day(alice_client, board):
    day = (clock.now() + timedelta(days=10)).date()
    issue(alice_client, board, lifetime="date", expires_on=day.isoformat())
    assert (
        ApiKey.objects.get().expires_at.isoformat() == f"{day + timedelta(days=1)}T00:00:00+00:00"
    )


def rotate(client, key, grace):
    url = reverse("portal:key-rotate", args=[key.public_id])
    return client.post(url, {"grace": grace, "token": form_token(client, url)})


def test_rotation_shows_a_new_key_and_both_pages_name_the_other(alice_client, key):
    answer = rotate(alice_client, key, "24")
    assert SECRET.search(answer.text)
    assert "no-store" in answer["Cache-Control"]
    key.refresh_from_db()
    assert key.status == ApiKey.Status.GRACE
    old = alice_client.get(reverse("portal:key", args=[key.public_id])).text
    assert "This key has been replaced" in old
    assert reverse("portal:key", args=[key.successor.public_id]) in old
    new = alice_client.get(reverse("portal:key", args=[key.successor.public_id])).text
    assert "The key before this one still works" in new


def test_rotation_without_grace_stops_the_old_key(alice_client, key):
    answer = rotate(alice_client, key, "0")
    assert "The old key has stopped working" in answer.text
    key.refresh_from_db()
    assert key.status == ApiKey.Status.REVOKED


def test_no_grace_beyond_the_old_keys_own_expiry_is_offered(alice_client, board, alice_actor):
    soon = keys.issue_key(
        actor=alice_actor, application=board, expires_at=clock.now() + timedelta(hours=30)
    ).key
    page = alice_client.get(reverse("portal:key-rotate", args=[soon.public_id])).text
    assert 'value="24"' in page
    assert 'value="168"' not in page
    assert rotate(alice_client, soon, "168").status_code == 422
    assert ApiKey.objects.count() == 1


def test_the_grace_is_extended_and_ended(alice_client, key, alice_actor):
    keys.rotate_key(actor=alice_actor, key=key, grace=timedelta(hours=1))
    key.refresh_from_db()
    before = key.expires_at
    alice_client.post(reverse("portal:key-extend", args=[key.public_id]), {"grace": "24"})
    key.refresh_from_db()
    assert key.expires_at > before + timedelta(hours=22)
    confirm = alice_client.get(reverse("portal:key-end-grace", args=[key.public_id]))
    assert "made no call in the last hour" in confirm.text
    alice_client.post(reverse("portal:key-end-grace", args=[key.public_id]))
    key.refresh_from_db()
    assert key.status == ApiKey.Status.REVOKED


def test_a_revoked_key_says_why_it_cannot_be_rotated(alice_client, key, alice_actor):
    keys.revoke_key(actor=alice_actor, key=key)
    for name in ("key", "key-rotate"):
        page = alice_client.get(reverse(f"portal:{name}", args=[key.public_id])).text
        assert "Revoked keys cannot be rotated" in page


def test_revoking_names_the_calls_that_will_fail(alice_client, key, subscription, call):
    call(key, subscription, times=4)
    url = reverse("portal:key-revoke", args=[key.public_id])
    page = alice_client.get(url).text
    assert "made 4 calls in the last hour" in page
    assert ApiKey.objects.get().state == ApiKey.State.ACTIVE
    answer = alice_client.post(url, follow=True)
    assert f"Key {key} is revoked." in answer.text
    assert ApiKey.objects.get().state == ApiKey.State.REVOKED


def test_renaming_changes_only_the_name(alice_client, key):
    alice_client.post(reverse("portal:key-rename", args=[key.public_id]), {"name": "Pier server"})
    key.refresh_from_db()
    assert key.name == "Pier server"


CHANGES = ["key-rotate", "key-rename", "key-extend", "key-end-grace", "key-revoke"]


@pytest.mark.parametrize("name", CHANGES)
def test_neither_an_outsider_nor_billing_changes_a_key(charlie_client, bella_client, key, name):
    url = reverse(f"portal:{name}", args=[key.public_id])
    for client in (charlie_client, bella_client):
        assert client.post(url, {"grace": "24"}).status_code == 404
    key.refresh_from_db()
    assert key.is_usable
    assert not key.is_rotated


def test_an_outsider_sees_no_key_and_billing_sees_it(charlie_client, bella_client, key):
    url = reverse("portal:key", args=[key.public_id])
    assert charlie_client.get(url).status_code == 404
    assert "Quay server" in bella_client.get(url).text


def test_the_table_shows_thirty_days_of_calls(alice_client, board, key, subscription, call):
    call(key, subscription, times=3)
    call(key, subscription, times=2, status=500, ago=timedelta(days=3))
    page = alice_client.get(reverse("portal:application", args=[board.public_id])).text
    assert "5 calls, 2 errors" in page
