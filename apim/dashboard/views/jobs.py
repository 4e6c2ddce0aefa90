"""Outbox deliveries: what waits, what failed, and another try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.dashboard import roles
from apim.dashboard.pages import page_of
from apim.outbox.models import OutboxEntry
from apim.outbox.services import deliver

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


@staff(*roles.OPERATIONS)
def job_list(request: ViewerRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    entries = OutboxEntry.objects.order_by("-id")
    if state == "waiting":
        entries = entries.filter(delivered_at__isnull=True)
    elif state == "failed":
        entries = entries.filter(delivered_at__isnull=True, attempts__gt=0)
    context = {"page": page_of(request, entries), "state": state}
    return render(request, "dashboard/jobs/list.html", context)


@staff(*roles.OPERATIONS)
def retry(request: ViewerRequest, entry_id: int) -> HttpResponse:
    if request.method == "POST":
        if deliver(entry_id=entry_id):
            messages.success(request, _("Delivered."))
        else:
            messages.error(request, _("It failed again; the reason is in the list."))
    return redirect("dashboard:jobs")
