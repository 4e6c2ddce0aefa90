"""Subscriptions: an application goes on a plan; what it has there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from apim.accounts.policies import member
from apim.core.errors import DomainError
from apim.keys import selectors
from apim.keys.models import Application, Subscription
from apim.keys.services import create_application
from apim.ui.forms import add_domain_error
from billing.errors import PaymentMethodNeeded
from billing.selectors.methods import needs_payment_method
from billing.selectors.outlook import outlook
from billing.services import subscribe
from portal.answers import form_page
from portal.forms import SubscribeForm
from portal.limits import limit_rows
from portal.offers import get_offer
from portal.roles import BUILDERS, PAYERS
from portal.views.payments import answer_subscribed, begin_checkout

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.models import Organization
    from apim.accounts.viewers import ViewerRequest
    from apim.audit.actors import Actor
    from apim.catalog.models import Plan


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def create(request: ViewerRequest, public_id: str) -> HttpResponse:
    """Choose an application for the plan and confirm."""
    organization = request.viewer.current_organization
    offer = get_offer(public_id, organization)
    choices = _without_product(organization, offer.plan)
    chosen = request.GET.get("application", "")
    initial = {"application": chosen} if any(a.public_id == chosen for a in choices) else {}
    form = SubscribeForm(request.POST or None, applications=choices, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            return _begin(request, form, offer.plan)
        except DomainError as error:
            add_domain_error(form, error)
    taken = [a for a in selectors.applications(organization) if a not in choices]
    context = {"offer": offer, "taken": taken, "has_choices": bool(choices)}
    context["needs_method"] = needs_payment_method(organization, offer.plan)
    return form_page(request, "portal/subscriptions/create.html", form, context)


def _application(actor: Actor, organization: Organization, form: SubscribeForm) -> Application:
    """The chosen one, or a new one."""
    if form.chosen is not None:
        return form.chosen
    return create_application(
        actor=actor, organization=organization, name=form.cleaned_data["name"]
    )


def _begin(request: ViewerRequest, form: SubscribeForm, plan: Plan) -> HttpResponse:
    """Subscribe, or lead to the payment method that the plan needs first. Raises DomainError."""
    viewer = request.viewer
    organization = viewer.current_organization
    if not needs_payment_method(organization, plan):
        return answer_subscribed(request, _subscribe(viewer.actor, organization, form, plan))
    if not viewer.has_role(*PAYERS):
        raise PaymentMethodNeeded(
            _("This plan needs a payment method: ask an owner of the organization to add one.")
        )
    return begin_checkout(request, _application(viewer.actor, organization, form), plan)


@transaction.atomic
def _subscribe(
    actor: Actor, organization: Organization, form: SubscribeForm, plan: Plan
) -> Subscription:
    """A refused subscription takes the new application back with it."""
    application = _application(actor, organization, form)
    return subscribe(actor=actor, application=application, plan=plan)


def _without_product(organization: Organization, plan: Plan) -> list[Application]:
    """The active applications that may still subscribe to the plan's product."""
    active = selectors.applications(organization).filter(state=Application.State.ACTIVE)
    subscribed = Subscription.objects.filter(
        organization=organization, product_id=plan.product_id, state__in=Subscription.OPEN
    )
    return list(active.exclude(pk__in=subscribed.values("application_id")))


@member()
@require_GET
def subscription(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = selectors.get_subscription(request.viewer.current_organization, public_id)
    row = limit_rows([found])[0]
    context = {
        "subscription": found,
        "row": row,
        "offer": row.offer,
        "outlook": outlook(found),
    }
    return render(request, "portal/subscriptions/subscription.html", context)
