"""The organization's pages, and that nobody else's are reachable."""

import re

import pytest
from django.urls import reverse

from apim.accounts import services
from apim.accounts.models import AccessToken, Invitation, Membership
from apim.audit.models import AuditEvent
from tests.cast import client_for


@pytest.fixture
def invitation(acme, alice_actor):
    return services.invite_member(
        actor=alice_actor, organization=acme, email="dora@example.com", role="member"
    )


@pytest.fixture
def token(acme, alice, alice_actor):
    return services.issue_access_token(
        actor=alice_actor, user=alice, organization=acme, name="nightly", scopes=["keys:read"]
    ).token


def membership_of(user, organization):
    return Membership.objects.get(user=user, organization=organization)


PAGES = ["organization", "organization-tokens", "organization-token-issue", "organization-leave"]
OWNER_PAGES = ["organization-invite", "organization-settings", "organization-activity"]


@pytest.mark.parametrize("name", PAGES)
def test_members_open_the_pages_and_visitors_sign_in_first(name, bob_client, visitor_client):
    assert bob_client.get(reverse(f"portal:{name}")).status_code == 200
    answer = visitor_client.get(reverse(f"portal:{name}"))
    assert answer["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", OWNER_PAGES)
def test_owners_pages_do_not_exist_for_others(name, alice_client, bob_client, bella_client):
    assert alice_client.get(reverse(f"portal:{name}")).status_code == 200
    missing = bob_client.get("/no-such-page/")
    for client in (bob_client, bella_client):
        answer = client.get(reverse(f"portal:{name}"))
        assert answer.status_code == 404
        assert answer.content == missing.content


def test_outsider_reaches_no_object_of_another_organization(
    charlie_client, alice_client, acme, bob, invitation, token
):
    bobs = membership_of(bob, acme).public_id
    paths = [
        reverse("portal:organization-member", args=[bobs]),
        reverse("portal:organization-member-remove", args=[bobs]),
        reverse("portal:organization-invitation-revoke", args=[invitation.public_id]),
        reverse("portal:organization-token-revoke", args=[token.public_id]),
    ]
    for path in paths:
        assert alice_client.get(path).status_code == 200
        assert charlie_client.get(path).status_code == 404
        assert charlie_client.post(path, {"role": "owner"}).status_code == 404
    resend = reverse("portal:organization-invitation-resend", args=[invitation.public_id])
    assert charlie_client.post(resend).status_code == 404
    assert membership_of(bob, acme).role == "member"
    assert Invitation.objects.get().revoked_at is None
    assert AccessToken.objects.get().revoked_at is None


def test_outsider_sees_only_their_own_people(charlie_client, acme):
    page = charlie_client.get(reverse("portal:organization")).content.decode()

    assert "charlie@example.com" in page
    assert "alice@example.com" not in page


def test_switching_to_a_strangers_organization_is_not_found(charlie_client, acme):
    answer = charlie_client.post(reverse("switch_organization"), {"organization": acme.public_id})

    assert answer.status_code == 404


def test_switching_shows_the_other_organization(alice, acme, alice_client, alice_actor):
    other = services.create_organization(actor=alice_actor, name="Sideline", owner=alice)
    assert "Acme" in alice_client.get(reverse("portal:organization")).content.decode()
    alice_client.post(reverse("switch_organization"), {"organization": other.public_id})

    page = alice_client.get(reverse("portal:organization"))
    assert page.context["organization"] == other


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/x", "\\\\evil.example"]
)
def test_switching_never_leads_away(alice_client, acme, target):
    answer = alice_client.post(
        reverse("switch_organization"), {"organization": acme.public_id, "next": target}
    )

    assert answer["Location"] == "/"


def test_switching_needs_a_post(alice_client):
    assert alice_client.get(reverse("switch_organization")).status_code == 405


def test_owner_invites_and_the_row_appears(alice_client):
    answer = alice_client.post(
        reverse("portal:organization-invite"),
        {"email": "dora@example.com", "role": "billing"},
        follow=True,
    )

    assert "dora@example.com" in answer.content.decode()
    assert Invitation.objects.get().role == "billing"


def test_refused_invitation_answers_422_with_the_values_kept(alice_client, bob):
    answer = alice_client.post(
        reverse("portal:organization-invite"), {"email": bob.email, "role": "member"}
    )

    assert answer.status_code == 422
    page = answer.content.decode()
    assert bob.email in page
    assert "already a member" in page


def test_last_owner_is_told_why_the_role_stays(alice_client, alice, acme):
    path = reverse("portal:organization-member", args=[membership_of(alice, acme).public_id])
    answer = alice_client.post(path, {"role": "member"})

    assert answer.status_code == 422
    assert "last owner" in answer.content.decode()


def test_member_leaves_and_loses_access_at_once(bob_client, bob, acme):
    bob_client.post(reverse("portal:organization-leave"))

    assert not bob.memberships.exists()
    answer = bob_client.get(reverse("portal:organization"))
    assert answer["Location"] == reverse("start_organization")


def test_removed_member_loses_access_in_an_open_session(alice_client, bob_client, bob, acme):
    path = reverse("portal:organization-member-remove", args=[membership_of(bob, acme).public_id])
    alice_client.post(path)

    assert bob_client.get(reverse("portal:organization")).status_code == 302
    assert AuditEvent.objects.filter(action="membership.removed").count() == 1


def test_person_without_organization_creates_one(olga_client, olga):
    answer = olga_client.get(reverse("portal:organization"))
    assert answer["Location"] == reverse("start_organization")
    olga_client.post(answer["Location"], {"name": "Operators"})

    assert olga.memberships.get().organization.name == "Operators"


def test_settings_change_is_listed_in_the_activity(alice_client, acme):
    alice_client.post(
        reverse("portal:organization-settings"),
        {"name": "Acme Two", "time_zone": "Europe/Berlin", "billing_email": ""},
    )
    page = alice_client.get(reverse("portal:organization-activity")).content.decode()

    assert "Acme Two" in page
    assert "Europe/Berlin" in page
    assert "alice@example.com" in page
    assert "127.0.0.1" in page


def test_activity_holds_no_other_organizations_events(alice_client, charlie_actor, charlies):
    services.update_organization(actor=charlie_actor, organization=charlies, name="Secret plan")

    page = alice_client.get(reverse("portal:organization-activity")).content.decode()
    assert "Secret plan" not in page


def form_token(client):
    page = client.get(reverse("portal:organization-token-issue")).content.decode()
    return re.search(r'name="token" value="([^"]+)"', page)[1]


def test_secret_is_shown_once_and_never_cached(bob_client, bob):
    form = {
        "token": form_token(bob_client),
        "name": "ci",
        "scopes": ["keys:read", "usage:read"],
        "lifetime": "30",
    }
    shown = bob_client.post(reverse("portal:organization-token-issue"), form)

    secret = re.search(r"apim_pat_[0-9A-Za-z]{36}", shown.content.decode())[0]
    assert "no-store" in shown["Cache-Control"]
    again = bob_client.post(reverse("portal:organization-token-issue"), form, follow=True)
    assert secret not in again.content.decode()
    assert AccessToken.objects.filter(user=bob).count() == 1
    assert secret not in bob_client.get(reverse("portal:organization-tokens")).content.decode()


def test_scope_beyond_ones_own_rights_cannot_be_posted(bob_client):
    form = {
        "token": form_token(bob_client),
        "name": "ci",
        "scopes": ["catalog:write"],
        "lifetime": "30",
    }
    answer = bob_client.post(reverse("portal:organization-token-issue"), form)

    assert answer.status_code == 422
    assert not AccessToken.objects.exists()


def test_member_sees_only_their_own_tokens_and_an_owner_all(alice_client, bob_client, token):
    path = reverse("portal:organization-tokens")

    assert "nightly" in alice_client.get(path).content.decode()
    assert "nightly" not in bob_client.get(path).content.decode()
    revoke = reverse("portal:organization-token-revoke", args=[token.public_id])
    assert bob_client.post(revoke).status_code == 404
    alice_client.post(revoke)
    assert AccessToken.objects.get().revoked_at is not None


def test_htmx_request_of_a_signed_out_person_moves_the_whole_page(visitor_client):
    answer = visitor_client.get(reverse("portal:organization"), headers={"HX-Request": "true"})

    assert answer["HX-Redirect"] == reverse("account_login")


def test_csrf_token_is_needed(alice, acme):
    client = client_for(alice)
    client.handler.enforce_csrf_checks = True

    assert client.post(reverse("portal:organization-leave")).status_code == 403
    assert alice.memberships.exists()
