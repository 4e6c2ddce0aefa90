"""Finance's view of customers: how they pay, their subscriptions, credit and discounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.accounts.selectors import get_organization
from apim.core import clock
from apim.dashboard import roles
from apim.dashboard.forms.money import CreditForm, DiscountForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page, page_of
from apim.keys import selectors as keys
from billing.selectors import running_charges
from billing.selectors.credits import get_grant
from billing.selectors.discounts import get_discount
from billing.selectors.invoices import customer_money, customers, invoices_of, payment_state
from billing.selectors.paying import paying_rows
from billing.services import end_discount, give_discount, grant_credit, void_credit

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.models import Organization
    from apim.accounts.viewers import ViewerRequest

SHOWN_INVOICES = 10


def _url(organization: Organization) -> str:
    return reverse("dashboard:customer", args=[organization.public_id])


@staff(*roles.MONEY)
def customer_list(request: ViewerRequest) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    context = {"page": page_of(request, customers(search=search)), "search": search}
    return render(request, "dashboard/finance/customers.html", context)


@staff(*roles.MONEY)
def customer(request: ViewerRequest, organization_id: str) -> HttpResponse:
    organization = get_organization(organization_id)
    subscriptions = list(keys.subscriptions(organization))
    context = {
        "organization": organization,
        "payment": payment_state(organization),
        "money": customer_money(organization),
        "charges": running_charges(organization),
        "rows": paying_rows(subscriptions),
        "invoices": invoices_of(organization)[:SHOWN_INVOICES],
        "now": clock.now(),
    }
    return render(request, "dashboard/finance/customer.html", context)


@staff(*roles.MONEY)
def subscription_list(request: ViewerRequest) -> HttpResponse:
    """Every subscription with the price that it pays."""
    page = page_of(request, keys.subscriptions(None))
    context = {"page": page, "rows": paying_rows(list(page.object_list)), "now": clock.now()}
    return render(request, "dashboard/finance/subscriptions.html", context)


@staff(*roles.MONEY)
def credit_new(request: ViewerRequest, organization_id: str) -> HttpResponse:
    organization = get_organization(organization_id)
    form = CreditForm(request.POST or None, user=request.viewer.person)

    def save() -> HttpResponse:
        grant_credit(
            actor=request.viewer.actor,
            organization=organization,
            name=form.cleaned_data["name"],
            amount_minor=form.amount_minor,
            currency=form.cleaned_data["currency"],
            expires_at=form.expires_at,
            priority=form.cleaned_data["priority"],
            note=form.cleaned_data["note"],
        )
        messages.success(request, _("The credit is granted."))
        return redirect(_url(organization))

    page = FormPage(
        title=_("Credit for %(organization)s") % {"organization": organization},
        verb=_("Grant credit"),
        back_url=_url(organization),
        intro=_("It pays for billing periods when they are closed. The ledger only grows."),
    )
    return form_page(request, form, page, save)


@staff(*roles.MONEY)
def credit_void(request: ViewerRequest, grant_id: str) -> HttpResponse:
    grant = get_grant(grant_id)
    question = Question(
        title=_("Withdraw what is left of “%(credit)s”?") % {"credit": grant.name},
        consequence=_("What was used stays used. The withdrawal is an entry of its own."),
        verb=_("Withdraw"),
        back_url=_url(grant.organization),
    )
    return confirm_page(
        request,
        question,
        lambda: void_credit(actor=request.viewer.actor, grant=grant),
        _("The credit is withdrawn."),
    )


@staff(*roles.MONEY)
def discount_new(request: ViewerRequest, organization_id: str) -> HttpResponse:
    organization = get_organization(organization_id)
    rows = keys.subscriptions(organization)
    form = DiscountForm(request.POST or None, user=request.viewer.person, subscriptions=rows)

    def save() -> HttpResponse:
        give_discount(actor=request.viewer.actor, organization=organization, **form.values)
        messages.success(request, _("The discount is given."))
        return redirect(_url(organization))

    page = FormPage(
        title=_("Discount for %(organization)s") % {"organization": organization},
        verb=_("Give discount"),
        back_url=_url(organization),
        intro=_("Taken off each billing period as a whole, before tax."),
    )
    return form_page(request, form, page, save)


@staff(*roles.MONEY)
def discount_end(request: ViewerRequest, discount_id: str) -> HttpResponse:
    discount = get_discount(discount_id)
    question = Question(
        title=_("End the discount “%(discount)s”?") % {"discount": discount.name},
        consequence=_("The running billing period no longer gets it."),
        verb=_("End"),
        back_url=_url(discount.organization),
    )
    return confirm_page(
        request,
        question,
        lambda: end_discount(actor=request.viewer.actor, discount=discount),
        _("The discount has ended."),
    )
