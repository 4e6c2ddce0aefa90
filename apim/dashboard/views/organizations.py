"""Organizations: who they are, what they use, and the switch that stops them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from analytics.reports import UsageFilters
from analytics.selectors import usage_by, usage_series, usage_totals
from apim.accounts import selectors, services
from apim.accounts.models import Organization
from apim.accounts.policies import staff
from apim.core import clock
from apim.dashboard import roles
from apim.dashboard.charts import calls_chart
from apim.dashboard.key_rows import key_rows
from apim.dashboard.pages import Question, confirm_page, page_of
from apim.keys.selectors import applications, get_key, subscriptions
from apim.keys.services import revoke_key as revoke_api_key
from billing.selectors import running_charges

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


def _url(organization: Organization) -> str:
    return reverse("dashboard:organization", args=[organization.public_id])


@staff(*roles.ANY)
def organization_list(request: ViewerRequest) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    rows = selectors.organizations(search=search).order_by("name", "pk")
    context = {"page": page_of(request, rows), "search": search}
    return render(request, "dashboard/organizations/list.html", context)


@staff(*roles.ANY)
def detail(request: ViewerRequest, organization_id: str) -> HttpResponse:
    organization = selectors.get_organization(organization_id)
    period = clock.last_days(30)
    may_see_money = request.viewer.has_staff_role(*roles.MONEY)
    context = {
        "organization": organization,
        "memberships": organization.memberships.select_related("user"),
        "applications": applications(organization),
        "subscriptions": subscriptions(organization),
        "keys": key_rows(organization.api_keys.select_related("application").order_by("-id")[:50]),
        "totals": usage_totals(organization, period=period, filters=UsageFilters()),
        "chart": calls_chart(
            usage_series(
                organization, period=period, bucket="day", group_by="status", filters=UsageFilters()
            )
        ),
        "operations": usage_by(
            organization, period=period, dimension="operation", filters=UsageFilters()
        )[:10],
        "charges": running_charges(organization) if may_see_money else None,
        "may_act": request.viewer.has_staff_role(*roles.CUSTOMERS),
    }
    return render(request, "dashboard/organizations/detail.html", context)


@staff(*roles.CUSTOMERS)
def suspend(request: ViewerRequest, organization_id: str) -> HttpResponse:
    organization = selectors.get_organization(organization_id)
    calls = usage_totals(organization, period=clock.last_days(1), filters=UsageFilters()).calls
    question = Question(
        title=_("Suspend %(organization)s?") % {"organization": organization},
        consequence=_("All its keys stop working within a second. It made %(calls)d calls today.")
        % {"calls": calls},
        verb=_("Suspend"),
        back_url=_url(organization),
    )
    return confirm_page(
        request,
        question,
        lambda: services.set_organization_state(
            actor=request.viewer.actor,
            organization=organization,
            state=Organization.State.SUSPENDED,
        ),
        _("%(organization)s is suspended.") % {"organization": organization},
    )


@staff(*roles.CUSTOMERS)
def activate(request: ViewerRequest, organization_id: str) -> HttpResponse:
    organization = selectors.get_organization(organization_id)
    question = Question(
        title=_("Let %(organization)s call again?") % {"organization": organization},
        consequence=_("Its keys work again within a second."),
        verb=_("Activate"),
        back_url=_url(organization),
        tone="accent",
    )
    return confirm_page(
        request,
        question,
        lambda: services.set_organization_state(
            actor=request.viewer.actor,
            organization=organization,
            state=Organization.State.ACTIVE,
        ),
        _("%(organization)s is active.") % {"organization": organization},
    )


@staff(*roles.CUSTOMERS)
def revoke_key(request: ViewerRequest, key_id: str) -> HttpResponse:
    key = get_key(None, key_id)
    today = usage_totals(
        key.organization, period=clock.last_days(1), filters=UsageFilters(key=key.pk)
    )
    question = Question(
        title=_("Revoke key %(key)s?") % {"key": key},
        consequence=_("%(calls)d calls today came with this key. Such calls will start failing.")
        % {"calls": today.calls},
        verb=_("Revoke"),
        back_url=_url(key.organization),
    )
    return confirm_page(
        request,
        question,
        lambda: revoke_api_key(actor=request.viewer.actor, key=key),
        _("The key is revoked."),
    )
