"""Products: what is offered together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.catalog import selectors, services
from apim.dashboard import roles
from apim.dashboard.forms.products import ProductForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page, page_of
from apim.keys.selectors import subscriptions
from billing.selectors import current_prices

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import Plan
    from billing.models import PlanVersion


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan with its current price; None while it is free of charge."""

    plan: Plan
    price: PlanVersion | None


@staff(*roles.CATALOG)
def product_list(request: ViewerRequest) -> HttpResponse:
    found = selectors.product_list(query=request.GET.get("q", "").strip())
    products = found.order_by("name", "pk")
    context = {"page": page_of(request, products), "search": request.GET.get("q", "")}
    return render(request, "dashboard/products/list.html", context)


@staff(*roles.CATALOG)
def product_new(request: ViewerRequest) -> HttpResponse:
    form = ProductForm(request.POST or None)

    def save() -> HttpResponse:
        product = services.create_product(actor=request.viewer.actor, **form.cleaned_data)
        messages.success(
            request, _("%(product)s is a draft: add a plan next.") % {"product": product}
        )
        return redirect("dashboard:product", product.public_id)

    page = FormPage(
        title=_("New product"),
        verb=_("Create draft"),
        back_url=reverse("dashboard:products"),
        intro=_("A product bundles API versions. Applications subscribe to one of its plans."),
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def product_detail(request: ViewerRequest, product_id: str) -> HttpResponse:
    product = selectors.get_product(product_id)
    plans = list(selectors.plans_of(product))
    prices = current_prices([plan.pk for plan in plans])
    context = {
        "product": product,
        "versions": product.versions.select_related("api"),
        "plans": [PlanRow(plan, prices.get(plan.pk)) for plan in plans],
        "subscriptions": subscriptions(None).filter(product=product)[:10],
    }
    return render(request, "dashboard/products/detail.html", context)


@staff(*roles.CATALOG)
def product_edit(request: ViewerRequest, product_id: str) -> HttpResponse:
    product = selectors.get_product(product_id)
    initial = {
        "name": product.name,
        "summary": product.summary,
        "versions": product.versions.all(),
    }
    form = ProductForm(request.POST or None, initial=initial)

    def save() -> HttpResponse:
        services.update_product(actor=request.viewer.actor, product=product, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("dashboard:product", product.public_id)

    page = FormPage(
        title=_("Edit %(product)s") % {"product": product},
        verb=_("Save"),
        back_url=reverse("dashboard:product", args=[product.public_id]),
        intro=_("Removing a version stops its subscribers from calling it within a second."),
    )
    return form_page(request, form, page, save)


@staff(*roles.CATALOG)
def publish(request: ViewerRequest, product_id: str) -> HttpResponse:
    product = selectors.get_product(product_id)
    question = Question(
        title=_("Publish %(product)s?") % {"product": product},
        consequence=_("Its published plans can be subscribed to at once."),
        verb=_("Publish"),
        back_url=reverse("dashboard:product", args=[product.public_id]),
        tone="accent",
    )
    return confirm_page(
        request,
        question,
        lambda: services.publish_product(actor=request.viewer.actor, product=product),
        _("%(product)s is published.") % {"product": product},
    )


@staff(*roles.CATALOG)
def retire(request: ViewerRequest, product_id: str) -> HttpResponse:
    product = selectors.get_product(product_id)
    question = Question(
        title=_("Retire %(product)s?") % {"product": product},
        consequence=_("Nobody can subscribe any more. Existing subscriptions keep working."),
        verb=_("Retire"),
        back_url=reverse("dashboard:product", args=[product.public_id]),
    )
    return confirm_page(
        request,
        question,
        lambda: services.retire_product(actor=request.viewer.actor, product=product),
        _("%(product)s is retired.") % {"product": product},
    )
