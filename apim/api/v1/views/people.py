"""The token's owner, their access tokens, and people with their staff roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from rest_framework.response import Response

from apim.accounts import selectors, services
from apim.accounts.errors import ScopeNotAllowed
from apim.accounts.models import AccessToken, User
from apim.api.authentication import token_of
from apim.api.endpoint import Endpoint
from apim.api.permissions import ANY_TOKEN
from apim.api.schema import operation
from apim.api.v1.filters.people import UserFilter
from apim.api.v1.serializers.people import (
    AccessTokenSerializer,
    IssuedTokenSerializer,
    MeSerializer,
    NewAccessToken,
    ProfileChange,
    StaffRoleChange,
    UserSerializer,
)
from apim.core.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from rest_framework.request import Request


class Me(Endpoint):
    scopes = {"GET": ANY_TOKEN, "PATCH": "profile:write"}

    @operation("get_me", "Read whom the token stands for", MeSerializer)
    def get(self, request: Request) -> Response:
        viewer = self.viewer
        shown = {
            "user": User.objects.get(pk=viewer.person.pk),
            "organization": viewer.organization,
            "role": viewer.role,
            "staff_role": viewer.staff_role,
            "scopes": sorted(viewer.scopes or ()),
        }
        return Response(MeSerializer(shown).data)

    @operation("update_me", "Change your profile", MeSerializer, body=ProfileChange)
    def patch(self, request: Request) -> Response:
        services.update_profile(
            actor=self.actor, user=self.viewer.person, **self.valid(ProfileChange)
        )
        return self.get(request)


class AccessTokens(Endpoint):
    """Your own tokens, for the organization of the token you call with."""

    scopes = {"GET": "tokens:read", "POST": "tokens:write"}
    queryset = AccessToken.objects.none()
    secret_fields = ("secret",)

    @operation("list_access_tokens", "List your access tokens", AccessTokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        rows = selectors.access_tokens(self.organization, self.viewer.person)
        return self.pages(rows, AccessTokenSerializer)

    @operation(
        "issue_access_token",
        "Issue an access token",
        IssuedTokenSerializer,
        body=NewAccessToken,
        status=201,
        description="For the same organization, with no scope that the calling token lacks, and"
        " for no longer than the calling token lives.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(NewAccessToken)
        excess = sorted(set(values["scopes"]) - (self.viewer.scopes or frozenset()))
        if excess:  # a narrow token must not make a broad one
            raise ScopeNotAllowed(fields={"scopes": [str(ScopeNotAllowed.title)]})
        values["expires_at"] = _within(token_of(request).expires_at, values["expires_at"])
        issued = services.issue_access_token(
            actor=self.actor, user=self.viewer.person, organization=self.organization, **values
        )
        response = self.created(
            IssuedTokenSerializer, issued, "access-token", issued.token.public_id
        )
        response["Cache-Control"] = "no-store"
        return response


def _within(own: datetime | None, wanted: datetime | None) -> datetime | None:
    """The new token's expiry: a token that ends must not live on in one that it made.

    Raises InvalidInput.
    """
    if own is None or (wanted is not None and wanted <= own):
        return wanted
    if wanted is not None:
        message = _("At most until %(end)s, when the calling token ends.")
        raise InvalidInput(fields={"expires_at": [message % {"end": own.isoformat()}]})
    return own


class OneAccessToken(Endpoint):
    scopes = {"GET": "tokens:read"}

    @operation("get_access_token", "Read an access token", AccessTokenSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        token = selectors.get_access_token(self.organization, public_id, self.viewer.person)
        return Response(AccessTokenSerializer(token).data)


class RevokeAccessToken(Endpoint):
    scopes = {"POST": "tokens:write"}

    @operation(
        "revoke_access_token",
        "Revoke an access token",
        AccessTokenSerializer,
        description="The calling token may revoke itself; it answers no further request.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        token = selectors.get_access_token(self.organization, public_id, self.viewer.person)
        services.revoke_access_token(actor=self.actor, token=token)
        return Response(AccessTokenSerializer(token).data)


class Users(Endpoint):
    scopes = {"GET": "users:read"}
    queryset = User.objects.none()
    filterset_class = UserFilter

    @operation("list_users", "List people", UserSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(selectors.users(), UserSerializer)


class OneUser(Endpoint):
    scopes = {"GET": "users:read"}

    @operation("get_user", "Read a person", UserSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(UserSerializer(selectors.get_user(public_id)).data)


class SetStaffRole(Endpoint):
    scopes = {"POST": "users:write"}

    @operation("set_staff_role", "Give or take a staff role", UserSerializer, body=StaffRoleChange)
    def post(self, request: Request, public_id: str) -> Response:
        role = self.valid(StaffRoleChange)["staff_role"]
        user = services.set_staff_role(
            actor=self.actor, user=selectors.get_user(public_id), role=role
        )
        return Response(UserSerializer(user).data)
