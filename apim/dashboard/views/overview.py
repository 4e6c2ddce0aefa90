"""The first page: traffic, what waits for somebody, and whether the gateways keep up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.shortcuts import render

from analytics.reports import UsageFilters
from analytics.selectors import usage_by, usage_series, usage_totals
from apim.accounts.policies import staff
from apim.catalog.models import ApiVersion, Plan, Product
from apim.core import clock
from apim.dashboard import roles
from apim.dashboard.charts import calls_chart
from apim.gateway.selectors import gateway_statuses
from apim.keys.selectors import pending_subscriptions
from apim.outbox.models import OutboxEntry
from billing.selectors import charges_overview

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.gateway.selectors import GatewayStatus

DAYS = 14


@staff(*roles.ANY)
def overview(request: ViewerRequest) -> HttpResponse:
    """What each staff role may not open, it does not see here either."""
    period = clock.last_days(DAYS)
    filters = UsageFilters()
    may_see = {
        "catalog": request.viewer.has_staff_role(*roles.CATALOG),
        "customers": request.viewer.has_staff_role(*roles.CUSTOMERS),
        "operations": request.viewer.has_staff_role(*roles.OPERATIONS),
    }
    gateways = gateway_statuses()
    context = {
        "totals": usage_totals(None, period=period, filters=filters),
        "chart": calls_chart(
            usage_series(None, period=period, bucket="day", group_by="status", filters=filters)
        ),
        "apis": usage_by(None, period=period, dimension="api", filters=filters, limit=5),
        "organizations": usage_by(
            None, period=period, dimension="organization", filters=filters, limit=5
        ),
        "days": DAYS,
        "may_see": may_see,
        "waiting": pending_subscriptions()[:5] if may_see["customers"] else [],
        "drafts": _drafts() if may_see["catalog"] else [],
        "gateways": gateways,
        # Whoever runs the gateways has other things to look at first.
        "charges": None if may_see["operations"] else charges_overview(),
        "first_steps": _first_steps(gateways) if may_see["catalog"] else None,
        "stuck": _stuck() if may_see["operations"] else 0,
    }
    return render(request, "dashboard/overview.html", context)


def _drafts() -> QuerySet[ApiVersion]:
    return ApiVersion.objects.filter(state=ApiVersion.State.DRAFT).select_related("api")[:5]


def _stuck() -> int:
    """Deliveries that have failed more than once."""
    return OutboxEntry.objects.filter(delivered_at__isnull=True, attempts__gt=1).count()


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What an empty installation still lacks before a call can pass; True is done."""

    has_api: bool
    has_plan: bool
    has_gateway: bool

    @property
    def current(self) -> str:
        """The first thing that is missing."""
        if not self.has_api:
            return "api"
        return "plan" if not self.has_plan else "gateway"


def _first_steps(gateways: tuple[GatewayStatus, ...]) -> FirstSteps | None:
    """None once everything is there."""
    steps = FirstSteps(
        has_api=ApiVersion.objects.filter(state__in=ApiVersion.CALLABLE).exists(),
        has_plan=Plan.objects.filter(
            state=Plan.State.PUBLISHED, product__state=Product.State.PUBLISHED
        ).exists(),
        has_gateway=any(status.contact == "online" for status in gateways),
    )
    is_complete = steps.has_api and steps.has_plan and steps.has_gateway
    return None if is_complete else steps
