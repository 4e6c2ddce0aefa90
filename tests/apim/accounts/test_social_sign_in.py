"""GitHub, Google and single sign-on: only when configured, and against a server that behaves."""

from urllib.parse import urlsplit

import pytest
from django.urls import reverse

from apim.accounts.models import User
from apim.settings.social import social_providers
from tests.fakes.oidc import FakeOpenIdServer, running

ENVIRONMENT = {
    "APIM_GITHUB_CLIENT_ID": "gh-id",
    "APIM_GITHUB_CLIENT_SECRET": "gh-secret",
    "APIM_OIDC_CLIENT_ID": "our-id",
    "APIM_OIDC_CLIENT_SECRET": "our-secret",
}


@pytest.fixture
def identity_server():
    with running(FakeOpenIdServer("our-id", "our-secret")) as server:
        yield server


@pytest.fixture
def configured(identity_server, settings, monkeypatch):
    for name, value in {**ENVIRONMENT, "APIM_OIDC_ISSUER": identity_server.issuer}.items():
        monkeypatch.setenv(name, value)
    settings.SOCIALACCOUNT_PROVIDERS = social_providers()
    return identity_server


LOGIN = "/accounts/oidc/sso/login/"


def sign_in(client, server, person):
    server.person = person
    leaving = client.post(LOGIN)
    return client.get(server.authorize(leaving["Location"]))


def test_nothing_is_offered_unless_configured(visitor_client):
    page = visitor_client.get(reverse("account_login")).content.decode()

    assert "Continue with" not in page
    for path in (
        "/accounts/github/login/",
        "/accounts/github/login/callback/",
        "/accounts/google/login/",
        "/accounts/google/login/callback/",
        LOGIN,
        f"{LOGIN}callback/",
    ):
        assert visitor_client.get(path).status_code == 404


def test_configured_providers_are_offered(configured, visitor_client):
    page = visitor_client.get(reverse("account_login")).content.decode()

    assert "Continue with GitHub" in page
    assert "Continue with Single sign-on" in page
    assert "Google" not in page


def test_only_the_leaving_page_may_post_to_the_provider(configured, visitor_client):
    leaving = visitor_client.get("/accounts/github/login/")["Content-Security-Policy"]
    entering = visitor_client.get(reverse("account_login"))["Content-Security-Policy"]

    assert "form-action 'self' https://github.com" in leaving
    assert "github" not in entering
    sso = visitor_client.get(LOGIN)["Content-Security-Policy"]
    assert f"form-action 'self' {configured.issuer}" in sso


def test_leaving_takes_a_press(configured, visitor_client):
    """A link on a foreign page must not sign anybody in."""
    assert visitor_client.get(LOGIN).status_code == 200
    assert visitor_client.post(LOGIN)["Location"].startswith(configured.issuer)


def test_verified_newcomer_is_signed_in_with_an_organization(configured, visitor_client):
    person = {"sub": "7", "email": "nora@example.com", "email_verified": True, "name": "Nora New"}
    sign_in(visitor_client, configured, person)

    nora = User.objects.get()
    assert (nora.email, nora.name) == ("nora@example.com", "Nora New")
    assert visitor_client.session["_auth_user_id"] == str(nora.pk)
    assert nora.memberships.count() == 1
    assert not nora.has_usable_password()


def test_same_address_at_the_provider_does_not_take_over_an_account(
    configured, visitor_client, alice
):
    for is_verified in (True, False):
        person = {"sub": "666", "email": alice.email, "email_verified": is_verified, "name": "Eve"}
        answer = sign_in(visitor_client, configured, person)

        assert "_auth_user_id" not in visitor_client.session
        assert urlsplit(answer["Location"]).path in {
            reverse("socialaccount_signup"),
            reverse("account_email_verification_sent"),
        }
    assert User.objects.get().socialaccount_set.count() == 0


def test_answer_with_a_foreign_state_is_refused(configured, visitor_client, client):
    leaving = client.post(LOGIN)  # the attacker's own attempt
    back = configured.authorize(leaving["Location"])

    page = visitor_client.get(back).content.decode()
    assert "did not work" in page
    assert "_auth_user_id" not in visitor_client.session


def test_used_code_is_refused(configured, visitor_client, client):
    configured.person = {"sub": "7", "email": "n@example.com", "email_verified": True, "name": "N"}
    back = configured.authorize(visitor_client.post(LOGIN)["Location"])
    visitor_client.get(back)
    visitor_client.logout()

    visitor_client.get(back)
    assert "_auth_user_id" not in visitor_client.session
