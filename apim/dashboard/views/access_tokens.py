"""Access tokens of the management API that reach as far as their owner's staff role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from apim.accounts import selectors, services
from apim.accounts.forms import AccessTokenForm
from apim.accounts.policies import staff
from apim.accounts.scopes import grantable
from apim.dashboard import roles
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page, page_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.models import User
    from apim.accounts.viewers import Viewer, ViewerRequest


def _whose(viewer: Viewer) -> User | None:
    """Admins handle everybody's tokens (None), others their own."""
    return None if viewer.has_staff_role(*roles.ADMIN_ONLY) else viewer.person


@staff()
def token_list(request: ViewerRequest) -> HttpResponse:
    tokens = selectors.access_tokens(None, _whose(request.viewer))
    return render(request, "dashboard/tokens/list.html", {"page": page_of(request, tokens)})


@staff()
@never_cache
def token_new(request: ViewerRequest) -> HttpResponse:
    viewer = request.viewer
    scopes = grantable(role=None, staff_role=viewer.staff_role)
    form = AccessTokenForm(request.POST or None, scopes=scopes)

    def save() -> HttpResponse:
        issued = services.issue_access_token(
            actor=viewer.actor,
            user=viewer.person,
            organization=None,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at,
        )
        response = render(request, "dashboard/tokens/issued.html", {"issued": issued})
        response["Cache-Control"] = "no-store"
        return response

    page = FormPage(
        title=_("Issue an access token"),
        verb=_("Issue token"),
        back_url=reverse("dashboard:tokens"),
        intro=_("For scripts and pipelines that use the management API."),
    )
    return form_page(request, form, page, save)


@staff()
def token_revoke(request: ViewerRequest, token_id: str) -> HttpResponse:
    token = selectors.get_access_token(None, token_id, _whose(request.viewer))
    question = Question(
        title=_("Revoke %(name)s?") % {"name": token.name},
        consequence=_("Whatever uses it is refused from now on. This cannot be undone."),
        verb=_("Revoke token"),
        back_url=reverse("dashboard:tokens"),
    )
    return confirm_page(
        request,
        question,
        lambda: services.revoke_access_token(actor=request.viewer.actor, token=token),
        _("The access token was revoked."),
    )
