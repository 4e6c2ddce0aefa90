"""Traffic whose names stand for nothing of ours, and the mapping that gives them meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from analytics import mappings
from analytics.labels import TARGETS, target_label
from analytics.models import ForeignMapping
from analytics.unmatched import nameless_calls, unmatched_names
from apim.accounts.policies import staff
from apim.core.errors import DomainError, NotFound
from apim.dashboard import roles
from apim.dashboard.forms.traffic import MappingForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page, page_of
from apim.gateway.models import Gateway
from apim.gateway.selectors import get_gateway

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


def _asked_gateway(request: ViewerRequest) -> Gateway | None:
    public_id = request.GET.get("gateway", "")
    found: Gateway | None = Gateway.objects.filter(public_id=public_id).first()
    return found


@staff(*roles.OPERATIONS)
def unmatched(request: ViewerRequest) -> HttpResponse:
    gateway = _asked_gateway(request)
    context = {
        "gateway": gateway,
        "gateways": Gateway.objects.all(),
        "page": page_of(request, unmatched_names(gateway)),
        "nameless": nameless_calls(gateway),
    }
    return render(request, "dashboard/gateways/unmatched.html", context)


@staff(*roles.OPERATIONS)
def accept(request: ViewerRequest) -> HttpResponse:
    """Take a suggestion with one click."""
    if request.method != "POST":
        return redirect("dashboard:unmatched")
    try:
        mapping = mappings.set_mapping(
            actor=request.viewer.actor,
            gateway=get_gateway(request.POST.get("gateway", "")),
            kind=request.POST.get("kind", ""),
            value=request.POST.get("value", ""),
            target=request.POST.get("target", ""),
        )
    except NotFound:
        raise
    except DomainError as error:
        reasons = [reason for field in error.fields.values() for reason in field]
        messages.error(request, " ".join(reasons) or error.message)
    else:
        messages.success(request, _done(mapping))
    return redirect("dashboard:unmatched")


def _done(mapping: ForeignMapping) -> str:
    return _("%(name)s stands for %(target)s now. Its calls follow in a moment.") % {
        "name": mapping.value,
        "target": target_label(mapping),
    }


@staff(*roles.OPERATIONS)
def mapping_list(request: ViewerRequest) -> HttpResponse:
    gateway = _asked_gateway(request)
    rows = ForeignMapping.objects.active().select_related("gateway", *TARGETS)
    if gateway is not None:
        rows = rows.filter(gateway=gateway)
    page = page_of(request, rows)
    context = {
        "gateway": gateway,
        "gateways": Gateway.objects.all(),
        "page": page,
        "rows": [(mapping, target_label(mapping)) for mapping in page],
    }
    return render(request, "dashboard/gateways/mappings.html", context)


def _mapping_form(
    request: ViewerRequest, page: FormPage, initial: dict[str, Any], *, is_fixed: bool
) -> HttpResponse:
    form = MappingForm(request.POST or None, initial=initial, is_fixed=is_fixed)

    def save() -> HttpResponse:
        values = form.cleaned_data | {"gateway": get_gateway(form.cleaned_data["gateway"])}
        mapping = mappings.set_mapping(actor=request.viewer.actor, **values)
        messages.success(request, _done(mapping))
        return redirect(page.back_url)

    return form_page(request, form, page, save)


@staff(*roles.OPERATIONS)
def mapping_new(request: ViewerRequest) -> HttpResponse:
    """The query may name the gateway, the kind, the name and what it stands for."""
    initial = {name: request.GET.get(name, "") for name in ("gateway", "kind", "value", "target")}
    page = FormPage(
        title=_("Map a name"),
        verb=_("Save"),
        back_url=reverse("dashboard:unmatched" if initial["value"] else "dashboard:mappings"),
        intro=_("Calls that this gateway reports under the name, stored ones too, count for it."),
    )
    return _mapping_form(request, page, initial, is_fixed=False)


def _get(mapping_id: str) -> ForeignMapping:
    rows = ForeignMapping.objects.active().select_related("gateway", *TARGETS)
    found: ForeignMapping | None = rows.filter(public_id=mapping_id).first()
    if found is None:
        raise NotFound
    return found


@staff(*roles.OPERATIONS)
def mapping_edit(request: ViewerRequest, mapping_id: str) -> HttpResponse:
    mapping = _get(mapping_id)
    initial = {
        "gateway": mapping.gateway.public_id,
        "kind": mapping.kind,
        "value": mapping.value,
        "target": mapping.target.public_id,
    }
    page = FormPage(
        title=_("Change what %(name)s stands for") % {"name": mapping.value},
        verb=_("Save"),
        back_url=reverse("dashboard:mappings"),
        intro=_("Calls that were counted for the former object move to the new one."),
    )
    return _mapping_form(request, page, initial, is_fixed=True)


@staff(*roles.OPERATIONS)
def mapping_remove(request: ViewerRequest, mapping_id: str) -> HttpResponse:
    mapping = _get(mapping_id)
    question = Question(
        title=_("Remove the mapping of %(name)s?") % {"name": mapping.value},
        consequence=_("Its calls belong to nobody again, and come back to the unmatched traffic."),
        verb=_("Remove"),
        back_url=reverse("dashboard:mappings"),
    )
    return confirm_page(
        request,
        question,
        lambda: mappings.remove_mapping(actor=request.viewer.actor, mapping=mapping),
        _("%(name)s stands for nothing any more.") % {"name": mapping.value},
    )
