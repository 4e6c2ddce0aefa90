"""Add-ons of a subscription: what it holds, what it may add, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apim.accounts.policies import member
from apim.core.errors import DomainError, NotFound
from apim.keys import selectors
from billing.selectors.add_ons import get_held, held_add_ons, offered_add_ons
from billing.services import add_to_subscription, end_add_on
from billing.services.add_ons import MAX_QUANTITY
from portal.roles import BUILDERS

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.keys.models import Subscription


class PiecesForm(forms.Form):
    add_on = forms.CharField()
    quantity = forms.IntegerField(min_value=1, max_value=MAX_QUANTITY)


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def add_ons(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = selectors.get_subscription(request.viewer.current_organization, public_id)
    if request.method == "POST":
        return _added(request, found)
    context = {
        "subscription": found,
        "held": held_add_ons(found),
        "offered": offered_add_ons(found) if found.state == found.State.ACTIVE else [],
    }
    return render(request, "portal/add_ons/list.html", context)


def _added(request: ViewerRequest, found: Subscription) -> HttpResponse:
    form = PiecesForm(request.POST)
    offers = {add_on.public_id: add_on for add_on, _price in offered_add_ons(found)}
    if not form.is_valid():
        messages.error(request, _("How many? A whole number between 1 and a million."))
        return redirect("portal:subscription-add-ons", found.public_id)
    add_on = offers.get(form.cleaned_data["add_on"])
    if add_on is None:
        raise NotFound
    try:
        quantity = form.cleaned_data["quantity"]
        add_to_subscription(
            actor=request.viewer.actor, subscription=found, add_on=add_on, quantity=quantity
        )
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(add_on)s is added.") % {"add_on": add_on})
    return redirect("portal:subscription-add-ons", found.public_id)


@member(*BUILDERS)
@require_http_methods(["GET", "POST"])
def end(request: ViewerRequest, public_id: str) -> HttpResponse:
    """Ask (GET), then hold it no longer (POST)."""
    held = get_held(request.viewer.current_organization, public_id)
    if request.method != "POST":
        return render(request, "portal/add_ons/end.html", {"held": held})
    try:
        end_add_on(actor=request.viewer.actor, held=held)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(add_on)s has ended.") % {"add_on": held.add_on})
    return redirect("portal:subscription-add-ons", held.subscription.public_id)
