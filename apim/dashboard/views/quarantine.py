"""Records that could not be counted: why, corrected by hand, taken in again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics import quarantine
from analytics.models import QuarantinedRecord
from apim.accounts.policies import staff
from apim.core.errors import DomainError, NotFound
from apim.dashboard import roles
from apim.dashboard.forms.traffic import CorrectionForm
from apim.dashboard.pages import FormPage, form_page, page_of
from apim.gateway.models import Gateway
from apim.gateway.selectors import get_gateway

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest

STATES = {
    "waiting": gettext_lazy("Waiting"),
    "counted": gettext_lazy("Counted since"),
    "all": gettext_lazy("All"),
}


def _with_gateways(rows: QuerySet[QuarantinedRecord]) -> QuerySet[QuarantinedRecord]:
    gateway = Gateway.objects.filter(pk=OuterRef("gateway_id"))
    return rows.annotate(
        gateway_name=Subquery(gateway.values("name")),
        gateway_public_id=Subquery(gateway.values("public_id")),
    )


@staff(*roles.OPERATIONS)
def record_list(request: ViewerRequest) -> HttpResponse:
    code, state = request.GET.get("code", ""), request.GET.get("state", "waiting")
    gateway = Gateway.objects.filter(public_id=request.GET.get("gateway", "")).first()
    rows = QuarantinedRecord.objects.order_by("-id")
    if state != "all":
        rows = rows.filter(replayed_at__isnull=state != "counted")
    if gateway is not None:
        rows = rows.filter(gateway_id=gateway.pk)
    reasons = rows.order_by("code").values_list("code").annotate(records=Count("pk"))
    if code:
        rows = rows.filter(code=code)
    context = {
        "page": page_of(request, _with_gateways(rows)),
        "code": code,
        "reasons": list(reasons),
        "state": state,
        "states": STATES,
        "gateway": gateway,
        "gateways": Gateway.objects.all(),
    }
    return render(request, "dashboard/usage/quarantine.html", context)


def _get(record_id: int) -> QuarantinedRecord:
    found = _with_gateways(QuarantinedRecord.objects.all()).filter(pk=record_id).first()
    if found is None:
        raise NotFound
    return found


def readable(raw: str) -> str:
    """A JSON record over several lines; anything else as it is."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else raw


@staff(*roles.OPERATIONS)
def record_detail(request: ViewerRequest, record_id: int) -> HttpResponse:
    """The record with its reason, to be corrected; saving it counts it as well."""
    record = _get(record_id)
    initial = {"raw": readable(record.raw), "format": record.format}
    form = CorrectionForm(request.POST or None, initial=initial)
    page = FormPage(
        title=_("Record %(number)s") % {"number": record.pk},
        verb=_("Save and count"),
        back_url=reverse("dashboard:quarantine"),
        template="dashboard/usage/quarantined_record.html",
    )

    def save() -> HttpResponse:
        quarantine.correct_record(
            actor=request.viewer.actor,
            record=record,
            raw=_on_one_line(form.cleaned_data["raw"]),
            dialect=form.cleaned_data["format"],
        )
        return _replay(request, record_id)

    return form_page(request, form, page, save, record=record, original=readable(record.original))


def _on_one_line(raw: str) -> str:
    """Dialects take a line for a record."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else raw


@staff(*roles.OPERATIONS)
def replay(request: ViewerRequest, record_id: int) -> HttpResponse:
    if request.method != "POST":
        return redirect("dashboard:quarantined-record", record_id)
    return _replay(request, record_id)


def _replay(request: ViewerRequest, record_id: int) -> HttpResponse:
    record = _get(record_id)
    try:
        receipt = quarantine.replay_record(actor=request.viewer.actor, record=record)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("dashboard:quarantine")
    if receipt.quarantined:
        record.refresh_from_db()
        messages.error(request, _("Still refused: %(reason)s") % {"reason": record.message})
        return redirect("dashboard:quarantined-record", record_id)
    known = _("The call had been counted before: it counts once.")
    messages.success(request, _("The record is counted.") if receipt.accepted else known)
    return redirect("dashboard:quarantine")


@staff(*roles.OPERATIONS)
def replay_all(request: ViewerRequest) -> HttpResponse:
    """Count all waiting records of one gateway, in the background."""
    if request.method != "POST":
        return redirect("dashboard:quarantine")
    count = quarantine.replay_all(
        actor=request.viewer.actor,
        gateway=get_gateway(request.POST.get("gateway", "")),
        code=request.POST.get("code", ""),
    )
    words = ngettext(
        "%(count)d record is tried again in the background.",
        "%(count)d records are tried again in the background.",
        count,
    )
    messages.success(request, words % {"count": count})
    return redirect("dashboard:quarantine")
