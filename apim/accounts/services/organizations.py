"""Organizations and who belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from apim.accounts.errors import LastOwner
from apim.accounts.models import Invitation, Membership, Organization, User
from apim.accounts.validation import clean_name, clean_time_zone
from apim.audit.services import changes, record, snapshot
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from apim.audit.actors import Actor

ORGANIZATION_FIELDS = ("name", "time_zone", "billing_email")


@transaction.atomic
def create_organization(
    *, actor: Actor, name: str, owner: User, time_zone: str = "UTC"
) -> Organization:
    """Create an organization whose first owner is `owner`.

    Raises InvalidInput for an empty name or an unknown time zone.
    """
    organization = Organization.objects.create(
        name=clean_name(name), time_zone=clean_time_zone(time_zone), billing_email=owner.email
    )
    Membership.objects.create(organization=organization, user=owner, role=Membership.Role.OWNER)
    record(
        actor,
        "organization.created",
        organization,
        after={**snapshot(organization, ORGANIZATION_FIELDS), "owner": owner.email},
        organization_id=organization.pk,
    )
    publish("organization.changed", organization_id=organization.pk)
    return organization


def ensure_personal_organization(*, actor: Actor, user: User) -> Organization | None:
    """Give a person without any organization one of their own; None when nothing is needed.

    Someone with an open invitation is left to choose first.
    """
    with transaction.atomic():
        # Two first requests at once must not make two organizations.
        User.objects.select_for_update().get(pk=user.pk)
        invited = Invitation.objects.open(clock.now()).filter(email__iexact=user.email)
        if user.memberships.exists() or invited.exists():
            return None
        with override(user.language):
            name = _("%(name)s's organization") % {"name": user.name or user.email.split("@")[0]}
        return create_organization(
            actor=actor, name=name[:120], owner=user, time_zone=user.time_zone
        )


@transaction.atomic
def update_organization(
    *,
    actor: Actor,
    organization: Organization,
    name: str | None = None,
    time_zone: str | None = None,
    billing_email: str | None = None,
) -> Organization:
    """Change what is given, leave the rest.

    Raises InvalidInput for an empty name or an unknown time zone.
    """
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    before = snapshot(organization, ORGANIZATION_FIELDS)
    if name is not None:
        organization.name = clean_name(name)
    if time_zone is not None:
        organization.time_zone = clean_time_zone(time_zone)
    if billing_email is not None:
        organization.billing_email = billing_email
    was, becomes = changes(before, snapshot(organization, ORGANIZATION_FIELDS))
    if becomes:
        organization.save(update_fields=list(becomes))
        _record_on(actor, "organization.updated", organization, was, becomes)
        publish("organization.changed", organization_id=organization.pk)
    return organization


@transaction.atomic
def set_organization_state(*, actor: Actor, organization: Organization, state: str) -> Organization:
    """Suspend (its keys stop working) or activate again.

    Raises InvalidInput for an unknown state.
    """
    if state not in Organization.State.values:
        raise InvalidInput(_("There is no such state."), fields={"state": [_("Unknown state.")]})
    changed = (
        Organization.objects.filter(pk=organization.pk).exclude(state=state).update(state=state)
    )
    before, organization.state = organization.state, Organization.State(state)
    if changed:
        verb = "suspended" if state == Organization.State.SUSPENDED else "activated"
        _record_on(
            actor, f"organization.{verb}", organization, {"state": str(before)}, {"state": state}
        )
        publish("organization.changed", organization_id=organization.pk)
    return organization


@transaction.atomic
def change_role(*, actor: Actor, membership: Membership, role: str) -> Membership:
    """Give a member another role.

    Raises LastOwner when nobody would own the organization, InvalidInput for an unknown role.
    """
    if role not in Membership.Role.values:
        raise InvalidInput(_("There is no such role."), fields={"role": [_("Unknown role.")]})
    membership = _locked(membership)
    before = membership.role
    if before == role:
        return membership
    _keep_an_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    record(actor, "membership.changed", membership, before={"role": before}, after={"role": role})
    return membership


@transaction.atomic
def remove_member(*, actor: Actor, membership: Membership) -> None:
    """End a membership; the person's access tokens for the organization end with it.

    Raises LastOwner when nobody would own the organization.
    """
    membership = _locked(membership)
    _keep_an_owner(membership)
    leaves = actor.user_pk == membership.user_id
    record(
        actor,
        "membership.left" if leaves else "membership.removed",
        membership,
        before={"email": membership.user.email, "role": membership.role},
    )
    membership.user.access_tokens.filter(
        organization=membership.organization, revoked_at__isnull=True
    ).update(revoked_at=clock.now())
    membership.delete()


def _locked(membership: Membership) -> Membership:
    """The membership as it is now; its organization's memberships change one at a time."""
    Organization.objects.select_for_update().get(pk=membership.organization_id)
    return Membership.objects.select_related("organization", "user").get(pk=membership.pk)


def _keep_an_owner(membership: Membership) -> None:
    if membership.role != Membership.Role.OWNER:
        return
    others = Membership.objects.filter(
        organization=membership.organization_id, role=Membership.Role.OWNER
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise LastOwner


def _record_on(
    actor: Actor,
    action: str,
    organization: Organization,
    before: dict[str, object],
    after: dict[str, object],
) -> None:
    record(actor, action, organization, before=before, after=after, organization_id=organization.pk)
