"""Access tokens of the management API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apim.accounts.errors import ScopeNotAllowed, TokenRevoked
from apim.accounts.models import AccessToken, Membership, Organization, User
from apim.accounts.scopes import grantable
from apim.accounts.secrets import START_LENGTH, hash_of, new_token_secret
from apim.accounts.validation import clean_name
from apim.audit.services import record, snapshot
from apim.core import clock
from apim.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from apim.audit.actors import Actor


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token with its secret, which exists nowhere else."""

    token: AccessToken
    secret: str = field(repr=False)


@transaction.atomic
def issue_access_token(
    *,
    actor: Actor,
    user: User,
    organization: Organization | None,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
) -> IssuedToken:
    """Issue a token for one organization of the person, or for none (staff).

    Raises NotFound when the person does not belong there, ScopeNotAllowed for a right that the
    person does not have, InvalidInput without a name or scope or with a past expiry.
    """
    wanted = sorted(set(scopes))
    _check_scopes(wanted, user, organization)
    if expires_at is not None and expires_at <= clock.now():
        message = _("The expiry lies in the past.")
        raise InvalidInput(message, fields={"expires_at": [message]})
    secret = new_token_secret()
    token = AccessToken.objects.create(
        user=user,
        organization=organization,
        name=clean_name(name)[:80],
        start=secret[:START_LENGTH],
        secret_hash=hash_of(secret),
        scopes=wanted,
        expires_at=expires_at,
    )
    record(
        actor, "access_token.issued", token, after=snapshot(token, ("name", "scopes", "expires_at"))
    )
    return IssuedToken(token, secret)


def _check_scopes(wanted: list[str], user: User, organization: Organization | None) -> None:
    if not wanted:
        message = _("Choose at least one scope.")
        raise InvalidInput(message, fields={"scopes": [message]})
    role = None
    if organization is not None:
        membership = Membership.objects.filter(organization=organization, user=user).first()
        if membership is None:
            raise NotFound
        role = membership.role
    elif not user.is_staff:
        raise NotFound
    # A token of an organization carries no staff rights, even for staff.
    allowed = grantable(role=role, staff_role="" if organization else user.staff_role)
    excess = set(wanted) - {scope.name for scope in allowed}
    if excess:
        message = _("Not yours to give: %(scopes)s.") % {"scopes": ", ".join(sorted(excess))}
        raise ScopeNotAllowed(message, fields={"scopes": [message]})


@transaction.atomic
def revoke_access_token(*, actor: Actor, token: AccessToken) -> AccessToken:
    """End a token at once. Raises TokenRevoked when it already is."""
    now = clock.now()
    if not AccessToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=now):
        raise TokenRevoked
    token.revoked_at = now
    record(actor, "access_token.revoked", token, before={"name": token.name})
    return token
