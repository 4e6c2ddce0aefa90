"""APIs: list, create, show, edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from analytics.reports import UsageFilters
from analytics.selectors import usage_by
from apim.accounts.policies import staff
from apim.catalog import selectors, services
from apim.catalog.models import Product
from apim.catalog.openapi import SpecFetchFailed, fetch_spec, file_name_of
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.dashboard import roles
from apim.dashboard.forms.catalog import ApiEditForm, ApiForm
from apim.dashboard.pages import FormPage, form_page, page_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.dashboard.forms.catalog import SpecificationForm


def specification_of(form: SpecificationForm) -> dict[str, Any]:
    """raw, filename and source_url of the document that a valid form names."""
    cleaned = form.cleaned_data
    if cleaned["document"]:
        upload = cleaned["document"]
        return {"raw": upload.read(), "filename": upload.name}
    if cleaned["url"]:
        return {
            "raw": _fetched(cleaned["url"]),
            "filename": file_name_of(cleaned["url"]),
            "source_url": cleaned["url"],
        }
    return {"raw": cleaned["text"].encode()}


def _fetched(url: str) -> bytes:
    try:
        return fetch_spec(url, allowed_hosts=settings.APIM_SPEC_FETCH_ALLOWED_HOSTS)
    except SpecFetchFailed as failure:  # the form calls the field by another name
        raise InvalidInput(failure.message, fields={"url": [failure.message]}) from failure


@staff(*roles.CATALOG)
def api_list(request: ViewerRequest) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    state = request.GET.get("state", "")
    apis = selectors.api_list(query=search, state=state)
    context = {"page": page_of(request, apis), "search": search, "state": state}
    return render(request, "dashboard/apis/list.html", context)


@staff(*roles.CATALOG)
def api_new(request: ViewerRequest) -> HttpResponse:
    form = ApiForm(request.POST or None, request.FILES or None)

    def save() -> HttpResponse:
        cleaned = form.cleaned_data
        api = services.create_api(
            actor=request.viewer.actor,
            name=cleaned["name"] or None,
            version_name=cleaned["version_name"],
            upstream_url=cleaned["upstream_url"] or None,
            **specification_of(form),
        )
        messages.success(
            request, _("%(api)s is a draft: check it, then publish it.") % {"api": api}
        )
        return redirect("dashboard:version", api.versions.get().public_id)

    page = FormPage(
        title=_("New API"),
        verb=_("Create draft"),
        back_url=reverse("dashboard:apis"),
        intro=_("Nothing is public before you publish it."),
        template="dashboard/apis/specification_form.html",
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def api_detail(request: ViewerRequest, api_id: str) -> HttpResponse:
    api = selectors.get_api(api_id)
    context = {
        "api": api,
        "versions": selectors.versions_of(api),
        "products": Product.objects.filter(versions__api=api).distinct(),
        "callers": usage_by(
            None,
            period=clock.last_days(30),
            dimension="organization",
            filters=UsageFilters(api=api.pk),
            limit=10,
        ),
    }
    return render(request, "dashboard/apis/detail.html", context)


@staff(*roles.CATALOG)
def api_edit(request: ViewerRequest, api_id: str) -> HttpResponse:
    api = selectors.get_api(api_id)
    initial = {
        "name": api.name,
        "summary": api.summary,
        "description": api.description,
        "tags": ", ".join(api.tags),
        "owner_email": api.owner_email,
    }
    form = ApiEditForm(request.POST or None, initial=initial)

    def save() -> HttpResponse:
        services.update_api(actor=request.viewer.actor, api=api, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("dashboard:api", api.public_id)

    page = FormPage(
        title=_("Edit %(api)s") % {"api": api},
        verb=_("Save"),
        back_url=reverse("dashboard:api", args=[api.public_id]),
    )
    return form_page(request, form, page, save)
