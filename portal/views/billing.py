"""Billing: what the open month costs so far, and what earlier months came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.views.decorators.http import require_GET

from apim.accounts.policies import member
from apim.core import clock
from apim.ui.spreadsheets import csv_answer
from billing.selectors import charge_rows, running_charges
from billing.selectors.charges import organization_month
from billing.selectors.invoices import customer_money, invoices_of, payment_state
from portal.periods import month_named, months_since
from portal.roles import PAYERS

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.core.clock import Period

SHOWN_INVOICES = 5


@member(*PAYERS)
@require_GET
def billing(request: ViewerRequest) -> HttpResponse:
    organization = request.viewer.current_organization
    period, context = _month(request)
    found = organization_month(organization, period)
    charges = found.charges
    context = {
        **context,
        "period": charges.period,
        "is_open": clock.now() in charges.period,
        "zone": organization.time_zone,
        "expected": found.expected,
        "payment": payment_state(organization),
        "money": customer_money(organization),
        "invoices": invoices_of(organization)[:SHOWN_INVOICES],
        "charges": charges,
        "total_calls": sum(charge.calls for charge in charges.charges),
        "charged_calls": sum(charge.charged_calls for charge in charges.charges),
    }
    return render(request, "portal/billing/billing.html", context)


@member(*PAYERS)
@require_GET
def export(request: ViewerRequest) -> HttpResponse:
    period, context = _month(request)
    charges = running_charges(request.viewer.current_organization, period)
    return csv_answer(f"charges-{context['month']}.csv", charge_rows(period, charges.charges))


def _month(request: ViewerRequest) -> tuple[Period, dict[str, Any]]:
    organization = request.viewer.current_organization
    earliest = organization.created_at
    period = month_named(request.GET.get("month", ""), earliest=earliest.date())
    return period, {
        "month": period.start.strftime("%Y-%m"),
        "months": [(at.strftime("%Y-%m"), at) for at in months_since(earliest)],
    }
