"""Keys that were found in the open, of all organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.shortcuts import render

from apim.accounts.policies import staff
from apim.dashboard import roles
from apim.dashboard.pages import page_of
from apim.keys.models import LeakReport
from apim.keys.selectors import leak_reports

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


@staff(*roles.CUSTOMERS)
def leak_list(request: ViewerRequest) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    source = request.GET.get("source", "")
    rows = leak_reports(None)
    if search:
        rows = rows.filter(
            Q(organization__name__icontains=search)
            | Q(key__public_id=search)
            | Q(key__last4=search[-4:])
            | Q(url__icontains=search)
        )
    if source in LeakReport.Source.values:
        rows = rows.filter(source=source)
    context = {
        "page": page_of(request, rows),
        "search": search,
        "source": source,
        "sources": LeakReport.Source.choices,
    }
    return render(request, "dashboard/leaks/list.html", context)
