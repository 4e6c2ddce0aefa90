"""The organization's and the profile's pages; included by `portal.urls` in its namespace."""

from django.urls import path

from portal.views import access_tokens, organization, profile

_organization = "organization/"
_member = f"{_organization}members/<str:public_id>/"
_invitation = f"{_organization}invitations/<str:public_id>/"

urlpatterns = [
    path(_organization, organization.organization, name="organization"),
    path(f"{_organization}invite/", organization.invite, name="organization-invite"),
    path(
        f"{_invitation}resend/",
        organization.resend_invitation,
        name="organization-invitation-resend",
    ),
    path(
        f"{_invitation}revoke/",
        organization.revoke_invitation,
        name="organization-invitation-revoke",
    ),
    path(_member, organization.edit_member, name="organization-member"),
    path(f"{_member}remove/", organization.remove_member, name="organization-member-remove"),
    path(f"{_organization}leave/", organization.leave, name="organization-leave"),
    path(f"{_organization}settings/", organization.settings, name="organization-settings"),
    path(f"{_organization}activity/", organization.activity, name="organization-activity"),
    path(f"{_organization}tokens/", access_tokens.tokens, name="organization-tokens"),
    path(f"{_organization}tokens/new/", access_tokens.issue, name="organization-token-issue"),
    path(
        f"{_organization}tokens/<str:public_id>/revoke/",
        access_tokens.revoke,
        name="organization-token-revoke",
    ),
    path("profile/", profile.profile, name="profile"),
]
