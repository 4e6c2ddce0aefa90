"""All keys of the organization in one list; several revoked at once; what a key may do."""

from datetime import timedelta

import pytest
from django.urls import reverse

from analytics.services import note_keys_used
from apim.catalog.models import Operation
from apim.core import clock
from apim.keys import services as keys
from apim.keys.models import ApiKey
from apim.keys.rules import KeyRules, LimitTermsGiven, rules_of
from apim.keys.sightings import Sighting
from tests.portal.test_keys import form_token, issue


@pytest.fixture
def several(board, alice_actor):
    return [
        keys.issue_key(actor=alice_actor, application=board, name=f"Pier {n}").key for n in range(3)
    ]


def test_every_key_is_listed_with_its_application_and_last_use(alice_client, several, board):
    ApiKey.objects.mark_used(
        {several[0].pk: Sighting(clock.now() - timedelta(minutes=4), "203.0.113.7", "quay")}
    )
    page = alice_client.get(reverse("portal:keys")).text
    for key in several:
        assert key.name in page
    assert board.name in page
    assert "203.0.113.7" in page
    assert "by quay" in page


def test_the_list_is_searched_and_filtered(alice_client, several, alice_actor):
    keys.revoke_key(actor=alice_actor, key=several[0])
    url = reverse("portal:keys")
    found = alice_client.get(url, {"q": "pier 1"}).text
    assert "Pier 1" in found
    assert "Pier 2" not in found
    revoked = alice_client.get(url, {"status": "revoked"}).text
    assert "Pier 0" in revoked
    assert "Pier 1" not in revoked
    assert "No key matches" in alice_client.get(url, {"q": "nothing like it"}).text


def test_an_outsider_lists_only_their_own(charlie_client, several):
    assert "Pier 0" not in charlie_client.get(reverse("portal:keys")).text


def test_ticked_keys_are_revoked_after_a_question(alice_client, several):
    url = reverse("portal:keys-revoke")
    chosen = [key.public_id for key in several[:2]]
    question = alice_client.get(url, {"key": chosen}).text
    assert "Revoke 2 keys" in question
    assert ApiKey.objects.filter(state="revoked").count() == 0
    answer = alice_client.post(url, {"key": chosen}, follow=True).text
    assert "2 keys are revoked." in answer
    assert set(ApiKey.objects.filter(state="revoked")) == set(several[:2])


def test_nothing_ticked_says_so(alice_client, several):
    assert "Tick the keys" in alice_client.get(reverse("portal:keys-revoke"), follow=True).text


def test_neither_an_outsider_nor_billing_revokes_several(charlie_client, bella_client, several):
    url = reverse("portal:keys-revoke")
    chosen = {"key": [key.public_id for key in several]}
    assert charlie_client.post(url, chosen).status_code == 302
    assert bella_client.post(url, chosen).status_code == 404
    assert not ApiKey.objects.filter(state="revoked").exists()


def test_a_key_is_issued_with_rules(alice_client, board, subscription, tides):
    Operation.objects.filter(version=tides).update(tags=["Water"])
    answer, _fields = issue(
        alice_client,
        board,
        scopes=["Water"],
        cidrs="203.0.113.7\n\n2001:db8::/32",
        origins="https://shop.example",
        limit_minute="30",
        limit_concurrent="2",
    )
    assert answer.status_code == 200
    assert rules_of(ApiKey.objects.get()) == KeyRules(
        scopes=("Water",),
        cidrs=("203.0.113.7/32", "2001:db8::/32"),
        origins=("https://shop.example",),
        limits=(
            LimitTermsGiven(quota=30, window="minute"),
            LimitTermsGiven(quota=2, kind="concurrent"),
        ),
    )


def test_wrong_rules_stay_in_the_form_beside_their_errors(alice_client, board, subscription):
    answer, _fields = issue(alice_client, board, cidrs="10.0.0.5/8", limit_second="51")
    assert answer.status_code == 422
    assert "is no network" in answer.text
    assert "10.0.0.5/8" in answer.text
    beside = answer.text.partition('id="id_limit_second_error"')[2]
    assert "51 is more than the 50" in beside
    assert '<details class="disclosure" open>' in answer.text
    assert not ApiKey.objects.exists()


def test_rules_are_changed_and_limits_the_form_cannot_show_stay(
    alice_client, alice_actor, board, subscription
):
    sliding = LimitTermsGiven(kind="sliding", window="second", every=10, quota=7)
    key = keys.issue_key(
        actor=alice_actor,
        application=board,
        rules=KeyRules(cidrs=("10.0.0.0/8",), limits=(sliding,)),
    ).key
    url = reverse("portal:key-rules", args=[key.public_id])
    shown = alice_client.get(url).text
    assert "10.0.0.0/8" in shown
    assert "1 more limit was set by the management API" in shown
    alice_client.post(url, {"origins": "https://shop.example", "limit_day": "5"})
    assert rules_of(ApiKey.objects.get()) == KeyRules(
        origins=("https://shop.example",),
        limits=(LimitTermsGiven(window="day", quota=5), sliding),
    )
    page = alice_client.get(reverse("portal:key", args=[key.public_id])).text
    assert "https://shop.example" in page
    assert "key-day" in page


def test_the_fragment_says_where_the_old_key_was_seen(alice_client, charlie_client, key):
    url = reverse("portal:key-seen", args=[key.public_id])
    assert "has never been used" in alice_client.get(url).text
    seen = Sighting(clock.now() - timedelta(minutes=4), "203.0.113.7", "quay")
    ApiKey.objects.mark_used({key.pk: seen})
    fragment = alice_client.get(url).text
    assert "was last seen 4 min ago, from 203.0.113.7 through gateway quay" in fragment
    assert charlie_client.get(url).status_code == 404


def test_a_call_through_a_gateway_shows_from_where_it_came(alice_client, key, subscription, call):
    call(key, subscription, times=2)
    assert note_keys_used() == 1
    page = alice_client.get(reverse("portal:key", args=[key.public_id])).text
    assert "192.0.2.7" in page
    assert "by quay" in page
    assert note_keys_used() == 0


def test_a_grace_of_ones_own_choice(alice_client, key):
    url = reverse("portal:key-rotate", args=[key.public_id])
    wrong = alice_client.post(
        url, {"grace": "hours", "hours": "721", "token": form_token(alice_client, url)}
    )
    assert wrong.status_code == 422
    assert "Choose from 0 to 720 hours." in wrong.text
    alice_client.post(
        url, {"grace": "hours", "hours": "36", "token": form_token(alice_client, url)}
    )
    key.refresh_from_db()
    assert abs(key.expires_at - clock.now() - timedelta(hours=36)) < timedelta(minutes=1)


def test_a_second_extension_is_refused_in_words(alice_client, key, alice_actor):
    keys.rotate_key(actor=alice_actor, key=key, grace=timedelta(hours=1))
    url = reverse("portal:key-extend", args=[key.public_id])
    alice_client.post(url, {"grace": "24"})
    again = alice_client.post(url, {"grace": "168"}, follow=True)
    assert "Choose one of the offered times." in again.text
    assert "It has been extended once" in again.text
