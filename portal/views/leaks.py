"""Leaked keys: the public report form, the organization's reports and its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from apim.accounts.mail import absolute_url
from apim.accounts.models import Membership
from apim.accounts.policies import member, public
from apim.audit.actors import Actor
from apim.keys.models import LeakReport
from apim.keys.report_rate import may_report
from apim.keys.selectors import leak_reports
from apim.keys.services import leak_action, report_leak, set_leak_policy
from portal.answers import form_page, page_of
from portal.forms_keys import LeakedKeyForm, LeakPolicyForm

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


@public
@require_http_methods(["GET", "POST"])
@never_cache
@sensitive_post_parameters("key")
def report(request: ViewerRequest) -> HttpResponse:
    """Anybody may report a key; the answer is the same whether it is one of ours or not."""
    form = LeakedKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actor = request.viewer.actor
        if not may_report(actor.ip_address or ""):
            return render(request, "429.html", status=429)
        report_leak(
            actor=Actor("system", "", "leaked key form", actor.ip_address, actor.request_id),
            text=form.cleaned_data["key"].strip(),
            source=LeakReport.Source.FORM,
            url=form.cleaned_data["url"],
            note=form.cleaned_data["note"],
        )
        return render(request, "portal/leaks/reported.html")
    return form_page(request, "portal/leaks/report.html", form, {"sample": _sample()})


def _sample() -> str:
    """What a scanner sends."""
    body = '{"key": "ak_live_…", "url": "https://…"}'
    address = absolute_url(reverse("leaked_key"))
    return f"curl {address} \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'"


@member()
@require_GET
def reports(request: ViewerRequest) -> HttpResponse:
    organization = request.viewer.current_organization
    context = {
        "page": page_of(request, leak_reports(organization)),
        "action": leak_action(organization),
        "is_owner": request.viewer.has_role(Membership.Role.OWNER),
    }
    return render(request, "portal/leaks/list.html", context)


@member(Membership.Role.OWNER)
@require_http_methods(["GET", "POST"])
def policy(request: ViewerRequest) -> HttpResponse:
    organization = request.viewer.current_organization
    initial = {"action": leak_action(organization)}
    form = LeakPolicyForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        set_leak_policy(
            actor=request.viewer.actor,
            organization=organization,
            action=form.cleaned_data["action"],
        )
        messages.success(request, _("The choice holds for keys that are found from now on."))
        return redirect("portal:leaks")
    return form_page(request, "portal/leaks/policy.html", form, {})
