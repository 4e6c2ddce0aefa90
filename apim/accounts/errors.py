"""What accounts refuses, and why."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apim.core.errors import Conflict, DomainError, InvalidInput


class LastOwner(Conflict):
    code = "last_owner"
    title = _("The last owner cannot leave or give up the role: make another member owner first.")


class AlreadyMember(Conflict):
    code = "already_member"
    title = _("This person is already a member.")


class InvitationClosed(Conflict):
    """Accepted, revoked or expired meanwhile."""

    code = "invitation_closed"
    title = _("This invitation is no longer open: ask for a new one.")


class InvitationForAnother(DomainError):
    code = "invitation_for_another"
    status = 403
    title = _("This invitation was sent to another e-mail address: sign in with that one.")


class TokenRevoked(Conflict):
    code = "token_revoked"
    title = _("This access token is already revoked.")


class ScopeNotAllowed(InvalidInput):
    code = "scope_not_allowed"
    title = _("You can only give a token rights that you have yourself.")
