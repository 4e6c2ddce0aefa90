"""What usage is worth: running charges by product and organization, and prices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.shortcuts import render

from apim.accounts.policies import staff
from apim.core import clock
from apim.dashboard import roles
from apim.dashboard.pages import page_of
from apim.ui.spreadsheets import csv_answer
from billing.selectors import all_prices, charge_rows, charges_overview

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.core.clock import Period


def month_from(request: ViewerRequest) -> Period:
    """The calendar month (UTC) that `?month=2026-11` names, else the present one."""
    try:
        chosen = datetime.strptime(request.GET.get("month", ""), "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        chosen = clock.now()
    return clock.month_of(min(chosen, clock.now()))


@staff(*roles.MONEY)
def revenue(request: ViewerRequest) -> HttpResponse:
    period = month_from(request)
    context = {
        "period": period,
        "is_open": clock.now() in period,
        "previous": clock.month_of(period.start - clock.ONE_DAY),
        "following": clock.month_of(period.end),
        "overview": charges_overview(period),
    }
    return render(request, "dashboard/finance/revenue.html", context)


@staff(*roles.MONEY)
def export(request: ViewerRequest) -> HttpResponse:
    """Every charge of the month as CSV; amounts in major units."""
    period = month_from(request)
    rows = charge_rows(charges_overview(period))
    return csv_answer(f"charges-{period.start:%Y-%m}.csv", rows)


@staff(*roles.MONEY)
def prices(request: ViewerRequest) -> HttpResponse:
    context = {"page": page_of(request, all_prices()), "now": clock.now()}
    return render(request, "dashboard/finance/prices.html", context)
