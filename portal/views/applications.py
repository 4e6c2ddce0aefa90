"""Applications: the list, one application with its tabs, create, edit, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from apim.accounts.policies import member
from apim.core import clock
from apim.core.errors import DomainError
from apim.keys import selectors
from apim.keys.models import Subscription
from apim.keys.services import create_application, delete_application, update_application
from apim.ui.forms import add_domain_error
from portal import snippets
from portal.answers import form_page, page_of
from portal.application_rows import application_rows
from portal.forms import ApplicationForm
from portal.key_rows import key_rows
from portal.limits import limit_rows
from portal.roles import BUILDERS
from portal.usage_pages import usage_context

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.keys.models import Application

# The newest keys whose own limits a page of limits shows.
KEYS_SHOWN = 50


@member()
@require_GET
def applications(request: ViewerRequest) -> HttpResponse:
    organization = request.viewer.current_organization
    page = page_of(request, selectors.applications(organization).order_by("name", "id"))
    context = {"page": page, "rows": application_rows(organization, list(page.object_list))}
    return render(request, "portal/applications/list.html", context)


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def create(request: ViewerRequest) -> HttpResponse:
    form = ApplicationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_application(
                actor=request.viewer.actor,
                organization=request.viewer.current_organization,
                **form.cleaned_data,
            )
        except DomainError as error:
            add_domain_error(form, error)
        else:
            messages.success(request, _("Application %(name)s is ready.") % {"name": made.name})
            return redirect("portal:application", made.public_id)
    return form_page(request, "portal/applications/create.html", form, {})


@member()
@require_GET
def application(request: ViewerRequest, public_id: str) -> HttpResponse:
    """Overview: keys, and how to call."""
    found = selectors.get_application(request.viewer.current_organization, public_id)
    keys = selectors.api_keys(found.organization).filter(application=found)
    page = page_of(request, keys)
    return render(
        request,
        "portal/applications/overview.html",
        {
            **_frame(found, "overview"),
            "page": page,
            "rows": key_rows(list(page.object_list)),
            "samples": snippets.for_application(found),
        },
    )


@member()
@require_GET
def subscriptions(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = selectors.get_application(request.viewer.current_organization, public_id)
    rows = selectors.subscriptions(found.organization).filter(application=found)
    page = page_of(request, rows)
    return render(
        request,
        "portal/applications/subscriptions.html",
        {
            **_frame(found, "subscriptions"),
            "page": page,
            "rows": limit_rows(list(page.object_list)),
        },
    )


@member()
@require_GET
def limits(request: ViewerRequest, public_id: str) -> HttpResponse:
    """What is used and left of every limit, also of those that count for one key alone."""
    found = selectors.get_application(request.viewer.current_organization, public_id)
    context = {**_frame(found, "limits"), **_limits(request, found)}
    return render(request, "portal/applications/limits.html", context)


@member()
@require_GET
@never_cache
def limits_live(request: ViewerRequest, public_id: str) -> HttpResponse:
    """The part of the limits' page that a poll replaces."""
    found = selectors.get_application(request.viewer.current_organization, public_id)
    return render(request, "portal/applications/_limits.html", _limits(request, found))


def _limits(request: ViewerRequest, found: Application) -> dict[str, Any]:
    rows = selectors.subscriptions(found.organization).filter(
        application=found, state=Subscription.State.ACTIVE
    )
    keys = selectors.api_keys(found.organization).filter(application=found).usable(clock.now())
    page = page_of(request, rows)
    return {
        "page": page,
        "rows": limit_rows(list(page.object_list), list(keys[:KEYS_SHOWN])),
        "time_zone": found.organization.time_zone,
    }


@member()
@require_GET
def usage(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = selectors.get_application(request.viewer.current_organization, public_id)
    context = usage_context(request, found.organization, application=found)
    return render(request, "portal/applications/usage.html", {**_frame(found, "usage"), **context})


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def edit(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = selectors.get_application(request.viewer.current_organization, public_id)
    initial = {"name": found.name, "description": found.description}
    form = ApplicationForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            update_application(actor=request.viewer.actor, application=found, **form.cleaned_data)
        except DomainError as error:
            add_domain_error(form, error)
        else:
            messages.success(request, _("The application has been saved."))
            return redirect("portal:application", found.public_id)
    return form_page(request, "portal/applications/edit.html", form, {"application": found})


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def delete(request: ViewerRequest, public_id: str) -> HttpResponse:
    """Deleting cannot be undone, so the name has to be typed."""
    found = selectors.get_application(request.viewer.current_organization, public_id)
    context: dict[str, Any] = {"application": found, "typed": "", "error": ""}
    if request.method == "POST":
        if request.POST.get("confirmation", "").strip() == found.name:
            delete_application(actor=request.viewer.actor, application=found)
            messages.success(request, _("Application %(name)s is deleted.") % {"name": found.name})
            return redirect("portal:applications")
        context["typed"] = request.POST.get("confirmation", "")
        context["error"] = _("This is not the name of the application.")
    status = 422 if context["error"] else 200
    return render(request, "portal/applications/delete.html", context, status=status)


def _frame(found: Application, tab: str) -> dict[str, Any]:
    """What the header and the tabs of every page of an application need."""
    return {"application": found, f"is_{tab}": True}
