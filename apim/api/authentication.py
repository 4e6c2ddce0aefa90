"""Access tokens in the Authorization header. Browser sessions are never accepted here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from apim.accounts.models import AccessToken
from apim.accounts.selectors import access_token_by_secret
from apim.accounts.viewers import client_ip, viewer_for_token
from apim.core import clock

if TYPE_CHECKING:
    from rest_framework.request import Request

    from apim.accounts.models import User

SCHEME = "Bearer"


class AccessTokenAuthentication(BaseAuthentication):
    """Puts the viewer that the token stands for on the request.

    Unknown, revoked and expired tokens, and those whose owner has lost the membership or the
    staff role, get the same answer.
    """

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != SCHEME.lower().encode():
            return None
        token = self._token(parts)
        carrier: Any = request._request  # noqa: SLF001 - DRF's own way to Django's request
        viewer = viewer_for_token(
            token,
            ip_address=client_ip(carrier),
            request_id=str(carrier.META.get("apim.request_id", "")),
        )
        if viewer is None:
            raise _refused()
        carrier.viewer = viewer
        AccessToken.objects.mark_used(token, at=clock.now())
        return viewer.person, token

    def authenticate_header(self, request: Request) -> str:
        return f'{SCHEME} realm="apim"'

    def _token(self, parts: list[bytes]) -> AccessToken:
        if len(parts) != 2:
            raise _refused()
        try:
            token = access_token_by_secret(parts[1].decode("ascii"))
        except UnicodeDecodeError:
            raise _refused() from None
        if token is None:
            raise _refused()
        return token


def token_of(request: Request) -> AccessToken:
    """Return the token that an authenticated request carries."""
    return cast("AccessToken", request.auth)


def _refused() -> AuthenticationFailed:
    return AuthenticationFailed(
        _("The access token is unknown, expired or revoked."), code="invalid_token"
    )
