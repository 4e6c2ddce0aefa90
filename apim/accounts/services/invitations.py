"""Offers of membership, from the mail to the acceptance."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apim.accounts.errors import AlreadyMember, InvitationClosed, InvitationForAnother
from apim.accounts.models import Invitation, Membership, Organization, User
from apim.accounts.secrets import hash_of
from apim.accounts.tasks import send_invitation
from apim.accounts.validation import clean_email
from apim.accounts.viewers import actor_for
from apim.audit.services import record
from apim.core import clock
from apim.core.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.audit.actors import Actor

INVITATION_VALID = timedelta(days=7)


@transaction.atomic
def invite_member(*, actor: Actor, organization: Organization, email: str, role: str) -> Invitation:
    """Offer membership by mail, valid for INVITATION_VALID.

    Raises AlreadyMember, Conflict when an invitation to the address is open, InvalidInput for an
    impossible address or role.
    """
    email = clean_email(email)
    if role not in Membership.Role.values:
        raise InvalidInput(_("There is no such role."), fields={"role": [_("Unknown role.")]})
    if organization.memberships.filter(user__email__iexact=email).exists():
        raise AlreadyMember(fields={"email": [str(AlreadyMember.title)]})
    _close_expired(organization, email)
    invitation = Invitation(
        organization=organization,
        email=email,
        role=role,
        invited_by_id=actor.user_pk,
        expires_at=clock.now() + INVITATION_VALID,
    )
    invitation.secret_hash = hash_of(invitation.secret)
    try:
        with transaction.atomic():
            invitation.save()
    except IntegrityError as error:
        message = _("An invitation to this address is already open.")
        raise Conflict(message, fields={"email": [message]}) from error
    record(actor, "invitation.sent", invitation, after={"email": email, "role": role})
    transaction.on_commit(lambda: send_invitation.delay(invitation.pk))
    return invitation


def _close_expired(organization: Organization, email: str) -> None:
    """An expired invitation must not stand in the way of a new one."""
    now = clock.now()
    Invitation.objects.filter(
        organization=organization,
        email__iexact=email,
        accepted_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__lte=now,
    ).update(revoked_at=now)


@transaction.atomic
def resend_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Send the mail again and start the validity anew.

    Raises InvitationClosed when it was accepted or revoked.
    """
    expires_at = clock.now() + INVITATION_VALID
    if not _still_offered(invitation).update(expires_at=expires_at):
        raise InvitationClosed
    before, invitation.expires_at = invitation.expires_at, expires_at
    record(
        actor,
        "invitation.resent",
        invitation,
        before={"expires_at": before.isoformat()},
        after={"expires_at": expires_at.isoformat()},
    )
    transaction.on_commit(lambda: send_invitation.delay(invitation.pk))
    return invitation


@transaction.atomic
def revoke_invitation(*, actor: Actor, invitation: Invitation) -> None:
    """Take the offer back; its link stops working.

    Raises InvitationClosed when it was accepted or revoked.
    """
    if not _still_offered(invitation).update(revoked_at=clock.now()):
        raise InvitationClosed
    record(
        actor,
        "invitation.revoked",
        invitation,
        before={"email": invitation.email, "role": invitation.role},
    )


@transaction.atomic
def accept_invitation(*, user: User, secret: str, actor: Actor | None = None) -> Membership:
    """Turn the offer into a membership, once.

    Raises InvitationClosed when the secret is unknown, used, revoked or expired;
    InvitationForAnother when the address is not a verified one of `user`; AlreadyMember.
    """
    now = clock.now()
    invitation = (
        Invitation.objects.open(now)
        .select_related("organization")
        .select_for_update(of=("self",))
        .filter(secret_hash=hash_of(secret))
        .first()
    )
    if invitation is None:
        raise InvitationClosed
    if not EmailAddress.objects.filter(
        user=user, email__iexact=invitation.email, verified=True
    ).exists():
        raise InvitationForAnother
    membership, is_new = Membership.objects.get_or_create(
        organization=invitation.organization, user=user, defaults={"role": invitation.role}
    )
    if not is_new:
        raise AlreadyMember
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    record(
        actor or actor_for(user),
        "invitation.accepted",
        invitation,
        after={"email": invitation.email, "role": invitation.role, "member": membership.public_id},
    )
    return membership


def _still_offered(invitation: Invitation) -> QuerySet[Invitation]:
    return Invitation.objects.filter(
        pk=invitation.pk, accepted_at__isnull=True, revoked_at__isnull=True
    )
