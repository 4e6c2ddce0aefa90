"""Usage of all organizations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from analytics.selectors import intake_health, usage_by, usage_series, usage_totals
from apim.accounts.policies import staff
from apim.core import clock
from apim.dashboard import roles
from apim.dashboard.charts import calls_chart
from apim.dashboard.usage_query import CUSTOM, FILTERS, UsageQuery
from apim.keys.models import ApiKey
from apim.ui.spreadsheets import csv_answer

if TYPE_CHECKING:
    from django.http import HttpResponse

    from analytics.reports import UsageRow
    from apim.accounts.viewers import ViewerRequest

DIMENSIONS = {
    "api": _("API"),
    "version": _("API version"),
    "operation": _("Operation"),
    "product": _("Product"),
    "plan": _("Plan"),
    "organization": _("Organization"),
    "application": _("Application"),
    "key": _("API key"),
    "status": _("Status"),
    "gateway": _("Gateway"),
    "method": _("Method"),
    "country": _("Country"),
    "client": _("Client"),
}


# What to look at next inside one row of a dimension.
DRILL = {
    "api": "operation",
    "version": "operation",
    "operation": "organization",
    "product": "plan",
    "plan": "organization",
    "organization": "application",
    "application": "key",
    "key": "operation",
    "status": "operation",
    "gateway": "api",
    "method": "operation",
    "country": "organization",
    "client": "organization",
}

PRESET_LABELS = {
    "1h": _("Last hour"),
    "24h": _("Last 24 hours"),
    "7d": _("Last 7 days"),
    "30d": _("Last 30 days"),
    "90d": _("Last 90 days"),
    CUSTOM: _("Custom days"),
}


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter as a removable label."""

    text: str
    name: str
    value: str
    without_url: str


def _active_filters(request: ViewerRequest, query: UsageQuery) -> list[ActiveFilter]:
    values = {name: (request.GET[name], str(obj)) for name, obj in query.chosen.items()}
    if query.status:
        values["status"] = (query.status, query.status)
    values |= {name: (word, word) for name, word in query.words.items()}
    return [
        ActiveFilter(f"{DIMENSIONS[name]}: {text}", name, value, _query(request, drop=name))
        for name, (value, text) in values.items()
    ]


def _query(request: ViewerRequest, *, drop: str) -> str:
    """The present query string without one parameter and without the page."""
    params = request.GET.copy()
    for name in (drop, "page"):
        params.pop(name, None)
    return f"?{params.urlencode()}"


def _drill(request: ViewerRequest, dimension: str) -> str:
    """The query that a row of the table narrows to; its id is to be appended."""
    params = request.GET.copy()
    for name in ("page", "by", dimension):
        params.pop(name, None)
    params["by"] = DRILL[dimension]
    return f"?{params.urlencode()}&{dimension}="


@staff(*roles.TRAFFIC)
def explorer(request: ViewerRequest) -> HttpResponse:
    query = UsageQuery.from_request(request)
    context = {
        "query": query,
        "totals": usage_totals(None, period=query.period, filters=query.filters),
        "chart": calls_chart(
            usage_series(
                None,
                period=query.period,
                bucket=query.bucket,
                group_by=query.group_by,
                filters=query.filters,
            )
        ),
        "rows": usage_by(
            None, period=query.period, dimension=query.dimension, filters=query.filters
        ),
        "dimensions": DIMENSIONS,
        "presets": PRESET_LABELS.items(),
        "environments": ApiKey.Environment.choices,
        "health": intake_health(),
        "can_filter": query.dimension in FILTERS,
        "drill": _drill(request, query.dimension),
        "active_filters": _active_filters(request, query),
        "last_day": query.period.end - clock.ONE_DAY,
        "preset_label": PRESET_LABELS[query.preset],
        "dimension_label": DIMENSIONS[query.dimension],
    }
    return render(request, "dashboard/usage/explorer.html", context)


def _cells(row: UsageRow) -> list[Any]:
    figures = [row.label, row.calls, row.errors, row.denied, row.billable, row.units]
    return [*figures, row.overage, row.unique_keys, row.request_bytes, row.response_bytes]


@staff(*roles.TRAFFIC)
def export(request: ViewerRequest) -> HttpResponse:
    """The explorer's table as CSV, with the same query parameters."""
    query = UsageQuery.from_request(request)
    rows = usage_by(None, period=query.period, dimension=query.dimension, filters=query.filters)
    header = ["from", "to", query.dimension, "calls", "errors", "denied", "billable"]
    header += ["units", "overage", "keys", "request_bytes", "response_bytes"]
    start, end = query.period.start.isoformat(), query.period.end.isoformat()
    cells = [[start, end, *_cells(row)] for row in rows]
    return csv_answer(f"usage-by-{query.dimension}.csv", [header, *cells])
