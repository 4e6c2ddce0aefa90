"""The way to Stripe's pages and back: a payment method, and the paid plan that waited for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apim.accounts.policies import member
from apim.core.errors import DomainError
from apim.keys.models import Subscription
from billing.models import Checkout
from billing.selectors.checkouts import get_checkout
from billing.stripe.adapter import connect
from billing.stripe.checkouts import checkout_url, settle_checkout, settle_return, start_checkout
from billing.stripe.customers import currency_of, portal_url
from portal.offers import offers_of
from portal.roles import BUILDERS, PAYERS

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import Plan
    from apim.keys.models import Application

# Stripe puts the id there; docs.stripe.com/payments/checkout/custom-success-page
SESSION = "{CHECKOUT_SESSION_ID}"


@member(*PAYERS)
@require_POST
def payment_method(request: ViewerRequest) -> HttpResponse:
    """Stripe's page for a new payment method, or with `manage` its customer portal.

    A form must not lead to another site (form-action 'self'), so the answer is a page with a link.
    """
    organization = request.viewer.current_organization
    back = _inside(request, request.POST.get("next", ""))
    is_managing = "manage" in request.POST
    try:
        gateway = connect()
        if is_managing:
            url = portal_url(gateway, organization, return_url=request.build_absolute_uri(back))
        else:
            added = reverse("portal:payment-method-added")
            query = f"{urlencode({'next': back})}&session={SESSION}"
            url = checkout_url(
                gateway,
                organization,
                currency=currency_of(organization),
                return_url=_absolute(request, f"{added}?{query}"),
                cancel_url=request.build_absolute_uri(back),
            )
    except DomainError as error:
        messages.error(request, _("That did not work: %(reason)s") % {"reason": error.message})
        return redirect(back)
    context = {"url": url, "is_managing": is_managing}
    return render(request, "portal/billing/leave.html", context)


@member(*PAYERS)
@require_GET
def payment_method_added(request: ViewerRequest) -> HttpResponse:
    """Back from Stripe: take the method over now, without waiting for the webhook."""
    organization, session = request.viewer.current_organization, request.GET.get("session", "")
    try:
        settle_return(connect(), organization, session)
    except DomainError:
        messages.info(request, _("Stripe has not confirmed the payment method yet."))
    else:
        messages.success(request, _("The payment method is saved."))
    return redirect(_inside(request, request.GET.get("next", "")))


def begin_checkout(request: ViewerRequest, application: Application, plan: Plan) -> HttpResponse:
    """Lead to Stripe for the method that the plan needs. Raises DomainError."""
    to = reverse("portal:checkout", args=["CHECKOUT"]).replace("CHECKOUT", "{checkout}")
    started = start_checkout(
        connect(),
        actor=request.viewer.actor,
        application=application,
        plan=plan,
        return_url=_absolute(request, to),
        cancel_url=request.build_absolute_uri(reverse("portal:subscribe", args=[plan.public_id])),
    )
    return redirect("portal:checkout", started.public_id)


@member(*BUILDERS)
@require_GET
def checkout(request: ViewerRequest, public_id: str) -> HttpResponse:
    """Where a plan on its way stands; opening the page asks Stripe."""
    organization = request.viewer.current_organization
    found = get_checkout(organization, public_id)
    try:
        found = settle_checkout(connect(), found, actor=request.viewer.actor)
    except DomainError as error:
        messages.info(request, error.message)
    if found.state == Checkout.State.DONE and found.subscription is not None:
        return answer_subscribed(request, found.subscription)
    context = {"checkout": found, "offer": offers_of([found.plan], organization)[0]}
    return render(request, "portal/subscriptions/checkout.html", context)


def answer_subscribed(request: ViewerRequest, made: Subscription) -> HttpResponse:
    """Say what came of it, and go on to the first key."""
    application = made.application
    words = {"application": application.name, "plan": made.plan.name}
    if made.state == Subscription.State.PENDING:
        messages.info(request, _("%(application)s waits for approval on %(plan)s.") % words)
        return redirect("portal:application-subscriptions", application.public_id)
    messages.success(request, _("%(application)s is on %(plan)s now.") % words)
    if application.api_keys.exists():
        return redirect("portal:application-subscriptions", application.public_id)
    return redirect("portal:key-issue", application.public_id)


def _absolute(request: ViewerRequest, path: str) -> str:
    """As build_absolute_uri, which would encode the braces of a placeholder."""
    return f"{request.scheme}://{request.get_host()}{path}"


def _inside(request: ViewerRequest, path: str) -> str:
    """The path when it is one of ours, else the billing page."""
    is_ours = path.startswith("/") and url_has_allowed_host_and_scheme(
        path, allowed_hosts={request.get_host()}
    )
    return path if is_ours else reverse("portal:billing")
