"""Every change of people, organizations, memberships, invitations and access tokens."""

from apim.accounts.services.invitations import (
    accept_invitation,
    invite_member,
    resend_invitation,
    revoke_invitation,
)
from apim.accounts.services.organizations import (
    change_role,
    create_organization,
    ensure_personal_organization,
    remove_member,
    set_organization_state,
    update_organization,
)
from apim.accounts.services.people import create_person, set_staff_role, update_profile
from apim.accounts.services.tokens import IssuedToken, issue_access_token, revoke_access_token

__all__ = [
    "IssuedToken",
    "accept_invitation",
    "change_role",
    "create_organization",
    "create_person",
    "ensure_personal_organization",
    "invite_member",
    "issue_access_token",
    "remove_member",
    "resend_invitation",
    "revoke_access_token",
    "revoke_invitation",
    "set_organization_state",
    "set_staff_role",
    "update_organization",
    "update_profile",
]
