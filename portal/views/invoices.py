"""Invoices of the organization, and how it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apim.accounts.policies import member
from apim.core.errors import DomainError
from billing.selectors.invoices import get_invoice, invoice_view, invoices_of
from billing.stripe.adapter import connect
from billing.stripe.customers import checkout_url, portal_url
from portal.answers import page_of
from portal.roles import PAYERS

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


@member(*PAYERS)
@require_GET
def invoices(request: ViewerRequest) -> HttpResponse:
    rows = invoices_of(request.viewer.current_organization)
    return render(request, "portal/billing/invoices.html", {"page": page_of(request, rows)})


@member(*PAYERS)
@require_GET
def invoice(request: ViewerRequest, public_id: str) -> HttpResponse:
    found = get_invoice(request.viewer.current_organization, public_id)
    return render(request, "portal/billing/invoice.html", {"view": invoice_view(found)})


@member(*PAYERS)
@require_POST
def payment_method(request: ViewerRequest) -> HttpResponse:
    """Stripe's page for a new payment method, or with `manage` its customer portal.

    A form must not lead to another site (form-action 'self'), so the answer is a page with a link.
    """
    organization = request.viewer.current_organization
    back = request.build_absolute_uri(reverse("portal:billing"))
    is_managing = "manage" in request.POST
    try:
        gateway = connect()
        url = (
            portal_url(gateway, organization, return_url=back)
            if is_managing
            else checkout_url(gateway, organization, success_url=back, cancel_url=back)
        )
    except DomainError as error:
        messages.error(request, _("That did not work: %(reason)s") % {"reason": error.message})
        return redirect("portal:billing")
    context = {"url": url, "is_managing": is_managing}
    return render(request, "portal/billing/leave.html", context)
