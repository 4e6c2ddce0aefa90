"""API keys across organizations: find one, see it, revoke several, import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.db.models import Q
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.reports import UsageFilters
from analytics.selectors import usage_totals
from apim.accounts.policies import staff
from apim.accounts.selectors import get_organization
from apim.core import clock
from apim.dashboard import roles
from apim.dashboard.forms.keys import ImportKeysForm, KeySearchForm
from apim.dashboard.key_rows import key_rows
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page, page_of
from apim.keys import services
from apim.keys.import_files import read_import
from apim.keys.selectors import api_keys, get_application, get_key, leak_reports, with_status
from apim.keys.services.api_keys import MAX_AT_ONCE

if TYPE_CHECKING:
    from django.http import HttpResponse, QueryDict

    from apim.accounts.viewers import ViewerRequest
    from apim.keys.models import ApiKey


@staff(*roles.CUSTOMERS)
def key_list(request: ViewerRequest) -> HttpResponse:
    form = KeySearchForm(request.GET)
    form.is_valid()
    search, status = form.cleaned_data.get("q", ""), form.cleaned_data.get("status", "")
    rows = api_keys(None)
    if search:
        rows = rows.filter(
            Q(name__icontains=search)
            | Q(public_id=search)
            | Q(start__istartswith=search)
            | Q(last4=search[-4:])
            | Q(application__name__icontains=search)
            | Q(application__public_id=search)
            | Q(organization__name__icontains=search)
            | Q(organization__public_id=search)
        )
    if status:
        rows = with_status(rows, status)
    page = page_of(request, rows)
    context = {
        "page": page,
        "rows": key_rows(page.object_list),
        "form": form,
        "is_filtered": bool(search or status),
        "may_import": request.viewer.has_staff_role(*roles.ADMIN_ONLY),
    }
    return render(request, "dashboard/keys/list.html", context)


@staff(*roles.CUSTOMERS)
def key_detail(request: ViewerRequest, key_id: str) -> HttpResponse:
    key = get_key(None, key_id)
    period = clock.last_days(30)
    context = {
        "key": key,
        "row": key_rows([key])[0],
        "predecessor": getattr(key, "predecessor", None),
        "limits": key.limits.all(),
        "leaks": leak_reports(None).filter(key=key)[:10],
        "totals": usage_totals(key.organization, period=period, filters=UsageFilters(key=key.pk)),
    }
    return render(request, "dashboard/keys/detail.html", context)


@staff(*roles.CUSTOMERS)
def revoke_several(request: ViewerRequest) -> HttpResponse:
    """Of the keys named by `key`, or of a whole `application` or `organization`."""
    back_url = reverse("dashboard:keys")
    chosen = _chosen(request.POST if request.method == "POST" else request.GET)
    if not chosen:
        messages.error(request, _("Tick the keys to revoke; those that work can be chosen."))
        return redirect(back_url)
    organizations = len({key.organization_id for key in chosen})
    title = ngettext("Revoke %(count)d key?", "Revoke %(count)d keys?", len(chosen))
    consequence = ngettext(
        "They belong to %(count)d organization, whose calls with them fail within a second. "
        "This cannot be undone.",
        "They belong to %(count)d organizations, whose calls with them fail within a second. "
        "This cannot be undone.",
        organizations,
    )
    question = Question(
        title=title % {"count": len(chosen)},
        consequence=consequence % {"count": organizations},
        verb=_("Revoke"),
        back_url=back_url,
        template="dashboard/keys/revoke_several.html",
    )
    return confirm_page(
        request,
        question,
        lambda: services.revoke_keys(actor=request.viewer.actor, keys=chosen),
        _("The keys are revoked."),
        rows=key_rows(chosen),
    )


def _chosen(sent: QueryDict) -> list[ApiKey]:
    """Those that still work; raises NotFound for an unknown application or organization."""
    rows = api_keys(None).usable(clock.now())
    if named := sent.getlist("key"):
        rows = rows.filter(public_id__in=named)
    elif application := sent.get("application"):
        rows = rows.filter(application=get_application(None, application))
    elif organization := sent.get("organization"):
        rows = rows.filter(organization=get_organization(organization))
    else:
        return []
    return list(rows[:MAX_AT_ONCE])


@staff(*roles.ADMIN_ONLY)
def key_import(request: ViewerRequest) -> HttpResponse:
    form = ImportKeysForm(
        request.POST or None,
        request.FILES or None,
        initial={"application": request.GET.get("application", "")},
    )

    def save() -> HttpResponse:
        made = services.import_keys(
            actor=request.viewer.actor,
            application=form.cleaned_data["application"],
            rows=read_import(form.cleaned_data["text"]),
        )
        done = ngettext("%(count)d key is imported.", "%(count)d keys are imported.", len(made))
        messages.success(request, done % {"count": len(made)})
        where = reverse("dashboard:keys")
        return redirect(f"{where}?q={form.cleaned_data['application'].public_id}")

    page = FormPage(
        title=_("Import API keys"),
        verb=_("Import"),
        back_url=reverse("dashboard:keys"),
        intro=_("Keys of another system go on working: only their hashes are needed."),
    )
    return form_page(request, form, page, save)
