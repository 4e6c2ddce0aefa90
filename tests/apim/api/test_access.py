"""Applications, subscriptions, keys and gateways by script: secrets once, decisions by staff."""

from datetime import timedelta

import pytest

from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.gateway.services import register_gateway
from apim.outbox.models import OutboxEntry

pytestmark = pytest.mark.django_db


def test_a_secret_is_shown_once_and_never_in_a_list(alice_api, application):
    issued = alice_api.post("/api/v1/api-keys", {"application": application.public_id})
    assert issued.status_code == 201
    assert issued["Cache-Control"] == "no-store"
    secret = issued.json()["secret"]
    for path in ("/api/v1/api-keys", issued["Location"], "/api/v1/audit-events"):
        answer = alice_api.get(path)
        assert answer.status_code == 200
        assert secret not in answer.content.decode()
        assert "digest" not in answer.content.decode()


def test_rotate_extend_and_end_the_grace(alice_api, key):
    base = f"/api/v1/api-keys/{key.public_id}"
    rotated = alice_api.post(f"{base}/rotate", {"grace_seconds": 3600})
    assert rotated.status_code == 201
    assert rotated.json()["key"]["id"] != key.public_id
    old = alice_api.get(base).json()
    assert (old["status"], old["successor"]) == ("grace", rotated.json()["key"]["id"])
    longer = alice_api.post(f"{base}/extend-grace", {"grace_seconds": 86400}).json()
    assert longer["expires_at"] > old["expires_at"]
    again = alice_api.post(f"{base}/rotate", {"grace_seconds": 0})
    assert (again.status_code, again.json()["code"]) == (409, "key_already_rotated")
    assert alice_api.post(f"{base}/end-grace").json()["status"] == "revoked"


@pytest.mark.parametrize("grace", [-1, 30 * 86400 + 1, "soon", None, 1e400])
def test_a_grace_outside_the_bounds_is_refused(alice_api, key, grace):
    body = '{"grace_seconds": %s}' % ("1e999" if grace == 1e400 else _json(grace))
    response = alice_api.post(
        f"/api/v1/api-keys/{key.public_id}/rotate", body, content_type="application/json"
    )
    assert response.status_code in {400, 422}


def _json(value):
    return {None: "null", "soon": '"soon"'}.get(value, str(value))


@pytest.mark.parametrize("status", ["active", "grace", "revoked", "expired"])
def test_keys_are_found_by_their_status(alice_api, application, status):
    def issue():
        body = {"application": application.public_id, "name": "x"}
        return alice_api.post("/api/v1/api-keys", body).json()["key"]["id"]

    active, grace, revoked = issue(), issue(), issue()
    successor = alice_api.post(f"/api/v1/api-keys/{grace}/rotate", {"grace_seconds": 60}).json()
    alice_api.post(f"/api/v1/api-keys/{revoked}/revoke")
    expected = {
        "active": {active, successor["key"]["id"]},
        "grace": {grace},
        "revoked": {revoked},
        "expired": set(),
    }
    rows = alice_api.get(f"/api/v1/api-keys?status={status}").json()["results"]
    assert {row["id"] for row in rows} == expected[status]
    assert {row["status"] for row in rows} <= {status}


def test_a_subscription_waits_for_the_publishers_decision(
    alice_api, pia_api, application, manual_plan
):
    made = alice_api.post(
        "/api/v1/subscriptions",
        {"application": application.public_id, "plan": manual_plan.public_id},
    ).json()
    path = f"/api/v1/subscriptions/{made['id']}"
    assert made["state"] == "pending"
    assert alice_api.post(f"{path}/approve", {}).status_code == 404
    waiting = pia_api.get("/api/v1/subscriptions?state=pending").json()["results"]
    assert [row["id"] for row in waiting] == [made["id"]]
    approved = pia_api.post(f"{path}/approve", {"note": "Welcome"}).json()
    assert (approved["state"], approved["decision_note"]) == ("active", "Welcome")
    assert pia_api.post(f"{path}/reject", {}).json()["code"] == "subscription_state"
    assert pia_api.post(f"{path}/suspend").json()["state"] == "suspended"
    assert pia_api.post(f"{path}/resume").json()["state"] == "active"
    assert alice_api.post(f"{path}/cancel").json()["state"] == "cancelled"


def test_a_member_cannot_move_to_a_plan_that_needs_approval(
    alice_api, olga_api, application, plan, manual_plan
):
    made = alice_api.post(
        "/api/v1/subscriptions", {"application": application.public_id, "plan": plan.public_id}
    ).json()
    path = f"/api/v1/subscriptions/{made['id']}/change-plan"
    refused = alice_api.post(path, {"plan": manual_plan.public_id})
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_needs_approval")
    assert olga_api.post(path, {"plan": manual_plan.public_id}).json()["plan"] == (
        manual_plan.public_id
    )


def test_only_staff_suspend_and_activate(alice_api, olga_api, application, acme):
    for path in (f"applications/{application.public_id}", f"organizations/{acme.public_id}"):
        assert alice_api.post(f"/api/v1/{path}/suspend").status_code == 404
        assert olga_api.post(f"/api/v1/{path}/suspend").json()["state"] == "suspended"
        assert alice_api.post(f"/api/v1/{path}/activate").status_code == 404
        assert olga_api.post(f"/api/v1/{path}/activate").json()["state"] == "active"


def test_staff_name_the_organization_and_members_need_not(olga_api, alice_api, acme):
    assert olga_api.post("/api/v1/applications", {"name": "x"}).status_code == 404
    body = {"name": "x", "organization": acme.public_id}
    assert olga_api.post("/api/v1/applications", body).status_code == 201
    assert alice_api.post("/api/v1/applications", {"name": "y"}).json()["organization"] == (
        acme.public_id
    )


def test_rename_and_delete_an_application(alice_api, application, key):
    path = f"/api/v1/applications/{application.public_id}"
    assert alice_api.patch(path, {"description": "On the pier"}).json()["name"] == "Harbour board"
    assert alice_api.delete(path).status_code == 204
    assert alice_api.get(path).status_code == 404
    assert alice_api.get(f"/api/v1/api-keys/{key.public_id}").status_code == 404


def test_a_narrow_token_cannot_make_a_broad_one(alice, acme, alice_api):
    body = {"name": "ci", "scopes": ["tokens:write", "catalog:read"]}
    narrow = alice_api.post("/api/v1/access-tokens", body)
    assert narrow.status_code == 201
    alice_api.credentials(HTTP_AUTHORIZATION=f"Bearer {narrow.json()['secret']}")
    refused = alice_api.post("/api/v1/access-tokens", {"name": "x", "scopes": ["keys:write"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "scope_not_allowed")


def test_a_token_that_ends_cannot_make_one_that_lives_on(alice, acme, alice_api):
    end = clock.now() + timedelta(days=1)
    made = {"name": "ci", "scopes": ["tokens:write", "catalog:read"], "expires_at": end.isoformat()}
    short = alice_api.post("/api/v1/access-tokens", made).json()
    alice_api.credentials(HTTP_AUTHORIZATION=f"Bearer {short['secret']}")
    wanted = {"name": "x", "scopes": ["catalog:read"]}
    child = alice_api.post("/api/v1/access-tokens", wanted)
    assert child.json()["token"]["expires_at"] == short["token"]["expires_at"]
    later = wanted | {"expires_at": (end + timedelta(days=1)).isoformat()}
    refused = alice_api.post("/api/v1/access-tokens", later)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/expires_at"
    sooner = wanted | {"expires_at": (end - timedelta(hours=1)).isoformat()}
    assert alice_api.post("/api/v1/access-tokens", sooner).status_code == 201


def test_a_token_can_revoke_itself(alice_api):
    path = f"/api/v1/access-tokens/{alice_api.token.public_id}/revoke"
    assert alice_api.post(path).status_code == 200
    assert alice_api.get("/api/v1/me").status_code == 401


def test_members_and_invitations(alice_api, bob_api, acme, bob):
    base = f"/api/v1/organizations/{acme.public_id}"
    rows = alice_api.get(f"{base}/members").json()["results"]
    membership = next(row for row in rows if row["user"] == bob.public_id)
    invited = alice_api.post(f"{base}/invitations", {"email": "dora@example.com", "role": "member"})
    assert invited.status_code == 201
    assert alice_api.get(invited["Location"]).json()["email"] == "dora@example.com"
    assert (
        bob_api.post(f"{base}/invitations", {"email": "e@x.org", "role": "owner"}).status_code
        == 404
    )
    assert alice_api.delete(invited["Location"]).status_code == 204
    path = f"{base}/members/{membership['id']}"
    assert alice_api.patch(path, {"role": "billing"}).json()["role"] == "billing"
    assert alice_api.delete(path).status_code == 204
    own = next(row for row in rows if row["role"] == "owner")
    last = alice_api.delete(f"{base}/members/{own['id']}")
    assert (last.status_code, last.json()["code"]) == (409, "last_owner")


def test_staff_roles_are_given_by_admins_only(olga_api, sam_api, bob):
    path = f"/api/v1/users/{bob.public_id}"
    assert sam_api.get(path).json()["staff_role"] == ""
    assert sam_api.post(f"{path}/set-staff-role", {"staff_role": "admin"}).status_code == 404
    changed = olga_api.post(f"{path}/set-staff-role", {"staff_role": "publisher"})
    assert changed.json()["staff_role"] == "publisher"
    assert olga_api.get("/api/v1/users?staff_role=publisher").json()["results"][0]["email"] == (
        bob.email
    )


def test_a_gateways_token_is_shown_once(olga_api, pia_api):
    made = olga_api.post("/api/v1/gateways", {"name": "edge", "kind": "envoy"})
    assert made.status_code == 201
    secret, gateway = made.json()["secret"], made.json()["gateway"]["id"]
    assert secret not in pia_api.get("/api/v1/gateways").content.decode()
    base = f"/api/v1/gateways/{gateway}"
    rotated = olga_api.post(f"{base}/rotate-token").json()
    assert rotated["secret"] != secret
    assert olga_api.post(f"{base}/disable").json()["contact"] == "disabled"
    assert olga_api.post(f"{base}/disable").status_code == 409
    assert olga_api.post(f"{base}/enable").json()["state"] == "active"
    assert pia_api.post(f"{base}/disable").status_code == 404


def test_gateways_are_found_by_kind(pia_api):
    for kind in ("envoy", "nginx"):
        register_gateway(actor=SYSTEM, name=kind, kind=kind)
    rows = pia_api.get("/api/v1/gateways?kind=nginx").json()["results"]
    assert [row["name"] for row in rows] == ["nginx"]


def test_the_audit_log_is_found_by_object_and_action(alice_api, olga_api, key, acme):
    path = f"/api/v1/audit-events?object={key.public_id}&action=key"
    [event] = alice_api.get(path).json()["results"]
    assert (event["action"], event["organization"]) == ("key.issued", acme.public_id)
    found = olga_api.get(f"/api/v1/audit-events?organization={acme.public_id}&action=key").json()
    assert [row["id"] for row in found["results"]] == [event["id"]]


def test_a_job_can_be_tried_again(sam_api, alice_api):
    entry = OutboxEntry.objects.create(topic="nobody.listens", due_at=clock.now(), pending=[])
    rows = sam_api.get("/api/v1/jobs?state=waiting").json()["results"]
    assert [row["topic"] for row in rows] == ["nobody.listens"]
    assert sam_api.post(f"/api/v1/jobs/{entry.pk}/retry").json()["delivered_at"] is not None
    assert alice_api.post(f"/api/v1/jobs/{entry.pk}/retry").status_code == 404
    assert sam_api.post("/api/v1/jobs/999999/retry").status_code == 404
