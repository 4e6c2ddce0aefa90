"""Subscriptions across organizations: approve, reject, suspend, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.db.models import Q
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.dashboard import roles
from apim.dashboard.forms.operations import DecisionForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page, page_of
from apim.keys import services
from apim.keys.models import Subscription
from apim.keys.selectors import get_subscription, subscriptions

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


@staff(*roles.CUSTOMERS)
def subscription_list(request: ViewerRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    search = request.GET.get("q", "").strip()
    rows = subscriptions(None)
    if state in Subscription.State.values:
        rows = rows.filter(state=state)
    if search:
        rows = rows.filter(
            Q(organization__name__icontains=search) | Q(application__name__icontains=search)
        )
    context = {
        "page": page_of(request, rows),
        "state": state,
        "search": search,
        "states": Subscription.State.choices,
    }
    return render(request, "dashboard/subscriptions/list.html", context)


def _back() -> str:
    return reverse("dashboard:subscriptions")


@staff(*roles.CUSTOMERS)
def approve(request: ViewerRequest, subscription_id: str) -> HttpResponse:
    subscription = get_subscription(None, subscription_id)
    question = Question(
        title=_("Approve %(application)s on %(plan)s?")
        % {"application": subscription.application, "plan": subscription.plan},
        consequence=_("Its keys may call %(product)s within a second; the organization is told.")
        % {"product": subscription.product},
        verb=_("Approve"),
        back_url=_back(),
        tone="accent",
    )
    return confirm_page(
        request,
        question,
        lambda: services.approve_subscription(
            actor=request.viewer.actor, subscription=subscription
        ),
        _("Approved."),
    )


@staff(*roles.CUSTOMERS)
def reject(request: ViewerRequest, subscription_id: str) -> HttpResponse:
    subscription = get_subscription(None, subscription_id)
    form = DecisionForm(request.POST or None)

    def save() -> HttpResponse:
        services.reject_subscription(
            actor=request.viewer.actor,
            subscription=subscription,
            note=form.cleaned_data["note"],
        )
        messages.success(request, _("Rejected."))
        return redirect(_back())

    page = FormPage(
        title=_("Reject %(application)s on %(plan)s")
        % {"application": subscription.application, "plan": subscription.plan},
        verb=_("Reject"),
        back_url=_back(),
    )
    return form_page(request, form, page, save)


@staff(*roles.CUSTOMERS)
def suspend(request: ViewerRequest, subscription_id: str) -> HttpResponse:
    subscription = get_subscription(None, subscription_id)
    question = Question(
        title=_("Suspend %(application)s on %(plan)s?")
        % {"application": subscription.application, "plan": subscription.plan},
        consequence=_("Calls of %(organization)s to %(product)s are refused within a second.")
        % {"organization": subscription.organization, "product": subscription.product},
        verb=_("Suspend"),
        back_url=_back(),
    )
    return confirm_page(
        request,
        question,
        lambda: services.suspend_subscription(
            actor=request.viewer.actor, subscription=subscription
        ),
        _("Suspended."),
    )


@staff(*roles.CUSTOMERS)
def resume(request: ViewerRequest, subscription_id: str) -> HttpResponse:
    subscription = get_subscription(None, subscription_id)
    question = Question(
        title=_("Resume %(application)s on %(plan)s?")
        % {"application": subscription.application, "plan": subscription.plan},
        consequence=_("Calls are served again within a second."),
        verb=_("Resume"),
        back_url=_back(),
        tone="accent",
    )
    return confirm_page(
        request,
        question,
        lambda: services.resume_subscription(actor=request.viewer.actor, subscription=subscription),
        _("Resumed."),
    )
