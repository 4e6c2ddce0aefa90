"""Revisions of a version: list, source, findings, comparison, publishing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.catalog import selectors, services
from apim.catalog.changelog import publications_of
from apim.catalog.comparison import NO_CHANGES, compare
from apim.catalog.diff import Level
from apim.catalog.governance import Gate
from apim.catalog.models import ApiVersion, SpecRevision
from apim.catalog.services.gates import gate_refusals
from apim.catalog.services.linting import result_soon
from apim.core.errors import NotFound
from apim.dashboard import roles
from apim.dashboard.forms.governance import PublishRevisionForm, RevisionForm
from apim.dashboard.impact import callers_of
from apim.dashboard.pages import FormPage, form_page, page_of
from apim.dashboard.source_lines import line_url, source_page, text_of
from apim.dashboard.views.apis import specification_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.comparison import ComparedChange
    from apim.catalog.models import Api

CHANGES_PER_PAGE = 200
# Enough for a trend, oldest first.
TREND = 30


def _url(version: ApiVersion) -> str:
    return reverse("dashboard:revisions", args=[version.public_id])


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change and where its line is shown."""

    change: ComparedChange
    url: str


@dataclass(frozen=True, slots=True)
class OperationChanges:
    """The changes of one operation; `operation` is empty for the document."""

    operation: str
    rows: list[ChangeRow]


def grouped(
    changes: Sequence[ComparedChange], old: SpecRevision, new: SpecRevision
) -> list[OperationChanges]:
    """By operation, in the order in which each has its worst change."""
    groups: dict[str, list[ChangeRow]] = {}
    for change in changes:
        revision = old if change.is_in_old else new
        url = line_url(revision.version, revision.number, change.line)
        groups.setdefault(change.operation, []).append(ChangeRow(change, url))
    return [OperationChanges(operation, rows) for operation, rows in groups.items()]


@staff(*roles.CATALOG)
def revision_list(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = selectors.get_version(version_id)
    revisions = selectors.revisions_of(version)
    page = page_of(request, revisions)
    latest = revisions.filter(lint_result__isnull=False)[:TREND]
    scores = list(latest.values_list("number", "lint_result__score"))[::-1]
    context = {
        "version": version,
        "page": page,
        "scores": [score for _number, score in scores],
        "score_words": ", ".join(f"{number}: {score}" for number, score in scores),
        "publications": publications_of(version)[:10],
    }
    return render(request, "dashboard/revisions/list.html", context)


@staff(*roles.CATALOG)
def revision_new(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = selectors.get_version(version_id)
    form = RevisionForm(request.POST or None, request.FILES or None)

    def save() -> HttpResponse:
        revision = services.upload_revision(
            actor=request.viewer.actor,
            version=version,
            note=form.cleaned_data["note"],
            **specification_of(form),
        )
        return _after_upload(request, version, revision)

    page = FormPage(
        title=_("Upload a revision of %(version)s") % {"version": version},
        verb=_("Upload"),
        back_url=_url(version),
        intro=_("Callers notice nothing before you publish it: first you see what it changes.")
        if version.is_callable
        else _("It becomes the draft's document. Earlier revisions stay."),
        template="dashboard/apis/specification_form.html",
    )
    return form_page(request, form, page, save)


def _after_upload(
    request: ViewerRequest, version: ApiVersion, revision: SpecRevision
) -> HttpResponse:
    version.refresh_from_db()
    if revision.pk == version.current_revision_id:
        message = _("Revision %(number)d is in force.")
        target = _url(version)
    else:
        message = _("Revision %(number)d is kept. Look at what it changes, then publish it.")
        target = reverse("dashboard:revision-publish", args=[version.public_id, revision.number])
    messages.success(request, message % {"number": revision.number})
    return redirect(target)


@staff(*roles.CATALOG)
def source(request: ViewerRequest, version_id: str, number: int) -> HttpResponse:
    """The document by line, with findings beneath the lines that they are about."""
    context = _frame(version_id, number)
    text = text_of(context["revision"])
    if text is not None:
        result = context["result"]
        found = result.findings if result else []
        page, lines = source_page(text, found, request.GET.get("page"))
        context |= {"page": page, "lines": lines}
    return render(request, "dashboard/revisions/source.html", {**context, "tab": "source"})


@staff(*roles.CATALOG)
def findings(request: ViewerRequest, version_id: str, number: int) -> HttpResponse:
    """What the rules find, by line; narrowed by `?severity=` and `?rule=`."""
    context = _frame(version_id, number)
    version, revision, result = context["version"], context["revision"], context["result"]
    found = result.findings if result else []
    severity = request.GET.get("severity", "")
    rule = request.GET.get("rule", "")
    shown = [
        {**finding, "source_url": line_url(version, revision.number, finding["line"])}
        for finding in found
        if severity in {"", finding["severity"]} and rule in {"", finding["rule"]}
    ]
    context |= {
        "tab": "findings",
        "page": page_of(request, shown),
        "severity": severity,
        "rule": rule,
        "rules": result.broken_rules if result else [],
        "is_filtered": bool(severity or rule),
    }
    return render(request, "dashboard/revisions/findings.html", context)


def _frame(version_id: str, number: int) -> dict[str, Any]:
    """What every page of one revision needs."""
    version = selectors.get_version(version_id)
    revision = selectors.get_revision(version, number)
    return {
        "version": version,
        "revision": revision,
        "result": result_soon(revision),
        "is_current": revision.pk == version.current_revision_id,
    }


@staff(*roles.CATALOG)
def compare_revisions(request: ViewerRequest, api_id: str) -> HttpResponse:
    """Any two revisions of an API, also of different versions: `?old=` and `?new=`."""
    api = selectors.get_api(api_id)
    choices = _choices(api)
    new = _chosen(choices, request.GET.get("new", "")) or choices[0]
    old = _chosen(choices, request.GET.get("old", "")) or _before(new, choices)
    found = compare(old, new)
    level = request.GET.get("level", "")
    operation = request.GET.get("operation", "")
    shown = [
        change
        for change in found.changes
        if level in {"", change.level} and operation in {"", change.operation}
    ]
    page = Paginator(shown, CHANGES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "api": api,
        "choices": choices,
        "old": old,
        "new": new,
        "comparison": found,
        "page": page,
        "groups": grouped(list(page.object_list), old, new),
        "level": level,
        "operation": operation,
        "operations": dict.fromkeys(c.operation for c in found.changes if c.operation),
        "is_filtered": bool(level or operation),
    }
    return render(request, "dashboard/revisions/compare.html", context)


def _choices(api: Api) -> list[SpecRevision]:
    """Every revision of the API, newest version and revision first. Raises NotFound."""
    rows = SpecRevision.objects.filter(version__api=api).defer("raw", "fetched", "warnings")
    found = list(rows.select_related("version__api").order_by("-version_id", "-number"))
    if not found:
        raise NotFound
    return found


def _chosen(choices: list[SpecRevision], public_id: str) -> SpecRevision | None:
    return next((one for one in choices if one.public_id == public_id), None)


def _before(new: SpecRevision, choices: list[SpecRevision]) -> SpecRevision:
    """What is in force in its version, or else the revision uploaded before it."""
    current = new.version.current_revision_id
    in_force = next((one for one in choices if one.pk == current), None)
    if in_force is not None and in_force.pk != new.pk:
        return in_force
    position = choices.index(new)
    return choices[min(position + 1, len(choices) - 1)]


@staff(*roles.CATALOG)
def publish(request: ViewerRequest, version_id: str, number: int) -> HttpResponse:
    """What would change and for whom, and the button."""
    version = selectors.get_version(version_id)
    revision = selectors.get_revision(version, number)
    current = version.current_revision
    found = compare(current, revision) if current is not None else NO_CHANGES
    form = PublishRevisionForm(
        request.POST if request.method == "POST" else None,
        is_breaking=found.is_breaking and version.is_callable,
    )

    def save() -> HttpResponse:
        services.publish_revision(
            actor=request.viewer.actor,
            version=version,
            revision=revision,
            acknowledges_breaking=bool(form.cleaned_data.get("acknowledges_breaking")),
        )
        message = _("Revision %(number)d of %(version)s is in force.")
        messages.success(request, message % {"number": revision.number, "version": version})
        return redirect(_url(version))

    is_rollback = current is not None and revision.number < current.number
    title = _("Roll back %(version)s to revision %(number)d") if is_rollback else ""
    title = title or _("Publish revision %(number)d of %(version)s")
    page = FormPage(
        title=title % {"version": version, "number": revision.number},
        verb=_("Roll back") if is_rollback else _("Publish"),
        back_url=_url(version),
        intro=_("Reference, operations and gateways follow within about a second."),
        template="dashboard/revisions/publish.html",
    )
    context: dict[str, Any] = {
        "version": version,
        "revision": revision,
        "current": current,
        "is_current": current is not None and current.pk == revision.pk,
        "comparison": found,
        "groups": grouped(found.changes[:CHANGES_PER_PAGE], current or revision, revision),
        "callers": callers_of(version, found.operations(Level.BREAKING))
        if found.is_breaking
        else (),
        "refusals": _refusals(version, revision, found.breaking),
    }
    return form_page(request, form, page, save, **context)


def _refusals(version: ApiVersion, revision: SpecRevision, breaking: int) -> Sequence[object]:
    if not version.is_callable:
        return ()
    return gate_refusals(
        Gate.Transition.PUBLISH_REVISION, api=version.api, revision=revision, breaking=breaking
    )


@staff(*roles.CATALOG)
def document(_request: ViewerRequest, version_id: str, number: int) -> HttpResponse:
    """The revision's document, byte for byte as it was uploaded."""
    version = selectors.get_version(version_id)
    found = selectors.spec_document(version, number)
    stem, _dot, suffix = found.filename.rpartition(".")
    response = HttpResponse(found.raw, content_type=found.media_type)
    response["Content-Disposition"] = f'attachment; filename="{stem}-r{number}.{suffix}"'
    return response
