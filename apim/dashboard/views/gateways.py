"""Gateways: register, watch, rotate the token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from analytics.deliveries import deliveries
from analytics.models import QuarantinedRecord
from analytics.reports import UsageFilters
from analytics.selectors import usage_series, usage_totals
from analytics.unmatched import unmatched_names
from apim.accounts.policies import staff
from apim.core import clock
from apim.core.errors import TransientError
from apim.dashboard import roles
from apim.dashboard.charts import calls_chart
from apim.dashboard.forms.operations import GatewayForm
from apim.dashboard.pages import FormPage, Question, confirm_page, form_page
from apim.gateway import selectors, services
from apim.gateway.connecting import connection_of
from apim.gateway.lending import lending_report
from apim.gateway.models import Gateway
from apim.gateway.snapshots import rebuild_envoy_snapshot

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.gateway.lending import LendingReport
    from apim.gateway.services import RegisteredGateway


@staff(*roles.OPERATIONS)
def gateway_list(request: ViewerRequest) -> HttpResponse:
    delivered = deliveries()
    context = {
        "rows": [
            (status, delivered.get(status.gateway.pk)) for status in selectors.gateway_statuses()
        ],
        "unmatched": len(unmatched_names()),
        "waiting": QuarantinedRecord.objects.waiting().count(),
    }
    return render(request, "dashboard/gateways/list.html", context)


def _show_token(request: ViewerRequest, issued: RegisteredGateway) -> HttpResponse:
    """The answer that holds the token, once; nothing may store it."""
    connection = connection_of(issued.gateway, token=issued.token)
    context = {"issued": issued, "connection": connection}
    response = render(request, "dashboard/gateways/token.html", context)
    response["Cache-Control"] = "no-store"
    return response


@staff(*roles.OPERATIONS)
def gateway_new(request: ViewerRequest) -> HttpResponse:
    form = GatewayForm(request.POST or None)

    def save() -> HttpResponse:
        issued = services.register_gateway(actor=request.viewer.actor, **form.cleaned_data)
        return _show_token(request, issued)

    page = FormPage(
        title=_("Register a gateway"),
        verb=_("Register"),
        back_url=reverse("dashboard:gateways"),
        intro=_("It gets a token of its own, to fetch routes, ask about keys and push usage."),
    )
    return form_page(request, form, page, save)


def _pretty(resources: object) -> str:
    return json.dumps(resources, indent=2, sort_keys=True)


@staff(*roles.OPERATIONS)
def gateway_detail(request: ViewerRequest, gateway_id: str) -> HttpResponse:
    gateway = selectors.get_gateway(gateway_id)
    period = clock.last_days(7)
    filters = UsageFilters(gateway=gateway.pk)
    snapshot = selectors.current_snapshot()
    context = {
        "gateway": gateway,
        "connection": connection_of(gateway),
        "status": selectors.gateway_status(gateway),
        "snapshot": snapshot,
        "routes_text": _pretty(snapshot.routes if snapshot else []),
        "clusters_text": _pretty(snapshot.clusters if snapshot else []),
        "listeners_text": _pretty(snapshot.listeners if snapshot else []),
        "refusals": selectors.open_refusals()[:10],
        "lending": _lending(gateway),
        "delivery": deliveries(gateway.pk).get(gateway.pk),
        "unmatched": len(unmatched_names(gateway)),
        "waiting": QuarantinedRecord.objects.waiting().filter(gateway_id=gateway.pk).count(),
        "totals": usage_totals(None, period=period, filters=filters),
        "chart": calls_chart(
            usage_series(None, period=period, bucket="day", group_by="status", filters=filters)
        ),
    }
    return render(request, "dashboard/gateways/detail.html", context)


def _lending(gateway: Gateway) -> LendingReport | None:
    """None for gateways that ask about each call, and while nobody can tell."""
    if gateway.kind != Gateway.Kind.ENVOY:
        return None
    try:
        return lending_report()
    except TransientError:
        return None


@staff(*roles.OPERATIONS)
def rotate(request: ViewerRequest, gateway_id: str) -> HttpResponse:
    gateway = selectors.get_gateway(gateway_id)
    if request.method == "POST":
        return _show_token(
            request, services.rotate_gateway_token(actor=request.viewer.actor, gateway=gateway)
        )
    question = Question(
        title=_("Issue a new token for %(gateway)s?") % {"gateway": gateway},
        consequence=_(
            "The present token stops at once: the gateway gets no routes and its usage waits "
            "until it has the new one."
        ),
        verb=_("Issue token"),
        back_url=reverse("dashboard:gateway", args=[gateway.public_id]),
    )
    return render(request, "dashboard/confirm.html", {"question": question})


@staff(*roles.OPERATIONS)
def disable(request: ViewerRequest, gateway_id: str) -> HttpResponse:
    gateway = selectors.get_gateway(gateway_id)
    question = Question(
        title=_("Disable %(gateway)s?") % {"gateway": gateway},
        consequence=_("Its token is refused: it gets no routes and cannot push usage."),
        verb=_("Disable"),
        back_url=reverse("dashboard:gateway", args=[gateway.public_id]),
    )
    return confirm_page(
        request,
        question,
        lambda: services.disable_gateway(actor=request.viewer.actor, gateway=gateway),
        _("%(gateway)s is disabled.") % {"gateway": gateway},
    )


@staff(*roles.OPERATIONS)
def enable(request: ViewerRequest, gateway_id: str) -> HttpResponse:
    gateway = selectors.get_gateway(gateway_id)
    question = Question(
        title=_("Enable %(gateway)s?") % {"gateway": gateway},
        consequence=_("Its token is accepted again."),
        verb=_("Enable"),
        back_url=reverse("dashboard:gateway", args=[gateway.public_id]),
        tone="accent",
    )
    return confirm_page(
        request,
        question,
        lambda: services.enable_gateway(actor=request.viewer.actor, gateway=gateway),
        _("%(gateway)s is enabled.") % {"gateway": gateway},
    )


@staff(*roles.OPERATIONS)
def sync(request: ViewerRequest, gateway_id: str) -> HttpResponse:
    """Build the configuration again from the catalog; a no-op when nothing differs."""
    gateway = selectors.get_gateway(gateway_id)
    if request.method == "POST":
        rebuild_envoy_snapshot(reason=f"asked for by {request.viewer.actor.label}")
        messages.success(request, _("The configuration is up to date."))
    return redirect("dashboard:gateway", gateway.public_id)
