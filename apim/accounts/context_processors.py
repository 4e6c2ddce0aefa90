"""What every template may know about its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from apim.accounts.models import User
from apim.accounts.viewers import THEME_COOKIE

if TYPE_CHECKING:
    from django.http import HttpRequest


def viewer(request: HttpRequest) -> dict[str, Any]:
    """`viewer`, `organization`, `organizations`, `is_development`; a person's theme and shortcuts.

    Runs after the site's context, whose `theme` comes from a cookie. A device's cookie wins; where
    there is none, the profile decides.
    """
    context: dict[str, Any] = {"is_development": settings.APIM_DEVELOPMENT_PAGES}
    current = getattr(request, "viewer", None)
    if current is None:  # an error before the middleware ran
        return context
    context.update(
        viewer=current,
        organization=current.organization,
        organizations=current.organizations,
    )
    user = getattr(request, "user", None)
    if isinstance(user, User):
        context["has_shortcuts"] = user.has_shortcuts
        if THEME_COOKIE not in request.COOKIES:
            context["theme"] = user.theme
    return context
