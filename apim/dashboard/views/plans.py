"""Plans: limits, approval and price of a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.catalog import selectors, services
from apim.catalog.errors import LimitsInvalid
from apim.core import clock
from apim.dashboard import roles
from apim.dashboard.forms.products import NewPlanForm, PlanForm, PriceForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page
from apim.dashboard.views.limits import limit_warnings
from apim.keys.selectors import subscriptions
from apim.ui.formatting import day
from billing.selectors import current_price, public_prices, upcoming_price
from billing.services import set_price

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import Plan


def _url(plan: Plan) -> str:
    return reverse("dashboard:plan", args=[plan.public_id])


@staff(*roles.CATALOG)
def plan_new(request: ViewerRequest, product_id: str) -> HttpResponse:
    product = selectors.get_product(product_id)
    form = NewPlanForm(request.POST or None)

    def save() -> HttpResponse:
        try:
            plan = services.create_plan(
                actor=request.viewer.actor,
                product=product,
                name=form.cleaned_data["name"],
                summary=form.cleaned_data["summary"],
                approval=form.cleaned_data["approval"],
                charges_overage=form.cleaned_data["charges_overage"],
                limits=form.limits(),
            )
        except LimitsInvalid as error:
            raise form.place(error) from error
        messages.success(
            request, _("%(plan)s is a draft: set its price next.") % {"plan": plan.name}
        )
        return redirect("dashboard:plan-price", plan.public_id)

    page = FormPage(
        title=_("New plan of %(product)s") % {"product": product},
        verb=_("Create draft"),
        back_url=reverse("dashboard:product", args=[product.public_id]),
        template="dashboard/plans/form.html",
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG, *roles.MONEY)
def plan_detail(request: ViewerRequest, plan_id: str) -> HttpResponse:
    plan = selectors.get_plan(plan_id)
    context = {
        "plan": plan,
        "product": plan.product,
        "limits": plan.limits_in_order,
        "warnings": limit_warnings(plan),
        "prices": public_prices(plan),
        "subscriptions": subscriptions(None).filter(plan=plan)[:25],
        "may_edit": request.viewer.has_staff_role(*roles.CATALOG),
        "now": clock.now(),
    }
    return render(request, "dashboard/plans/detail.html", context)


@staff(*roles.CATALOG)
def plan_edit(request: ViewerRequest, plan_id: str) -> HttpResponse:
    plan = selectors.get_plan(plan_id)
    form = PlanForm(request.POST or None, initial=PlanForm.initial_of(plan))

    def save() -> HttpResponse:
        services.update_plan(
            actor=request.viewer.actor,
            plan=plan,
            name=form.cleaned_data["name"],
            summary=form.cleaned_data["summary"],
            approval=form.cleaned_data["approval"],
            charges_overage=form.cleaned_data["charges_overage"],
        )
        messages.success(request, _("Saved."))
        return redirect(_url(plan))

    page = FormPage(
        title=_("Edit %(plan)s") % {"plan": plan},
        verb=_("Save"),
        back_url=_url(plan),
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG, *roles.MONEY)
def plan_price(request: ViewerRequest, plan_id: str) -> HttpResponse:
    plan = selectors.get_plan(plan_id)
    price = upcoming_price(plan) or current_price(plan)
    initial = (
        {
            "currency": price.currency,
            "unit_amount": price.unit_amount.normalize(),
            "included_calls": price.included_calls,
        }
        if price
        else None
    )
    form = PriceForm(request.POST or None, initial=initial)

    def save() -> HttpResponse:
        price = set_price(actor=request.viewer.actor, plan=plan, **form.cleaned_data)
        if price.starts_at is not None and price.starts_at > clock.now():
            starts = day(price.starts_at)
            messages.success(request, _("The price holds from %(starts)s.") % {"starts": starts})
        else:
            messages.success(request, _("The price is set."))
        return redirect(_url(plan))

    page = FormPage(
        title=_("Price of %(plan)s") % {"plan": plan},
        verb=_("Set price"),
        back_url=_url(plan),
        intro=_(
            "Charged per billable call, once the free calls of the calendar month are used up. A "
            "price that somebody pays holds until the month ends; the new one follows it."
        ),
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def publish(request: ViewerRequest, plan_id: str) -> HttpResponse:
    plan = selectors.get_plan(plan_id)
    question = Question(
        title=_("Publish the plan %(plan)s?") % {"plan": plan.name},
        consequence=_("Developers see it and can subscribe to it at once."),
        verb=_("Publish"),
        back_url=_url(plan),
        tone="accent",
    )
    return confirm_page(
        request,
        question,
        lambda: services.publish_plan(actor=request.viewer.actor, plan=plan),
        _("The plan %(plan)s is published.") % {"plan": plan.name},
    )


@staff(*roles.CATALOG)
def retire(request: ViewerRequest, plan_id: str) -> HttpResponse:
    plan = selectors.get_plan(plan_id)
    question = Question(
        title=_("Retire the plan %(plan)s?") % {"plan": plan.name},
        consequence=_("Nobody can subscribe to it any more. Existing subscriptions keep working."),
        verb=_("Retire"),
        back_url=_url(plan),
    )
    return confirm_page(
        request,
        question,
        lambda: services.retire_plan(actor=request.viewer.actor, plan=plan),
        _("The plan %(plan)s is retired.") % {"plan": plan.name},
    )
