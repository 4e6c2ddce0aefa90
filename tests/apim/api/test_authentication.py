"""Who may call: access tokens only, as long as token, person and membership live."""

from datetime import timedelta

import pytest
import time_machine
from rest_framework.test import APIClient

from apim.accounts.models import AccessToken, Membership
from apim.accounts.services import issue_access_token, remove_member, revoke_access_token
from apim.accounts.viewers import actor_for
from apim.api.throttling import AccessTokenThrottle
from apim.audit.models import AuditEvent
from apim.core import clock

from .conftest import client_of

pytestmark = pytest.mark.django_db
ME = "/api/v1/me"


def _is_refused(response):
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"].startswith("Bearer")
    return response.json()["code"]


def test_without_a_token(client):
    assert _is_refused(client.get(ME)) == "not_authenticated"


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer a b", "Bearer nonsense", "Bearer \xff", "Bearer apim_pat_" + "0" * 36],
)
def test_with_a_false_token(header):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)
    assert _is_refused(client.get(ME)) == "invalid_token"


def test_a_browser_session_is_no_access(alice_client):
    assert _is_refused(alice_client.get(ME)) == "not_authenticated"


def test_me_says_whom_the_token_stands_for(alice_api, alice, acme):
    me = alice_api.get(ME).json()
    assert me["user"]["email"] == alice.email
    assert me["organization"]["id"] == acme.public_id
    assert me["role"] == "owner"
    assert "applications:write" in me["scopes"]
    assert "catalog:write" not in me["scopes"]


def test_a_revoked_token_is_refused(alice_api, alice):
    revoke_access_token(actor=actor_for(alice), token=alice_api.token)
    assert _is_refused(alice_api.get(ME)) == "invalid_token"


def test_an_expired_token_is_refused(alice, acme):
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        issued = issue_access_token(
            actor=actor_for(alice),
            user=alice,
            organization=acme,
            name="short",
            scopes=["catalog:read"],
            expires_at=clock.now() + timedelta(hours=1),
        )
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
        assert client.get(ME).status_code == 200
        traveller.shift(timedelta(hours=1))
        assert _is_refused(client.get(ME)) == "invalid_token"


def test_a_former_members_token_is_refused(bob_api, bob, acme, alice):
    membership = Membership.objects.get(user=bob, organization=acme)
    remove_member(actor=actor_for(alice), membership=membership)
    assert _is_refused(bob_api.get(ME)) == "invalid_token"


def test_a_former_staff_members_token_is_refused(pia_api, pia):
    pia.staff_role = ""
    pia.save()
    assert _is_refused(pia_api.get(ME)) == "invalid_token"


def test_a_deactivated_persons_token_is_refused(alice_api, alice):
    alice.is_active = False
    alice.save()
    assert _is_refused(alice_api.get(ME)) == "invalid_token"


def test_a_lost_role_takes_its_scopes_along(alice_api, alice, acme, bob):
    Membership.objects.filter(user=alice).update(role=Membership.Role.BILLING)
    assert "applications:write" not in alice_api.get(ME).json()["scopes"]
    assert alice_api.post("/api/v1/applications", {"name": "x"}).status_code == 404


def test_the_use_of_a_token_is_remembered(alice_api):
    alice_api.get(ME)
    assert AccessToken.objects.get(pk=alice_api.token.pk).last_used_at is not None


def test_changes_are_audited_as_the_tokens(alice_api):
    alice_api.post("/api/v1/applications", {"name": "Pier"}, REMOTE_ADDR="192.0.2.7")
    event = AuditEvent.objects.get(action="application.created")
    assert event.actor_kind == AuditEvent.ActorKind.TOKEN
    assert event.actor_id == alice_api.token.public_id
    assert event.request_id


def test_a_token_with_too_few_scopes_learns_which_it_lacks(alice, acme):
    narrow = client_of(alice, acme, ["applications:read"])
    assert narrow.get("/api/v1/applications").status_code == 200
    refused = narrow.post("/api/v1/applications", {"name": "Pier"})
    assert refused.status_code == 403
    assert refused.json()["code"] == "scope_missing"
    assert refused.json()["scope"] == "applications:write"


def test_a_right_that_the_person_never_had_does_not_exist(bella_api, bob_api):
    assert bella_api.post("/api/v1/applications", {"name": "Pier"}).status_code == 404
    assert bob_api.get("/api/v1/users").status_code == 404
    assert bob_api.get("/api/v1/audit-events").status_code == 404


def test_staff_rights_need_a_staff_token(olga, acme):
    Membership.objects.create(user=olga, organization=acme, role=Membership.Role.OWNER)
    assert client_of(olga, acme).get("/api/v1/users").status_code == 404
    assert client_of(olga).get("/api/v1/users").status_code == 200


def test_without_the_cache_requests_pass_uncounted(alice_api, settings, caplog):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",  # nobody listens there
        }
    }
    assert alice_api.get(ME).status_code == 200
    assert "requests are not counted" in caplog.text


def test_each_token_has_its_own_rate_limit(alice_api, bob_api, monkeypatch):
    monkeypatch.setattr(AccessTokenThrottle, "THROTTLE_RATES", {"access_token": "2/min"})
    assert [alice_api.get(ME).status_code for _ in range(3)] == [200, 200, 429]
    refused = alice_api.get(ME)
    assert refused.json()["code"] == "too_many_requests"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert bob_api.get(ME).status_code == 200
