"""Reads of people, organizations, invitations and access tokens. Organization first; None: all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.db.models import Count, Q

from apim.accounts.models import AccessToken, Invitation, Membership, Organization, User
from apim.accounts.secrets import hash_of, is_well_formed
from apim.core import clock
from apim.core.errors import NotFound

if TYPE_CHECKING:
    from django.db.models import QuerySet


def get_organization(public_id: str) -> Organization:
    """For staff. Raises NotFound."""
    organization: Organization | None = Organization.objects.filter(public_id=public_id).first()
    if organization is None:
        raise NotFound
    return organization


def get_organization_of(user: User, public_id: str) -> Organization:
    """One of the person's own organizations. Raises NotFound."""
    organization: Organization | None = (
        Organization.objects.of_user(user).filter(public_id=public_id).first()
    )
    if organization is None:
        raise NotFound
    return organization


def organizations(*, search: str = "", state: str = "") -> QuerySet[Organization]:
    """For staff: all organizations with `member_count`."""
    found: QuerySet[Organization] = Organization.objects.annotate(
        member_count=Count("memberships", distinct=True)
    )
    if search:
        found = found.filter(
            Q(name__icontains=search)
            | Q(public_id=search)
            | Q(memberships__user__email__icontains=search)
        ).distinct()
    return found.filter(state=state) if state else found


def users(
    *, search: str = "", staff_role: str = "", is_staff: bool | None = None
) -> QuerySet[User]:
    """For staff: all people with `organization_count`, newest first."""
    found = User.objects.annotate(organization_count=Count("memberships", distinct=True))
    if search:
        found = found.filter(
            Q(email__icontains=search) | Q(name__icontains=search) | Q(public_id=search)
        )
    if staff_role:
        found = found.filter(staff_role=staff_role)
    if is_staff is not None:
        found = found.exclude(staff_role="") if is_staff else found.filter(staff_role="")
    return found.order_by("-id")


def get_user(public_id: str) -> User:
    """For staff. Raises NotFound."""
    user = User.objects.filter(public_id=public_id).first()
    if user is None:
        raise NotFound
    return user


def members(organization: Organization) -> QuerySet[Membership]:
    """With `user`, the eldest first."""
    return organization.memberships.select_related("user").order_by("id")


def get_membership(organization: Organization, public_id: str) -> Membership:
    """Raises NotFound."""
    membership = members(organization).filter(public_id=public_id).first()
    if membership is None:
        raise NotFound
    return membership


def open_invitations(organization: Organization) -> QuerySet[Invitation]:
    """Offers neither accepted nor revoked; expired ones too, so that they can be sent again."""
    return organization.invitations.filter(
        accepted_at__isnull=True, revoked_at__isnull=True
    ).select_related("invited_by")


def get_invitation(organization: Organization, public_id: str) -> Invitation:
    """Raises NotFound."""
    invitation = open_invitations(organization).filter(public_id=public_id).first()
    if invitation is None:
        raise NotFound
    return invitation


def invitation_by_secret(secret: str) -> Invitation:
    """An open invitation by its link's secret. Raises NotFound when unknown, used or expired."""
    invitation: Invitation | None = (
        Invitation.objects.open(clock.now())
        .select_related("organization", "invited_by")
        .filter(secret_hash=hash_of(secret))
        .first()
    )
    if invitation is None:
        raise NotFound
    return invitation


def invitations_for(user: User) -> QuerySet[Invitation]:
    """Open invitations to any verified address of the person."""
    addresses = EmailAddress.objects.filter(user=user, verified=True).values_list(
        "email", flat=True
    )
    found: QuerySet[Invitation] = (
        Invitation.objects.open(clock.now())
        .filter(email__in=[address.lower() for address in addresses])
        .select_related("organization")
    )
    return found


def access_tokens(
    organization: Organization | None, user: User | None = None
) -> QuerySet[AccessToken]:
    """Tokens that are not revoked, with their owners; for None those of staff."""
    tokens = AccessToken.objects.filter(organization=organization, revoked_at__isnull=True)
    if user is not None:
        tokens = tokens.filter(user=user)
    return tokens.select_related("user", "organization")


def get_access_token(
    organization: Organization | None, public_id: str, user: User | None = None
) -> AccessToken:
    """Raises NotFound."""
    token = access_tokens(organization, user).filter(public_id=public_id).first()
    if token is None:
        raise NotFound
    return token


def access_token_by_secret(secret: str) -> AccessToken | None:
    """The live token that the secret belongs to; a bad checksum costs no query."""
    if not is_well_formed(secret):
        return None
    return (
        AccessToken.objects.filter(secret_hash=hash_of(secret), revoked_at__isnull=True)
        .exclude(expires_at__lte=clock.now())
        .select_related("user", "organization")
        .first()
    )
