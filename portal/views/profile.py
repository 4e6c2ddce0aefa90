"""A person's own settings. Password, second factors and sessions are allauth's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods

from apim.accounts import services
from apim.accounts.policies import signed_in
from apim.accounts.viewers import THEME_COOKIE
from apim.core.errors import DomainError
from apim.ui.forms import add_domain_error
from portal.answers import form_page
from portal.forms_account import ProfileForm

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest

COOKIE_SECONDS = 365 * 24 * 3600


@signed_in
@require_http_methods(["GET", "POST"])
def profile(request: ViewerRequest) -> HttpResponse:
    user = request.viewer.person
    initial = {name: getattr(user, name) for name in ProfileForm.base_fields}
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            saved = services.update_profile(
                actor=request.viewer.actor, user=user, **form.cleaned_data
            )
        except DomainError as error:
            add_domain_error(form, error)
        else:
            with override(saved.language):
                messages.success(request, _("Saved."))
            return _remember_theme(redirect("portal:profile"), saved.theme)
    return form_page(request, "portal/profile/profile.html", form, {})


def _remember_theme(response: HttpResponse, theme: str) -> HttpResponse:
    """The cookie of this device follows the profile, since the cookie wins over it."""
    response.set_cookie(
        THEME_COOKIE,
        theme,
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response
