"""Add-ons: extras beside the plans, flat or by a meter, for everybody or one customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.accounts.selectors import get_organization
from apim.core.errors import NotFound
from apim.dashboard import roles
from apim.dashboard.forms.extras import AddOnForm, AddOnPriceForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page, page_of
from billing.selectors.add_ons import add_ons, get_add_on
from billing.services import create_add_on, reprice_add_on, withdraw_add_on

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


@staff(*roles.PRICING)
def add_on_list(request: ViewerRequest) -> HttpResponse:
    context = {"page": page_of(request, add_ons())}
    return render(request, "dashboard/add_ons/list.html", context)


@staff(*roles.PRICING)
def add_on_new(request: ViewerRequest) -> HttpResponse:
    """`?organization=org_…` offers it to that customer alone."""
    chosen = request.GET.get("organization", "")
    organization = get_organization(chosen) if chosen else None
    form = AddOnForm(request.POST or None)

    def save() -> HttpResponse:
        made = create_add_on(actor=request.viewer.actor, organization=organization, **form.values)
        messages.success(request, _("%(add_on)s is offered now.") % {"add_on": made})
        return redirect("dashboard:add-ons")

    page = FormPage(
        title=_("New add-on"),
        verb=_("Offer add-on"),
        back_url=reverse("dashboard:add-ons"),
        intro=_("Only for %(organization)s.") % {"organization": organization}
        if organization
        else _("Something that a subscription may have beside its plan."),
    )
    return form_page(request, form, page, save)


@staff(*roles.PRICING)
def add_on_prices(request: ViewerRequest, add_on_id: str) -> HttpResponse:
    add_on = get_add_on(add_on_id)
    if add_on.withdrawn_at is not None:
        raise NotFound
    form = AddOnPriceForm(request.POST or None, add_on=add_on)

    def save() -> HttpResponse:
        reprice_add_on(actor=request.viewer.actor, add_on=add_on, amounts=form.amounts)
        messages.success(request, _("Saved."))
        return redirect("dashboard:add-ons")

    page = FormPage(
        title=_("Prices of %(add_on)s") % {"add_on": add_on},
        verb=_("Save"),
        back_url=reverse("dashboard:add-ons"),
        intro=_("For those who add it from now on; who holds it keeps the amount of that day."),
    )
    return form_page(request, form, page, save)


@staff(*roles.PRICING)
def add_on_withdraw(request: ViewerRequest, add_on_id: str) -> HttpResponse:
    add_on = get_add_on(add_on_id)
    question = Question(
        title=_("Withdraw %(add_on)s?") % {"add_on": add_on},
        consequence=_("Nobody can add it any longer. Who holds it goes on holding and paying it."),
        verb=_("Withdraw"),
        back_url=reverse("dashboard:add-ons"),
    )
    return confirm_page(
        request,
        question,
        lambda: withdraw_add_on(actor=request.viewer.actor, add_on=add_on),
        _("It is no longer offered."),
    )
