import re
from typing import ClassVar

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.urls import reverse

from apim.accounts.models import Organization, User
from apim.audit.models import AuditEvent
from tests.cast import PASSWORD

NEWCOMER = {"name": "Nora New", "email": "nora@example.com", "password1": PASSWORD}


def link_in(message, pattern):
    found = re.search(rf"https?://[^\s]*({pattern}[^\s]*)", message.body)
    assert found, message.body
    return found[1]


def sign_up(client, **changed):
    return client.post(reverse("account_signup"), {**NEWCOMER, **changed})


def test_newcomer_confirms_the_mailed_link_and_owns_a_personal_organization(visitor_client):
    answer = sign_up(visitor_client)

    assert answer["Location"] == reverse("account_email_verification_sent")
    assert "_auth_user_id" not in visitor_client.session
    path = link_in(mail.outbox[0], "/accounts/confirm-email/")
    assert visitor_client.get(path).status_code == 200
    assert not User.objects.get().emailaddress_set.get().verified  # opening alone confirms nothing
    visitor_client.post(path)

    user = User.objects.get()
    assert user.emailaddress_set.get().verified
    assert user.name == "Nora New"
    assert visitor_client.session["_auth_user_id"] == str(user.pk)
    assert Organization.objects.get().name == "Nora New's organization"
    assert user.memberships.get().role == "owner"
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {
        "user.signed_up",
        "user.email_confirmed",
        "user.signed_in",
        "organization.created",
    } <= actions


def test_unconfirmed_address_cannot_sign_in(visitor_client):
    sign_up(visitor_client)
    answer = visitor_client.post(
        reverse("account_login"), {"login": "nora@example.com", "password": PASSWORD}
    )

    assert answer["Location"] == reverse("account_email_verification_sent")
    assert "_auth_user_id" not in visitor_client.session


def test_confirmation_link_works_once(visitor_client, client):
    sign_up(visitor_client)
    path = link_in(mail.outbox[0], "/accounts/confirm-email/")
    visitor_client.post(path)

    again = client.get(path)
    assert "This link does not work" in again.content.decode() or again.status_code in {302, 404}


def test_taken_address_looks_like_a_new_one_and_only_its_owner_learns(visitor_client, alice):
    fresh = sign_up(visitor_client)
    taken = sign_up(visitor_client, email=alice.email)

    assert (fresh.status_code, fresh["Location"]) == (taken.status_code, taken["Location"])
    assert mail.outbox[-1].to == [alice.email]
    assert "already" in mail.outbox[-1].subject
    assert User.objects.filter(email=alice.email).count() == 1


class CountingHasher(MD5PasswordHasher):
    hashed: ClassVar[list[str]] = []

    def encode(self, password, salt):
        self.hashed.append(password)
        return super().encode(password, salt)


def test_a_taken_address_takes_as_much_hashing_as_a_new_one(visitor_client, alice, settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    for email in (alice.email, "nora@example.com"):
        CountingHasher.hashed.clear()
        sign_up(visitor_client, email=email)
        assert CountingHasher.hashed == [PASSWORD]


def test_address_in_capitals_is_the_same_person(visitor_client, alice):
    sign_up(visitor_client, email=alice.email.upper())

    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "not-an-address"),
        ("email", ""),
        ("password1", "short"),
        ("password1", "password1234"),
        ("name", ""),
    ],
)
def test_bad_input_is_shown_beside_its_field(visitor_client, field, value):
    answer = sign_up(visitor_client, **{field: value})

    assert field in answer.context["form"].errors
    assert not User.objects.exists()
    assert not mail.outbox


def test_mail_links_ignore_a_forged_host(visitor_client, settings):
    visitor_client.post(reverse("account_signup"), NEWCOMER, headers={"host": "evil.example"})

    message = mail.outbox[0]
    bodies = message.body + message.alternatives[0][0]
    assert "evil.example" not in bodies
    assert settings.APIM_PUBLIC_URL in bodies


def test_language_of_sign_up_is_kept(visitor_client):
    visitor_client.post(
        reverse("account_signup"), NEWCOMER, headers={"accept-language": "de,en;q=0.5"}
    )

    assert User.objects.get().language == "de"


def test_sign_up_is_limited_per_address_of_the_caller(visitor_client):
    answers = [sign_up(visitor_client, email="bad").status_code for _ in range(25)]

    assert 429 in answers
