"""Upgrade, downgrade, pause and cancel: what it costs is said before it is confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apim.accounts.policies import member
from apim.core.errors import DomainError, NotFound
from apim.keys import selectors, services
from apim.keys.models import Subscription
from apim.ui.formatting import absolute
from apim.ui.forms import add_domain_error
from billing.errors import PaymentMethodNeeded
from billing.selectors.methods import needs_payment_method
from billing.selectors.outlook import explained_change, get_planned_change
from billing.services import change_now, plan_change, withdraw_change
from billing.stripe.taxes import with_taxes
from portal.answers import form_page
from portal.forms import ChangePlanForm, WhenForm
from portal.offers import offers_of
from portal.roles import BUILDERS

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.audit.actors import Actor
    from billing.selectors.outlook import ExplainedChange

PLAN, CANCEL, PAUSE, RESUME = "plan", "cancel", "pause", "resume"
State = Subscription.State
PAUSED = Subscription.Hold.DEVELOPER


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def change(request: ViewerRequest, public_id: str) -> HttpResponse:
    """Choose (GET), see what it costs (GET with a plan), confirm (POST)."""
    found = selectors.get_subscription(request.viewer.current_organization, public_id)
    if found.state not in {State.ACTIVE, State.PENDING}:
        raise NotFound
    plans = [p for p in found.product.plans.filter(state="published") if p.pk != found.plan_id]
    asked = request.GET if "plan" in request.GET else None
    form = ChangePlanForm(request.POST if request.method == "POST" else asked, plans=plans)
    preview, needs_method = None, False
    if form.is_bound and form.is_valid():
        if request.method == "POST":
            try:
                return _changed(request, found, form)
            except PaymentMethodNeeded as error:
                needs_method = True
                add_domain_error(form, error)
            except DomainError as error:
                add_domain_error(form, error)
        elif found.state == State.ACTIVE:
            preview = _stated(found, PLAN, plan=form.chosen, is_now=form.is_now)
            needs_method = needs_payment_method(found.organization, form.chosen)
    context = {
        "subscription": found,
        "current": offers_of([found.plan], found.organization)[0],
        "offers": offers_of(plans, found.organization),
        "preview": preview,
        "chosen": form.chosen if preview else None,
        "needs_method": needs_method,
    }
    return form_page(request, "portal/subscriptions/change.html", form, context)


def _changed(request: ViewerRequest, found: Subscription, form: ChangePlanForm) -> HttpResponse:
    actor, plan = request.viewer.actor, form.chosen
    if found.state == State.PENDING:
        services.change_plan(actor=actor, subscription=found, plan=plan)
    elif form.is_now:
        stated_at = form.cleaned_data["stated_at"]
        change_now(actor=actor, subscription=found, kind=PLAN, plan=plan, stated_at=stated_at)
    else:
        planned = plan_change(actor=actor, subscription=found, kind=PLAN, plan=plan)
        words = {"plan": plan.name, "at": absolute(planned.due_at)}
        messages.success(request, _("The plan will be %(plan)s from %(at)s on.") % words)
        return redirect("portal:subscription", found.public_id)
    messages.success(request, _("The plan is %(plan)s now.") % {"plan": plan.name})
    return redirect(_page_of(found))


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def cancel(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = selectors.get_subscription(request.viewer.current_organization, public_id)
    if request.method == "POST":
        form = WhenForm(request.POST)
        if form.is_valid():
            return _cancelled(request, found, form)
    can_wait = found.state in {State.ACTIVE, State.SUSPENDED}
    context = {
        "subscription": found,
        "now": _stated(found, CANCEL) if can_wait else None,
        "end": _stated(found, CANCEL, is_now=False) if can_wait else None,
    }
    return render(request, "portal/subscriptions/cancel.html", context)


def _cancelled(request: ViewerRequest, found: Subscription, form: WhenForm) -> HttpResponse:
    actor: Actor = request.viewer.actor
    if form.is_now:
        stated_at = form.cleaned_data["stated_at"]
        change_now(actor=actor, subscription=found, kind=CANCEL, stated_at=stated_at)
        messages.success(request, _("%(name)s is cancelled.") % {"name": found})
        return redirect(_page_of(found))
    planned = plan_change(actor=actor, subscription=found, kind=CANCEL)
    words = {"name": found, "at": absolute(planned.due_at)}
    messages.success(request, _("%(name)s ends on %(at)s.") % words)
    return redirect("portal:subscription", found.public_id)


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def pause(request: ViewerRequest, public_id: str) -> HttpResponse:
    """No calls and no fees for a while: now, or from the end of the period on."""
    found = selectors.get_subscription(request.viewer.current_organization, public_id)
    if found.state != State.ACTIVE:
        raise NotFound
    form = WhenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return _paused(request, found, form)
    context = {
        "subscription": found,
        "now": _stated(found, PAUSE),
        "end": _stated(found, PAUSE, is_now=False),
    }
    return form_page(request, "portal/subscriptions/pause.html", form, context)


def _paused(request: ViewerRequest, found: Subscription, form: WhenForm) -> HttpResponse:
    actor: Actor = request.viewer.actor
    if form.is_now:
        stated_at = form.cleaned_data["stated_at"]
        change_now(actor=actor, subscription=found, kind=PAUSE, stated_at=stated_at)
        messages.success(request, _("%(name)s is paused.") % {"name": found})
    else:
        planned = plan_change(actor=actor, subscription=found, kind=PAUSE)
        words = {"name": found, "at": absolute(planned.due_at)}
        messages.success(request, _("%(name)s pauses on %(at)s.") % words)
    return redirect("portal:subscription", found.public_id)


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def resume(request: ViewerRequest, public_id: str) -> HttpResponse:
    """End the organization's own pause."""
    found = selectors.get_subscription(request.viewer.current_organization, public_id)
    if PAUSED not in found.reasons:
        raise NotFound
    form = WhenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        change_now(
            actor=request.viewer.actor,
            subscription=found,
            kind=RESUME,
            stated_at=form.cleaned_data["stated_at"],
        )
        messages.success(request, _("The pause of %(name)s is over.") % {"name": found})
        return redirect("portal:subscription", found.public_id)
    context = {"subscription": found, "now": _stated(found, RESUME)}
    return form_page(request, "portal/subscriptions/resume.html", form, context)


@member(*BUILDERS)
@require_POST
def withdraw(request: ViewerRequest, public_id: str) -> HttpResponse:
    """Leave the subscription as it is."""
    found = selectors.get_subscription(request.viewer.current_organization, public_id)
    withdraw_change(actor=request.viewer.actor, change=get_planned_change(found))
    messages.success(request, _("Nothing will change: the planned change is withdrawn."))
    return redirect("portal:subscription", found.public_id)


def _stated(found: Subscription, kind: str, **change: Any) -> ExplainedChange:
    """What it costs, with tax where Stripe Tax says it."""
    return with_taxes(explained_change(found, kind, **change), found.organization_id)


def _page_of(found: Subscription) -> str:
    return reverse("portal:application-subscriptions", args=[found.application.public_id])
