import re

import pytest
from django.core import mail
from django.urls import reverse

from apim.audit.models import AuditEvent
from tests.cast import PASSWORD, client_for


def sign_in(client, email, password=PASSWORD, **more):
    return client.post(reverse("account_login"), {"login": email, "password": password, **more})


def test_session_id_changes_at_sign_in(visitor_client, alice, acme):
    session = visitor_client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    visitor_client.cookies["sessionid"] = before

    sign_in(visitor_client, alice.email)

    assert visitor_client.session["_auth_user_id"] == str(alice.pk)
    assert visitor_client.session.session_key != before


def test_wrong_password_and_unknown_address_are_answered_alike(visitor_client, alice):
    wrong = sign_in(visitor_client, alice.email, "not-the-password")
    unknown = sign_in(visitor_client, "nobody@example.com", "not-the-password")

    assert wrong.status_code == unknown.status_code
    assert wrong.context["form"].errors == unknown.context["form"].errors


def test_guessing_one_persons_password_is_stopped(visitor_client, alice):
    for _ in range(6):
        sign_in(visitor_client, alice.email, "a-wrong-guess")

    sign_in(visitor_client, alice.email)
    assert "_auth_user_id" not in visitor_client.session


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_next_never_leaves_the_site(visitor_client, alice, acme, target):
    answer = sign_in(visitor_client, alice.email, next=target)

    assert answer["Location"] == "/"


def test_next_leads_back_to_where_one_wanted_to_go(visitor_client, alice, acme):
    answer = visitor_client.get(reverse("portal:organization"))
    assert answer["Location"] == f"{reverse('account_login')}?next={reverse('portal:organization')}"

    answer = sign_in(visitor_client, alice.email, next=reverse("portal:organization"))
    assert answer["Location"] == reverse("portal:organization")


def test_inactive_person_cannot_sign_in(visitor_client, alice):
    alice.is_active = False
    alice.save()

    sign_in(visitor_client, alice.email)
    assert "_auth_user_id" not in visitor_client.session


def test_password_reset_ends_every_session_and_works_once(
    visitor_client, alice, acme, alice_client
):
    visitor_client.post(reverse("account_reset_password"), {"email": alice.email})
    path = re.search(r"https?://[^/]+(/accounts/password/reset/key/\S+)", mail.outbox[0].body)[1]
    form_page = visitor_client.get(path, follow=True)
    answer = visitor_client.post(
        form_page.redirect_chain[-1][0],
        {"password1": "another-long-password"},
    )

    assert answer.status_code == 302, answer.context["form"].errors
    assert alice_client.get(reverse("portal:profile")).status_code == 302  # signed out
    fresh = client_for(None)
    again = fresh.get(path, follow=True)
    assert "This link does not work" in again.content.decode()
    assert AuditEvent.objects.filter(action="user.password_reset").exists()


def test_reset_of_an_unknown_address_looks_the_same(visitor_client, alice):
    known = visitor_client.post(reverse("account_reset_password"), {"email": alice.email})
    unknown = visitor_client.post(reverse("account_reset_password"), {"email": "x@example.com"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_changed_password_keeps_this_session_and_ends_the_others(alice, acme, alice_client):
    other = client_for(alice)
    sign_in_here = client_for(None)
    sign_in(sign_in_here, alice.email)
    answer = sign_in_here.post(
        reverse("account_change_password"),
        {
            "oldpassword": PASSWORD,
            "password1": "another-long-password",
        },
    )

    assert answer.status_code == 302, answer.context["form"].errors
    assert sign_in_here.get(reverse("portal:profile")).status_code == 200
    assert other.get(reverse("portal:profile")).status_code == 302
    assert "password" in mail.outbox[-1].subject.lower()


def test_sign_in_is_recorded_with_the_callers_address(visitor_client, alice, acme):
    sign_in(visitor_client, alice.email)

    event = AuditEvent.objects.get(action="user.signed_in")
    assert (event.actor_id, event.ip_address) == (alice.public_id, "127.0.0.1")


def test_forwarded_address_counts_only_behind_a_trusted_proxy(
    visitor_client, alice, acme, settings
):
    sign_in_from = {"X-Forwarded-For": "203.0.113.9"}
    visitor_client.post(
        reverse("account_login"), {"login": alice.email, "password": PASSWORD}, headers=sign_in_from
    )
    assert AuditEvent.objects.filter(action="user.signed_in").latest("id").ip_address == "127.0.0.1"

    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    client_for(None).post(
        reverse("account_login"), {"login": alice.email, "password": PASSWORD}, headers=sign_in_from
    )
    assert (
        AuditEvent.objects.filter(action="user.signed_in").latest("id").ip_address == "203.0.113.9"
    )


def test_no_cache_keeps_the_pages_of_somebody_who_is_signed_in(visitor_client, alice_client):
    assert "Cache-Control" not in visitor_client.get("/apis/")
    assert alice_client.get("/apps/")["Cache-Control"] == "private"
    assert "no-store" in alice_client.get(reverse("mfa_index"))["Cache-Control"]
