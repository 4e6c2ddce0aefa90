"""Versions of an API: documents, publishing, deprecation, retirement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.reports import UsageFilters
from analytics.selectors import usage_by
from apim.accounts.policies import staff
from apim.catalog import selectors, services
from apim.catalog.governance import Gate
from apim.catalog.services.gates import gate_refusals
from apim.core import clock
from apim.dashboard import roles
from apim.dashboard.forms.catalog import (
    DeprecateForm,
    VersionEditForm,
    VersionForm,
)
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page
from apim.dashboard.views.apis import specification_of
from apim.gateway.selectors import refusal_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from analytics.reports import UsageRow
    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import ApiVersion, Operation


# The list of all is a page of its own.
REVISIONS_SHOWN = 5


def _url(version: ApiVersion) -> str:
    return reverse("dashboard:version", args=[version.public_id])


def _callers(version: ApiVersion) -> int:
    """Organizations that called the version in the last 30 days."""
    rows = usage_by(
        None,
        period=clock.last_days(30),
        dimension="organization",
        filters=UsageFilters(version=version.pk),
    )
    return len(rows)


@dataclass(frozen=True, slots=True)
class OperationRow:
    """An operation with its calls of the last 30 days; None when there were none."""

    operation: Operation
    usage: UsageRow | None


def _operation_rows(version: ApiVersion) -> list[OperationRow]:
    usage = usage_by(
        None,
        period=clock.last_days(30),
        dimension="operation",
        filters=UsageFilters(version=version.pk),
        limit=1000,
    )
    by_id = {row.key: row for row in usage}
    return [OperationRow(o, by_id.get(o.public_id)) for o in selectors.operations_of(version)]


@staff(*roles.CATALOG)
def version_new(request: ViewerRequest, api_id: str) -> HttpResponse:
    api = selectors.get_api(api_id)
    form = VersionForm(request.POST or None, request.FILES or None)

    def save() -> HttpResponse:
        version = services.create_version(
            actor=request.viewer.actor,
            api=api,
            name=form.cleaned_data["name"],
            upstream_url=form.cleaned_data["upstream_url"] or None,
            **specification_of(form),
        )
        return redirect(_url(version))

    page = FormPage(
        title=_("New version of %(api)s") % {"api": api},
        verb=_("Create draft"),
        back_url=reverse("dashboard:api", args=[api.public_id]),
        intro=_("Callers of existing versions notice nothing until you publish it."),
        template="dashboard/apis/specification_form.html",
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def version_detail(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = selectors.get_version(version_id)
    revisions = selectors.revisions_of(version)
    context = {
        "version": version,
        "api": version.api,
        "revisions": revisions[:REVISIONS_SHOWN],
        "newest": revisions.first(),
        "operations": _operation_rows(version),
        "products": version.products.all(),
        "refusal": refusal_of(version),
    }
    return render(request, "dashboard/versions/detail.html", context)


@staff(*roles.CATALOG)
def version_edit(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = selectors.get_version(version_id)
    form = VersionEditForm(request.POST or None, initial=VersionEditForm.initial_of(version))

    def save() -> HttpResponse:
        services.update_version(actor=request.viewer.actor, version=version, **form.cleaned_data)
        messages.success(request, _("Saved. Gateways follow within about a second."))
        return redirect(_url(version))

    page = FormPage(
        title=_("Edit %(version)s") % {"version": version},
        verb=_("Save"),
        back_url=_url(version),
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def publish(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = selectors.get_version(version_id)
    question = Question(
        title=_("Publish %(version)s?") % {"version": version},
        consequence=_(
            "It appears in the catalog, and gateways serve %(path)s within about a second."
        )
        % {"path": version.listen_path},
        verb=_("Publish"),
        back_url=_url(version),
        tone="accent",
        template="dashboard/versions/publish.html",
    )
    return confirm_page(
        request,
        question,
        lambda: services.publish_version(actor=request.viewer.actor, version=version),
        _("%(version)s is published.") % {"version": version},
        version=version,
        operations=selectors.operations_of(version),
        products=version.products.all(),
        refusals=gate_refusals(
            Gate.Transition.PUBLISH, api=version.api, revision=version.current_revision
        ),
    )


@staff(*roles.CATALOG)
def deprecate(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = selectors.get_version(version_id)
    form = DeprecateForm(request.POST or None, initial={"sunset_on": version.sunset_on})

    def save() -> HttpResponse:
        services.deprecate_version(
            actor=request.viewer.actor, version=version, sunset_on=form.cleaned_data["sunset_on"]
        )
        messages.success(request, _("%(version)s is deprecated.") % {"version": version})
        return redirect(_url(version))

    callers = _callers(version)
    page = FormPage(
        title=_("Deprecate %(version)s") % {"version": version},
        verb=_("Deprecate"),
        back_url=_url(version),
        intro=_(
            "It keeps working. Answers carry Deprecation and Sunset headers, and its pages say so."
        ),
        warning=ngettext(
            "%(count)d organization called it in the last 30 days.",
            "%(count)d organizations called it in the last 30 days.",
            callers,
        )
        % {"count": callers}
        if callers
        else "",
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def retire(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = selectors.get_version(version_id)
    question = Question(
        title=_("Retire %(version)s?") % {"version": version},
        consequence=_(
            "Gateways stop serving %(path)s within about a second. Organizations that called it "
            "in the last 30 days: %(callers)d."
        )
        % {"path": version.listen_path, "callers": _callers(version)},
        verb=_("Retire"),
        back_url=_url(version),
    )
    return confirm_page(
        request,
        question,
        lambda: services.retire_version(actor=request.viewer.actor, version=version),
        _("%(version)s is retired.") % {"version": version},
    )


@staff(*roles.CATALOG)
def restore(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = selectors.get_version(version_id)
    question = Question(
        title=_("Publish %(version)s again?") % {"version": version},
        consequence=_(
            "Gateways serve %(path)s within about a second, without a sunset. Subscriptions to "
            "products that offer it may call it."
        )
        % {"path": version.listen_path},
        verb=_("Publish again"),
        back_url=_url(version),
        tone="accent",
    )
    return confirm_page(
        request,
        question,
        lambda: services.restore_version(actor=request.viewer.actor, version=version),
        _("%(version)s is published.") % {"version": version},
    )
