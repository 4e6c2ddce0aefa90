"""The profile: saved values are honoured on every page."""

import pytest
from django.urls import reverse

from apim.audit.models import AuditEvent
from tests.cast import client_for

CHANGED = {
    "name": "Alice A.",
    "language": "de",
    "time_zone": "Asia/Tokyo",
    "theme": "dark",
    "has_shortcuts": "",
}


@pytest.fixture
def saved(alice_client):
    answer = alice_client.post(reverse("portal:profile"), CHANGED)
    assert answer.status_code == 302, answer.context["form"].errors
    return alice_client


def test_language_theme_and_shortcuts_are_in_the_answered_html(saved):
    page = saved.get(reverse("portal:profile"))

    html = page.content.decode()
    assert 'lang="de"' in html
    assert 'data-theme="dark"' in html
    assert "data-no-shortcuts" in html
    assert page["Content-Language"] == "de"


def test_profile_follows_to_another_device(saved, alice):
    html = client_for(alice).get(reverse("portal:profile")).content.decode()

    assert 'data-theme="dark"' in html


def test_theme_cookie_of_a_device_wins_over_the_profile(saved, alice):
    other = client_for(alice)
    other.cookies["theme"] = "light"

    assert 'data-theme="light"' in other.get(reverse("portal:profile")).content.decode()


def test_times_are_shown_in_the_readers_zone(saved, alice):
    assert saved.get(reverse("account_email")).status_code == 200
    page = saved.get(reverse("portal:organization")).content.decode()

    assert "JST" in page or "+09:00" in page or "GMT+9" in page


def test_next_readers_zone_is_not_the_previous_ones(saved, bob_client):
    page = bob_client.get(reverse("portal:organization")).content.decode()

    assert "JST" not in page
    assert 'lang="en"' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [("time_zone", "Mars/Olympus"), ("language", "xx"), ("theme", "neon"), ("name", "")],
)
def test_unknown_value_answers_422_and_changes_nothing(alice_client, alice, field, value):
    answer = alice_client.post(reverse("portal:profile"), {**CHANGED, field: value})

    assert answer.status_code == 422
    alice.refresh_from_db()
    assert alice.name == "Alice"


def test_change_is_recorded_with_before_and_after(saved, alice):
    event = AuditEvent.objects.get(action="user.updated")

    assert event.before["name"] == "Alice"
    assert event.after["name"] == "Alice A."
    assert event.ip_address == "127.0.0.1"


PROFILE_PAGES = [
    "portal:profile",
    "account_email",
    "account_change_password",
    "mfa_index",
    "usersessions_list",
]


@pytest.mark.parametrize("name", PROFILE_PAGES)
def test_profile_pages_are_for_the_signed_in(name, alice_client, visitor_client):
    assert alice_client.get(reverse(name)).status_code == 200
    assert visitor_client.get(reverse(name))["Location"].startswith(reverse("account_login"))
