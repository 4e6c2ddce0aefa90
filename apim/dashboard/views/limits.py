"""A plan's limits, one by one, and the operations of a version: their groups and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apim.accounts.policies import staff
from apim.catalog import selectors, services
from apim.catalog.limit_checks import warnings_of
from apim.dashboard import roles
from apim.dashboard.forms.limits import LimitForm, OperationsForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import Limit, Plan

COSTS_PER_PAGE = 100


def _url(plan: Plan) -> str:
    return reverse("dashboard:plan", args=[plan.public_id])


def _groups(plan: Plan, *present: str) -> list[str]:
    """The groups to choose from, with those that a limit has though no operation does."""
    groups = selectors.groups_of(plan.product)
    return [*groups, *(group for group in present if group and group not in groups)]


@staff(*roles.CATALOG)
def limit_new(request: ViewerRequest, plan_id: str) -> HttpResponse:
    plan = selectors.get_plan(plan_id)
    initial = {"kind": "calendar", "window": "minute", "every": 1, "per": "application"}
    form = LimitForm(request.POST or None, groups=_groups(plan), initial=initial)

    def save() -> HttpResponse:
        limit = services.add_limit(actor=request.viewer.actor, plan=plan, terms=form.terms())
        _tell(request, limit)
        return redirect(_url(plan))

    page = FormPage(
        title=_("New limit of %(plan)s") % {"plan": plan},
        verb=_("Add limit"),
        back_url=_url(plan),
        intro=_intro(plan),
        template="dashboard/plans/limit.html",
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def limit_edit(request: ViewerRequest, limit_id: str) -> HttpResponse:
    limit = selectors.get_limit(limit_id)
    plan = limit.plan
    form = LimitForm(
        request.POST or None,
        groups=_groups(plan, limit.group),
        initial=LimitForm.initial_of(limit),
    )

    def save() -> HttpResponse:
        changed = services.change_limit(actor=request.viewer.actor, limit=limit, terms=form.terms())
        _tell(request, changed)
        return redirect(_url(plan))

    page = FormPage(
        title=_("Edit a limit of %(plan)s") % {"plan": plan},
        verb=_("Save"),
        back_url=_url(plan),
        intro=_intro(plan),
        template="dashboard/plans/limit.html",
    )
    return form_page(request, form, page, save, sentence=limit.words)


@staff(*roles.CATALOG)
def limit_remove(request: ViewerRequest, limit_id: str) -> HttpResponse:
    limit = selectors.get_limit(limit_id)
    question = Question(
        title=_("Remove this limit of %(plan)s?") % {"plan": limit.plan},
        consequence=_("“%(limit)s” no longer holds for any subscriber, within about a second.")
        % {"limit": limit.words},
        verb=_("Remove limit"),
        back_url=_url(limit.plan),
    )
    return confirm_page(
        request,
        question,
        lambda: services.remove_limit(actor=request.viewer.actor, limit=limit),
        _("The limit is removed."),
    )


@staff(*roles.CATALOG)
def version_costs(request: ViewerRequest, version_id: str) -> HttpResponse:
    version = selectors.get_version(version_id)
    operations = Paginator(selectors.operations_of(version), COSTS_PER_PAGE).get_page(
        request.GET.get("page")
    )
    form = OperationsForm(request.POST or None, operations=list(operations))

    @transaction.atomic
    def save() -> HttpResponse:
        actor = request.viewer.actor
        costs = services.set_operation_costs(actor=actor, version=version, costs=form.costs())
        groups = services.set_operation_groups(actor=actor, version=version, groups=form.groups())
        count = len({operation.pk for operation in (*costs, *groups)})
        messages.success(
            request,
            ngettext(
                "%(count)d operation is changed. Gateways follow within about a second.",
                "%(count)d operations are changed. Gateways follow within about a second.",
                count,
            )
            % {"count": count},
        )
        return redirect(request.get_full_path())

    page = FormPage(
        title=_("Groups and costs of %(version)s") % {"version": version},
        verb=_("Save"),
        back_url=reverse("dashboard:version", args=[version.public_id]),
        intro=_(
            "Limits and keys can be held to groups; they begin as the tags of the description. The "
            "cost is what one call counts towards the limits of its caller. Both stay when a new "
            "revision describes the operation again."
        ),
        template="dashboard/versions/costs.html",
    )
    return form_page(request, form, page, save, operations=operations, version=version)


def _intro(plan: Plan) -> str:
    if plan.state == plan.State.PUBLISHED:
        return _("It holds for all subscribers of this published plan within about a second.")
    return _("A call must fit all limits of its plan: it counts for all of them or for none.")


def _tell(request: ViewerRequest, limit: Limit) -> None:
    messages.success(
        request,
        _("Saved: at most %(limit)s. It holds within about a second.") % {"limit": limit.words},
    )
    tell_warnings(request, limit_warnings(limit.plan))


def limit_warnings(plan: Plan) -> tuple[str, ...]:
    return warnings_of(plan.limits_in_order, groups=selectors.groups_of(plan.product))


def tell_warnings(request: ViewerRequest, warnings: Iterable[str]) -> None:
    for warning in warnings:
        messages.warning(request, warning)
