"""Usage: the page, its live part, its export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apim.accounts.policies import member
from apim.keys.selectors import get_application
from apim.ui.spreadsheets import csv_answer
from portal.usage_pages import DIMENSIONS, UsageQuery, live_context, read_query, usage_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest

EXPORT_ROWS = 10_000


@member()
@require_GET
def usage(request: ViewerRequest) -> HttpResponse:
    context = usage_context(request, request.viewer.current_organization)
    return render(request, "portal/usage/usage.html", context)


@member()
@require_GET
@never_cache
def live(request: ViewerRequest) -> HttpResponse:
    """The part of the page that a poll replaces; `?of=` narrows it to one application's page."""
    query = _query(request)
    return render(request, "portal/usage/_live.html", live_context(query))


@member()
@require_GET
def export(request: ViewerRequest) -> HttpResponse:
    """`?table=` is time or a dimension; the filters are those of the page."""
    query = _query(request)
    table = request.GET.get("table", "time")
    rows = _by_dimension(query, table) if table in DIMENSIONS else _by_time(query)
    name = table if table in DIMENSIONS else "time"
    start = query.chosen.period.start.strftime("%Y-%m-%d")
    return csv_answer(f"usage-by-{name}-from-{start}.csv", rows)


def _query(request: ViewerRequest) -> UsageQuery:
    organization = request.viewer.current_organization
    of = request.GET.get("of", "")
    application = get_application(organization, of) if of else None
    return read_query(request, organization, application)


def _by_time(query: UsageQuery) -> Iterator[list[Any]]:
    """One row per bucket, zeroes included."""
    series = query.series()
    whole = series.series[0]
    yield ["start_utc", "bucket", "calls", "errors", "denied", "billable_calls"]
    for index, start in enumerate(series.buckets):
        yield [
            start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            series.bucket,
            whole.calls[index],
            whole.errors[index],
            whole.denied[index],
            whole.billable[index],
        ]


def _by_dimension(query: UsageQuery, dimension: str) -> Iterator[list[Any]]:
    yield [
        dimension,
        "id",
        "calls",
        "errors",
        "denied",
        "billable_calls",
        "p95_ms",
        "last_call_utc",
    ]
    for row in query.rows(dimension, EXPORT_ROWS):
        yield [
            row.label or _("Unknown"),
            row.key,
            row.calls,
            row.errors,
            row.denied,
            row.billable,
            "" if row.p95_ms is None else round(row.p95_ms, 1),
            row.last_at.strftime("%Y-%m-%dT%H:%M:%SZ") if row.last_at else "",
        ]
