"""Finance's proof that what was rated, sent, invoiced and what Stripe holds are one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.core import clock
from apim.core.errors import DomainError
from apim.dashboard import roles
from apim.dashboard.pages import page_of
from apim.dashboard.views.finance import month_from
from billing.selectors.reconciliation import (
    closed_periods,
    events_healed,
    get_reconciliation,
    period_figures,
    reconciliations,
)
from billing.stripe.comparing import request_reconciliation

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest

SHOWN_RUNS = 10


@staff(*roles.MONEY)
def overview(request: ViewerRequest) -> HttpResponse:
    """The last runs, and every period that ended in a month: rated, sent, invoiced."""
    month = month_from(request)
    runs = reconciliations()[:SHOWN_RUNS]
    page = page_of(request, closed_periods(month))
    context = {
        "runs": runs,
        "latest": next((run for run in runs if run.finished_at), None),
        "healed": events_healed(),
        "period": month,
        "is_open": clock.now() in month,
        "previous": clock.month_of(month.start - clock.ONE_DAY),
        "following": clock.month_of(month.end),
        "page": page,
        "rows": period_figures(page.object_list),
    }
    return render(request, "dashboard/finance/reconciliation.html", context)


@staff(*roles.MONEY)
def run(request: ViewerRequest, run_id: str) -> HttpResponse:
    """One run and its differences."""
    found = get_reconciliation(run_id)
    rows = found.differences.select_related("organization", "invoice")
    context = {"run": found, "page": page_of(request, rows)}
    return render(request, "dashboard/finance/reconciliation_run.html", context)


@staff(*roles.MONEY)
def compare_now(request: ViewerRequest) -> HttpResponse:
    if request.method == "POST":
        try:
            request_reconciliation(actor=request.viewer.actor)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("The comparison runs; reload the page to see its result."))
    return redirect("dashboard:reconciliation")
