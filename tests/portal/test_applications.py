"""Applications belong to their organization, and every change of them is a page."""

import pytest
from django.urls import reverse

from apim.keys.models import ApiKey, Application, Subscription


def test_an_owner_and_a_member_create_applications(alice_client, bob_client, acme):
    for client, name in ((alice_client, "One"), (bob_client, "Two")):
        answer = client.post(reverse("portal:application-create"), {"name": name})
        made = Application.objects.get(name=name)
        assert answer.status_code == 302
        assert answer["Location"] == reverse("portal:application", args=[made.public_id])
        assert made.organization == acme


def test_a_billing_member_sees_applications_but_changes_none(bella_client, board):
    page = bella_client.get(reverse("portal:applications"))
    assert "Harbour board" in page.text
    assert reverse("portal:application-create") not in page.text
    assert bella_client.get(reverse("portal:application-create")).status_code == 404
    assert (
        bella_client.post(
            reverse("portal:application-edit", args=[board.public_id]), {"name": "Mine"}
        ).status_code
        == 404
    )


def test_a_taken_or_empty_name_comes_back_beside_its_field(alice_client, board):
    url = reverse("portal:application-create")
    taken = alice_client.post(url, {"name": "Harbour board", "description": "kept"})
    assert taken.status_code == 422
    assert "has this name" in taken.text
    assert "kept" in taken.text
    assert alice_client.post(url, {"name": ""}).status_code == 422


PAGES = [
    "application", "application-subscriptions", "application-usage", "application-edit",
    "application-delete", "key-issue",
]  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_an_outsider_gets_the_same_404_as_for_nothing(charlie_client, board, name):
    theirs = charlie_client.get(reverse(f"portal:{name}", args=[board.public_id]))
    nothing = charlie_client.get(reverse(f"portal:{name}", args=["app_0000000000000000000"]))
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.content == nothing.content


@pytest.mark.parametrize("name", PAGES)
def test_a_visitor_is_sent_to_sign_in(visitor_client, board, name):
    answer = visitor_client.get(reverse(f"portal:{name}", args=[board.public_id]))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_an_application_renders(alice_client, board, subscription, key, name):
    page = alice_client.get(reverse(f"portal:{name}", args=[board.public_id]))
    assert page.status_code == 200
    assert "Harbour board" in page.text


def test_the_overview_lists_keys_and_a_call_that_works_with_them(
    alice_client, board, subscription, key, settings
):
    page = alice_client.get(reverse("portal:application", args=[board.public_id])).text
    assert "Quay server" in page
    assert str(key) in page
    assert f"{settings.APIM_GATEWAY_URL}/tides/v1/tides/kiel" in page


def test_an_application_without_anything_says_what_comes_next(alice_client, board):
    page = alice_client.get(reverse("portal:application", args=[board.public_id])).text
    assert "No key yet" in page
    assert "Not subscribed to anything yet" in page
    empty = alice_client.get(reverse("portal:application-subscriptions", args=[board.public_id]))
    assert "No subscription yet" in empty.text


def test_an_organization_without_applications_is_offered_the_first(alice_client, acme):
    page = alice_client.get(reverse("portal:applications")).text
    assert "No application yet" in page
    assert reverse("portal:application-create") in page


def test_editing_keeps_what_was_written(alice_client, board):
    url = reverse("portal:application-edit", args=[board.public_id])
    answer = alice_client.post(url, {"name": "Pier board", "description": "On the pier"})
    assert answer.status_code == 302
    board.refresh_from_db()
    assert (board.name, board.description) == ("Pier board", "On the pier")


def test_deleting_asks_for_the_name_and_takes_keys_and_subscriptions_along(
    alice_client, board, subscription, key
):
    url = reverse("portal:application-delete", args=[board.public_id])
    wrong = alice_client.post(url, {"confirmation": "harbour"})
    assert wrong.status_code == 422
    board.refresh_from_db()
    assert board.state == Application.State.ACTIVE
    done = alice_client.post(url, {"confirmation": "Harbour board"})
    assert done["Location"] == reverse("portal:applications")
    key.refresh_from_db()
    subscription.refresh_from_db()
    assert key.state == ApiKey.State.REVOKED
    assert subscription.state == Subscription.State.CANCELLED
    assert (
        alice_client.get(reverse("portal:application", args=[board.public_id])).status_code == 404
    )


def test_names_are_text_and_never_markup(alice_client, acme):
    alice_client.post(reverse("portal:application-create"), {"name": "<b>bold</b>"})
    page = alice_client.get(reverse("portal:applications")).text
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
