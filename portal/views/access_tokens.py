"""Access tokens of the management API, for the current organization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from apim.accounts import selectors, services
from apim.accounts.models import Membership
from apim.accounts.policies import member
from apim.accounts.scopes import grantable
from apim.core.errors import DomainError
from apim.ui.forms import add_domain_error
from portal.answers import form_page, secret_page
from portal.forms_account import AccessTokenForm
from portal.views.organization import confirm_page, with_tabs

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.models import User
    from apim.accounts.viewers import Viewer, ViewerRequest


def _whose(viewer: Viewer) -> User | None:
    """Owners handle every member's tokens (None), others their own."""
    return None if viewer.has_role(Membership.Role.OWNER) else viewer.person


@member()
@require_GET
def tokens(request: ViewerRequest) -> HttpResponse:
    found = selectors.access_tokens(request.viewer.current_organization, _whose(request.viewer))
    context = with_tabs(request, tokens=found)
    return render(request, "portal/organization/tokens.html", context)


@member()
@require_http_methods(["GET", "POST"])
@never_cache
def issue(request: ViewerRequest) -> HttpResponse:
    viewer = request.viewer
    form = AccessTokenForm(
        request.POST or None,
        user=viewer.person,
        scopes=grantable(role=viewer.role, staff_role=""),
    )
    if request.method == "POST" and form.is_valid():
        if not form.spend():
            messages.info(request, _("This token was already shown. Issue another if you lost it."))
            return redirect("portal:organization-tokens")
        try:
            issued = services.issue_access_token(
                actor=viewer.actor,
                user=viewer.person,
                organization=viewer.current_organization,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at,
            )
        except DomainError as error:
            form.give_back()
            add_domain_error(form, error)
        else:
            context = with_tabs(request, token=issued.token, secret=issued.secret)
            return secret_page(request, "portal/organization/token_issued.html", context)
    return form_page(request, "portal/organization/token_issue.html", form, with_tabs(request))


@member()
@require_http_methods(["GET", "POST"])
def revoke(request: ViewerRequest, public_id: str) -> HttpResponse:
    token = selectors.get_access_token(
        request.viewer.current_organization, public_id, _whose(request.viewer)
    )
    if request.method == "POST":
        services.revoke_access_token(actor=request.viewer.actor, token=token)
        messages.success(request, _("The access token was revoked."))
        return redirect("portal:organization-tokens")
    return confirm_page(
        request,
        title=_("Revoke %(name)s?") % {"name": token.name},
        consequence=_("Whatever uses it is refused from now on. This cannot be undone."),
        confirm_label=_("Revoke token"),
        back_url=reverse("portal:organization-tokens"),
    )
