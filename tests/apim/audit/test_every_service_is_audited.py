"""Each change of accounts writes who, on what, before and after; a new service must be listed."""

import pytest

from apim.accounts import services
from apim.accounts.models import Membership
from apim.audit.models import AuditEvent
from tests.cast import make_user


def invitation(cast):
    return services.invite_member(
        actor=cast.actor(cast.alice),
        organization=cast.acme,
        email="dora@example.com",
        role="member",
    )


def token(cast):
    return services.issue_access_token(
        actor=cast.actor(cast.bob),
        user=cast.bob,
        organization=cast.acme,
        name="ci",
        scopes=["keys:read"],
    ).token


def membership(cast):
    return Membership.objects.get(organization=cast.acme, user=cast.bob)


def accept(cast, actor):
    dora = make_user("Dora")
    services.accept_invitation(user=dora, secret=invitation(cast).secret, actor=actor)


# Service -> (action that it writes, how to call it).
CALLS = {
    "create_organization": (
        "organization.created",
        lambda cast, actor: services.create_organization(actor=actor, name="N", owner=cast.alice),
    ),
    "ensure_personal_organization": (
        "organization.created",
        lambda cast, actor: services.ensure_personal_organization(actor=actor, user=cast.olga),
    ),
    "update_organization": (
        "organization.updated",
        lambda cast, actor: services.update_organization(
            actor=actor, organization=cast.acme, name="N"
        ),
    ),
    "set_organization_state": (
        "organization.suspended",
        lambda cast, actor: services.set_organization_state(
            actor=actor, organization=cast.acme, state="suspended"
        ),
    ),
    "change_role": (
        "membership.changed",
        lambda cast, actor: services.change_role(
            actor=actor, membership=membership(cast), role="owner"
        ),
    ),
    "remove_member": (
        "membership.removed",
        lambda cast, actor: services.remove_member(actor=actor, membership=membership(cast)),
    ),
    "invite_member": (
        "invitation.sent",
        lambda cast, actor: services.invite_member(
            actor=actor, organization=cast.acme, email="e@example.com", role="member"
        ),
    ),
    "resend_invitation": (
        "invitation.resent",
        lambda cast, actor: services.resend_invitation(actor=actor, invitation=invitation(cast)),
    ),
    "revoke_invitation": (
        "invitation.revoked",
        lambda cast, actor: services.revoke_invitation(actor=actor, invitation=invitation(cast)),
    ),
    "accept_invitation": ("invitation.accepted", accept),
    "create_person": (
        "user.created",
        lambda cast, actor: services.create_person(actor=actor, email="p@example.com"),
    ),
    "set_staff_role": (
        "user.staff_role_changed",
        lambda cast, actor: services.set_staff_role(actor=actor, user=cast.pia, role="support"),
    ),
    "update_profile": (
        "user.updated",
        lambda cast, actor: services.update_profile(actor=actor, user=cast.alice, name="A"),
    ),
    "issue_access_token": (
        "access_token.issued",
        lambda cast, actor: services.issue_access_token(
            actor=actor, user=cast.bob, organization=cast.acme, name="t", scopes=["keys:read"]
        ),
    ),
    "revoke_access_token": (
        "access_token.revoked",
        lambda cast, actor: services.revoke_access_token(actor=actor, token=token(cast)),
    ),
}


def test_every_service_is_listed_here():
    offered = {name for name in services.__all__ if name[0].islower()}

    assert offered == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_service_writes_its_event_with_the_actor(name, cast):
    action, call = CALLS[name]
    actor = cast.actor(cast.olga)
    call(cast, actor)

    event = AuditEvent.objects.filter(actor_id=cast.olga.public_id).get()
    assert event.action == action
    assert event.object_id
    assert event.before or event.after
    if not action.startswith("user.") and name not in {
        "create_organization",
        "ensure_personal_organization",
    }:
        assert event.organization_id == cast.acme.pk
