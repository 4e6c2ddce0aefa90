"""A developer's home: what is left to the first answered call, and what needs attention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _

from analytics.reports import UsageFilters
from analytics.selectors import usage_series, usage_totals
from apim.catalog.models import ApiVersion
from apim.core import clock
from apim.core.clock import Period
from apim.keys import selectors as keys
from apim.keys.models import ApiKey, Subscription
from apim.ui.components.charts import Series
from billing.selectors import running_charges
from billing.selectors.invoices import unpaid_invoices
from portal.guides import all_guides
from portal.key_rows import EXPIRES_SOON
from portal.limits import limit_rows
from portal.periods import bucket_labels
from portal.roles import PAYERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.accounts.models import Organization
    from apim.accounts.viewers import Viewer
    from apim.keys.models import Application

CHART_DAYS = 14
# Refusals older than this are no news.
NEWS_DAYS = 14
# A first answered call is looked for this far back.
FIRST_CALL_DAYS = 90
LISTED = 5
# The next step is offered for the most subscribed of the first applications.
LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Progress:
    """The way to the first answered call; `url_…` lead to the next step."""

    has_application: bool
    has_subscription: bool
    is_pending: bool
    has_key: bool
    has_answer: bool
    application: Application | None

    @property
    def is_done(self) -> bool:
        return self.has_answer

    @property
    def current(self) -> str:
        """The first step that is still to do."""
        done = {
            "application": self.has_application,
            "subscription": self.has_subscription,
            "key": self.has_key,
            "call": self.has_answer,
        }
        return next((name for name, is_done in done.items() if not is_done), "")

    @property
    def call_url(self) -> str:
        if self.application is None:
            return reverse("portal:catalog")
        return reverse("portal:application", args=[self.application.public_id])

    @property
    def key_url(self) -> str:
        if self.application is None:
            return reverse("portal:application-create")
        return reverse("portal:key-issue", args=[self.application.public_id])


def home_context(viewer: Viewer) -> dict[str, Any]:
    organization = viewer.current_organization
    now = clock.now()
    month = Period(clock.month_of(now).start, now)
    last_month = clock.month_of(month.start - timedelta(days=1)).start
    same_span = Period(last_month, last_month + (now - month.start))
    before = usage_totals(organization, period=same_span, filters=UsageFilters())
    totals = usage_totals(organization, period=month, filters=UsageFilters())
    chart = Period(clock.last_days(CHART_DAYS).start, now)
    daily = usage_series(organization, period=chart, bucket="day", filters=UsageFilters())
    whole = daily.series[0]
    subscriptions = list(
        keys.subscriptions(organization).filter(state=Subscription.State.ACTIVE)[:LISTED]
    )
    progress = _progress(organization)
    return {
        "progress": progress,
        "month": month,
        "totals": totals,
        "calls_delta": _change(totals.calls, before.calls),
        "chart_series": [
            Series(
                label=_("Answered"),
                values=[c - e for c, e in zip(whole.calls, whole.errors, strict=True)],
            ),
            Series(label=_("Errors"), values=whole.errors, tone="danger"),
        ],
        "chart_labels": bucket_labels(daily.buckets, "day"),
        "chart_days": CHART_DAYS,
        "is_last_open": daily.is_last_open,
        "charges": running_charges(organization) if viewer.has_role(*PAYERS) else None,
        "unpaid": unpaid_invoices(organization),
        "limits": limit_rows(subscriptions),
        "expiring": _expiring(organization),
        "waiting": keys.subscriptions(organization).filter(state=Subscription.State.PENDING)[
            :LISTED
        ],
        "refused": keys.subscriptions(organization).filter(
            state=Subscription.State.REJECTED, ended_at__gt=now - timedelta(days=NEWS_DAYS)
        )[:LISTED],
        # Who has not called anything yet has nothing to move.
        "deprecated": _deprecated(organization) if progress.has_answer else (),
        "guides": all_guides()[:LISTED],
    }


def _change(now: int, before: int) -> float | None:
    """As a fraction; None when there is nothing to compare with."""
    return (now - before) / before if before else None


def _progress(organization: Organization) -> Progress:
    applications = keys.applications(organization)
    application = max(applications[:LOOKED_AT], key=_subscriptions_of, default=None)
    states = set(
        keys.subscriptions(organization)
        .filter(state__in=Subscription.OPEN)
        .values_list("state", flat=True)
    )
    now = clock.now()
    answered = usage_totals(
        organization,
        period=Period(now - timedelta(days=FIRST_CALL_DAYS), now),
        filters=UsageFilters(status_class=2),
    )
    return Progress(
        has_application=application is not None,
        has_subscription=Subscription.State.ACTIVE in states,
        is_pending=Subscription.State.PENDING in states,
        has_key=ApiKey.objects.for_organization(organization).usable(now).exists(),
        has_answer=answered.calls > 0,
        application=application,
    )


def _subscriptions_of(application: Application) -> int:
    count: int = getattr(application, "subscription_count", 0)
    return count


def _expiring(organization: Organization) -> Sequence[ApiKey]:
    """Usable keys that end soon, the soonest first; those in grace have a successor already."""
    now = clock.now()
    return list(
        keys.api_keys(organization)
        .usable(now)
        .filter(expires_at__lt=now + EXPIRES_SOON, successor__isnull=True)
        .order_by("expires_at")[:LISTED]
    )


def _deprecated(organization: Organization) -> Sequence[ApiVersion]:
    """Deprecated versions that the organization's applications may still be calling."""
    return list(
        ApiVersion.objects.filter(
            state=ApiVersion.State.DEPRECATED,
            products__subscriptions__organization=organization,
            products__subscriptions__state=Subscription.State.ACTIVE,
        )
        .select_related("api")
        .distinct()[:LISTED]
    )
