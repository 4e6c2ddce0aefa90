"""Invoices of the organization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_GET

from apim.accounts.policies import member
from billing.selectors.evidence import evidence
from billing.selectors.invoices import get_invoice, invoice_view, invoices_of
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
@require_GET
def line(request: ViewerRequest, public_id: str) -> HttpResponse:
    """A rated line down to its calls; `?day=` lists the single calls of one day."""
    found = evidence(request.viewer.current_organization, public_id, day=request.GET.get("day", ""))
    return render(request, "portal/billing/line.html", {"found": found})
