"""The organization's API keys across applications: found, and revoked several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.db.models import Q
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from apim.accounts.policies import member
from apim.keys.selectors import api_keys, with_status
from apim.keys.services import revoke_keys
from portal.answers import page_of
from portal.forms_keys import KeySearchForm
from portal.key_rows import key_rows
from portal.roles import BUILDERS

if TYPE_CHECKING:
    from django.http import HttpResponse, QueryDict

    from apim.accounts.viewers import ViewerRequest
    from apim.keys.models import ApiKey

MAX_CHOSEN = 100


@member()
@require_GET
def keys(request: ViewerRequest) -> HttpResponse:
    form = KeySearchForm(request.GET)
    form.is_valid()
    search, status = form.cleaned_data.get("q", ""), form.cleaned_data.get("status", "")
    rows = api_keys(request.viewer.current_organization)
    if search:
        rows = rows.filter(
            Q(name__icontains=search)
            | Q(public_id=search)
            | Q(start__istartswith=search)
            | Q(last4=search[-4:])
            | Q(application__name__icontains=search)
        )
    if status:
        rows = with_status(rows, status)
    page = page_of(request, rows)
    context = {
        "page": page,
        "rows": key_rows(list(page.object_list)),
        "form": form,
        "is_filtered": bool(search or status),
    }
    return render(request, "portal/keys/list.html", context)


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def revoke(request: ViewerRequest) -> HttpResponse:
    """Ask about the keys named by `key`, then revoke them together."""
    sent = request.POST if request.method == "POST" else request.GET
    chosen = _chosen(request, sent)
    if request.method == "POST" and chosen:
        count = revoke_keys(actor=request.viewer.actor, keys=chosen)
        done = ngettext("%(count)d key is revoked.", "%(count)d keys are revoked.", count)
        messages.success(request, done % {"count": count})
        return redirect("portal:keys")
    if not chosen:
        messages.error(request, _("Tick the keys to revoke; those that work can be chosen."))
        return redirect("portal:keys")
    rows = key_rows(chosen)
    context = {"rows": rows, "calls": sum(row.total_calls for row in rows)}
    return render(request, "portal/keys/revoke_several.html", context)


def _chosen(request: ViewerRequest, sent: QueryDict) -> list[ApiKey]:
    """Keys of the organization among those named that still work."""
    named = sent.getlist("key")[:MAX_CHOSEN]
    rows = api_keys(request.viewer.current_organization).filter(public_id__in=named)
    return [key for key in rows if key.is_usable]
