"""What usage is worth: running charges, prices, invoices, and what Stripe told us."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.core import clock
from apim.dashboard import roles
from apim.dashboard.pages import page_of
from apim.ui.spreadsheets import csv_answer
from billing.models import Invoice
from billing.price_words import price_rows
from billing.selectors import all_prices, charge_rows, charges_overview
from billing.selectors.backlog import stripe_backlog
from billing.selectors.evidence import evidence
from billing.selectors.invoices import (
    all_invoices,
    get_invoice,
    get_stripe_event,
    invoice_view,
    stripe_events,
)
from billing.stripe.checks import run_checks
from billing.stripe.events import replay_event

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
    rows = charge_rows(period, charges_overview(period).charges)
    return csv_answer(f"charges-{period.start:%Y-%m}.csv", rows)


@staff(*roles.MONEY)
def prices(request: ViewerRequest) -> HttpResponse:
    page = page_of(request, all_prices())
    rows = [(version, price_rows(version, version.currency)) for version in page]
    context = {"page": page, "prices": rows, "now": clock.now()}
    return render(request, "dashboard/finance/prices.html", context)


@staff(*roles.MONEY)
def invoices(request: ViewerRequest) -> HttpResponse:
    search, status = request.GET.get("q", "").strip(), request.GET.get("status", "")
    states = [
        *((value, label) for value, label in Invoice.Status.choices if value),
        ("overdue", _("Overdue")),
        ("stuck", _("Not at Stripe")),
    ]
    status = status if status in dict(states) else ""
    rows = all_invoices(status=status, search=search)
    context = {"page": page_of(request, rows), "search": search, "status": status, "states": states}
    return render(request, "dashboard/finance/invoices.html", context)


@staff(*roles.MONEY)
def invoice(request: ViewerRequest, invoice_id: str) -> HttpResponse:
    found = get_invoice(None, invoice_id)
    context = {
        "view": invoice_view(found),
        "money_back": found.money_back.all(),
        "metered": found.metered_lines.select_related(
            "item__subscription__application", "item__component__version__plan__product"
        ),
    }
    return render(request, "dashboard/finance/invoice.html", context)


@staff(*roles.MONEY)
def line(request: ViewerRequest, line_id: str) -> HttpResponse:
    """A rated line down to its calls; `?day=` lists the single calls of one day."""
    found = evidence(None, line_id, day=request.GET.get("day", ""))
    return render(request, "dashboard/finance/line.html", {"found": found})


@staff(*roles.MONEY)
def webhooks(request: ViewerRequest) -> HttpResponse:
    """What Stripe told us, and what became of it."""
    search, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    state = state if state in {"waiting", "failed"} else ""
    rows = stripe_events(state=state, search=search)
    context = {"page": page_of(request, rows), "search": search, "state": state}
    return render(request, "dashboard/finance/webhooks.html", context)


@staff(*roles.MONEY)
def replay(request: ViewerRequest, event_id: str) -> HttpResponse:
    event = get_stripe_event(event_id)
    if request.method == "POST":
        replay_event(event=event, actor=request.viewer.actor)
        messages.success(request, _("It is handled again within a minute."))
    return redirect("dashboard:webhooks")


@staff(*roles.MONEY)
def configuration(request: ViewerRequest) -> HttpResponse:
    """Whether payments are set up, asked of Stripe itself, and what waits on its way there."""
    checks = run_checks()
    context = {
        "checks": checks,
        "failed": sum(not check.is_ok for check in checks),
        "backlog": stripe_backlog(),
    }
    return render(request, "dashboard/finance/configuration.html", context)
