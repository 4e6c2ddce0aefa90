"""Meters: what is counted, and how much of it lately."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.policies import staff
from apim.dashboard import roles
from apim.dashboard.forms.extras import MeterForm, MeterNameForm
from apim.dashboard.pages import FormPage, form_page
from billing.selectors.meters import LATELY_DAYS, get_meter, meter_rows
from billing.services import create_meter, rename_meter

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


@staff(*roles.PRICING)
def meter_list(request: ViewerRequest) -> HttpResponse:
    context = {"rows": meter_rows(), "days": LATELY_DAYS}
    return render(request, "dashboard/meters/list.html", context)


@staff(*roles.PRICING)
def meter_new(request: ViewerRequest) -> HttpResponse:
    form = MeterForm(request.POST or None)

    def save() -> HttpResponse:
        made = create_meter(actor=request.viewer.actor, **form.cleaned_data)
        messages.success(request, _("%(meter)s can be priced now.") % {"meter": made})
        return redirect("dashboard:meters")

    page = FormPage(
        title=_("New meter"),
        verb=_("Create meter"),
        back_url=reverse("dashboard:meters"),
        intro=_("Prices and add-ons count by it. What it counts cannot be changed later."),
    )
    return form_page(request, form, page, save)


@staff(*roles.PRICING)
def meter_edit(request: ViewerRequest, meter_id: str) -> HttpResponse:
    meter = get_meter(meter_id)
    initial = {"name": meter.name, "unit_name": meter.unit_name}
    form = MeterNameForm(request.POST or None, initial=initial)

    def save() -> HttpResponse:
        rename_meter(actor=request.viewer.actor, meter=meter, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("dashboard:meters")

    page = FormPage(
        title=_("Rename %(meter)s") % {"meter": meter},
        verb=_("Save"),
        back_url=reverse("dashboard:meters"),
        intro=_("What it counts stays as it is: prices and invoices rely on it."),
    )
    return form_page(request, form, page, save)
