"""What a rated line was computed from: the rollups by day, and the single calls while kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from analytics.calls import RawCall, raw_calls
from analytics.reports import UsageFilters
from analytics.selectors import usage_series
from apim.core.clock import Period
from apim.core.errors import NotFound
from apim.core.money import Money
from billing.models import RatedLine
from billing.period_words import period_days
from billing.price_words import line_reasons
from billing.selectors.invoices import zone_of
from billing.selectors.lines import frozen_line

if TYPE_CHECKING:
    from apim.accounts.models import Organization
    from billing.models import Invoice

SHOWN_CALLS = 100


@dataclass(frozen=True, slots=True)
class DayOfCalls:
    """A local day of the customer's, or what of it lies in the period; `billable` by the rollups."""

    day: date
    period: Period
    billable: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A frozen line with what the rollups say now.

    `billable` is the sum of `days`: calls of the line's plan in its period. It is more than was
    charged when calls arrived after the close; those are charged by a later correction.
    `calls`: of the chosen day, at most SHOWN_CALLS.
    """

    line: RatedLine
    amount: Money
    reasons: tuple[str, ...]
    invoice: Invoice | None
    period: Period
    zone: str
    days: tuple[DayOfCalls, ...]
    billable: int
    chosen: DayOfCalls | None
    calls: tuple[RawCall, ...]

    @property
    def period_days(self) -> str:
        return period_days(self.period, self.zone)

    @property
    def is_cut(self) -> bool:
        return len(self.calls) == SHOWN_CALLS


def evidence(organization: Organization | None, public_id: str, day: str = "") -> Evidence:
    """The line and what is behind it; `day` (ISO 8601) names whose single calls are listed.

    `organization` None: anybody's. Raises NotFound, also for a line that no usage is behind.
    """
    line = _line(organization, public_id)
    period = (line.origin or line.period).period
    subscription = line.period.subscription
    zone = zone_of(subscription)
    days = _days(line, period, zone)
    chosen = next((one for one in days if one.day.isoformat() == day), None)
    calls: tuple[RawCall, ...] = ()
    if chosen is not None:
        calls = raw_calls(
            subscription_id=subscription.pk,
            plan_id=line.plan_id,
            period=chosen.period,
            limit=SHOWN_CALLS,
            is_billable=True,
        )
    placed = getattr(line.period, "invoiced", None)
    return Evidence(
        line=line,
        amount=Money(line.amount_minor, line.currency),
        reasons=line_reasons(frozen_line(line)),
        invoice=placed.invoice if placed else None,
        period=period,
        zone=zone,
        days=days,
        billable=sum(one.billable for one in days),
        chosen=chosen,
        calls=calls,
    )


def _line(organization: Organization | None, public_id: str) -> RatedLine:
    rows = RatedLine.objects.filter(meter__isnull=False).select_related(
        "period__subscription__application",
        "period__subscription__product",
        "period__organization",
        "period__subscription__organization",
        "period__subscription__billing_terms",
        "period__invoiced__invoice",
        "origin",
        "plan",
        "meter",
        "version",
    )
    if organization is not None:
        rows = rows.filter(organization=organization)
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


def _days(line: RatedLine, period: Period, zone: str) -> tuple[DayOfCalls, ...]:
    """Billable calls by local day, from hours while they are kept, else from UTC days."""
    found = usage_series(
        line.period.organization,
        period=period,
        bucket="hour",
        filters=UsageFilters(
            subscription=line.period.subscription_id, plan=line.plan_id, environment="live"
        ),
    )
    whole = found.series[0]
    local = ZoneInfo(zone if found.bucket != "day" else "UTC")
    sums: dict[date, int] = defaultdict(int)
    for at, billable in zip(found.buckets, whole.billable, strict=True):
        if billable and at in period:
            sums[at.astimezone(local).date()] += billable
    return tuple(
        DayOfCalls(day, _within(day, local, period), billable)
        for day, billable in sorted(sums.items())
    )


def _within(day: date, zone: ZoneInfo, period: Period) -> Period:
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    tomorrow = day + timedelta(days=1)
    end = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
    return Period(max(start, period.start), min(end, period.end))
