"""Usage as billing reads it: exact sums between any two whole hours, from the rollups.

Whole UTC days come from the day rollups, the hours at a period's edges from the hour rollups.
Those are kept for 90 days: an older edge counts from the next UTC midnight, which moves the calls
of a few hours to the neighbouring period but counts none twice and loses none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

from analytics.aggregation import DAY, HOUR, HOURS_KEPT
from analytics.query import STEPS, floor
from apim.core import clock

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from apim.core.clock import Period

ONE_DAY = STEPS["day"]


@dataclass(frozen=True, slots=True)
class UsageSum:
    """One subscription's live calls on one plan with one status; units in millionths.

    The plan is the one that applied to the calls, so a change of plan splits the subscription.
    """

    subscription_id: int
    plan_id: int
    status: int
    calls: int
    billable: int
    denied: int
    size_bytes: int
    units_micro: int
    overage: int


@dataclass(frozen=True, slots=True)
class _Window:
    """Hours up to `days_start`, days up to `days_end`, hours from there."""

    start: datetime
    days_start: datetime
    days_end: datetime
    end: datetime

    @property
    def params(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "days_start": self.days_start,
            "days_end": self.days_end,
            "end": self.end,
        }


_COLUMNS = (
    "a.subscription_id, a.plan_id, a.key_id, r.status, r.calls, r.billable, r.denied,"
    " r.request_bytes, r.response_bytes, r.units_micro, r.overage"
)
# Days of the middle and hours of the edges; a period within one day has only hours.
_ROWS = f"""
    SELECT {{columns}} FROM {DAY.name} r
    JOIN analytics_attribution a ON a.id = r.attribution_id
    WHERE r.bucket >= %(days_start)s AND r.bucket < %(days_end)s
      AND a.environment = 'live' AND a.plan_id IS NOT NULL AND {{condition}}
    UNION ALL
    SELECT {{columns}} FROM {HOUR.name} r
    JOIN analytics_attribution a ON a.id = r.attribution_id
    WHERE ((r.bucket >= %(start)s AND r.bucket < least(%(days_start)s, %(end)s))
           OR (r.bucket >= greatest(%(days_end)s, %(days_start)s) AND r.bucket < %(end)s))
      AND a.environment = 'live' AND a.plan_id IS NOT NULL AND {{condition}}
"""  # noqa: S608 - names of tables


def has_exact_edges(period: Period) -> bool:
    """Whether the hours at both ends are still kept, or not needed."""
    return _edge(period.start) == period.start and _edge(period.end) == period.end


def usage_between(period: Period, subscription_ids: Collection[int] | None) -> tuple[UsageSum, ...]:
    """Sums per subscription, plan and status; None asks for all subscriptions."""
    window = _window(period)
    if window is None:
        return ()
    condition, params = _condition(subscription_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT subscription_id, plan_id, status, sum(calls)::bigint, sum(billable)::bigint,
                   sum(denied)::bigint, sum(request_bytes + response_bytes)::bigint,
                   sum(units_micro)::bigint, sum(overage)::bigint
            FROM ({_ROWS.format(columns=_COLUMNS, condition=condition)}) AS rows
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            """,  # noqa: S608
            {**window.params, **params},
        )
        return tuple(UsageSum(*row) for row in cursor.fetchall())


def called_between(period: Period) -> list[int]:
    """Subscriptions that were called on a UTC day that lies in the period or touches it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT a.subscription_id FROM analytics_attribution a"  # noqa: S608
            f" JOIN {DAY.name} r ON a.id = r.attribution_id"
            " WHERE a.subscription_id IS NOT NULL AND r.bucket >= %s AND r.bucket < %s",
            [floor(period.start, ONE_DAY), period.end],
        )
        return [pk for (pk,) in cursor.fetchall()]


def keys_between(
    period: Period, subscription_ids: Collection[int] | None
) -> dict[tuple[int, int], int]:
    """How many different keys had a billable call, by subscription and plan."""
    return _counted("count(DISTINCT key_id) FILTER (WHERE billable > 0)", period, subscription_ids)


def peak_between(
    period: Period, subscription_ids: Collection[int] | None
) -> dict[tuple[int, int], int]:
    """Billable calls of the busiest hour, by subscription and plan; of the hours that are kept."""
    condition, params = _condition(subscription_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT subscription_id, plan_id, max(calls) FROM (
                SELECT a.subscription_id, a.plan_id, r.bucket, sum(r.billable)::bigint AS calls
                FROM {HOUR.name} r JOIN analytics_attribution a ON a.id = r.attribution_id
                WHERE r.bucket >= %(start)s AND r.bucket < %(end)s
                  AND a.environment = 'live' AND a.plan_id IS NOT NULL AND {condition}
                GROUP BY 1, 2, 3
            ) AS hours GROUP BY 1, 2
            """,  # noqa: S608
            {"start": period.start, "end": period.end, **params},
        )
        return {(subscription, plan): calls for subscription, plan, calls in cursor.fetchall()}


def _counted(
    measure: str, period: Period, subscription_ids: Collection[int] | None
) -> dict[tuple[int, int], int]:
    window = _window(period)
    if window is None:
        return {}
    condition, params = _condition(subscription_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT subscription_id, plan_id, {measure}"  # noqa: S608
            f" FROM ({_ROWS.format(columns=_COLUMNS, condition=condition)}) AS rows GROUP BY 1, 2",
            {**window.params, **params},
        )
        return {(subscription, plan): count for subscription, plan, count in cursor.fetchall()}


def _condition(subscription_ids: Collection[int] | None) -> tuple[str, dict[str, Any]]:
    if subscription_ids is None:
        return "a.subscription_id IS NOT NULL", {}
    return "a.subscription_id = ANY(%(ids)s)", {"ids": list(subscription_ids)}


def _edge(instant: datetime) -> datetime:
    """The instant itself while its hour is kept, else the next UTC midnight."""
    day = floor(instant, ONE_DAY)
    if day == instant or instant >= clock.now() - HOURS_KEPT + timedelta(hours=1):
        return instant
    return day + ONE_DAY


def _window(period: Period) -> _Window | None:
    start, end = _edge(period.start), _edge(period.end)
    if end <= start:
        return None
    first = floor(start, ONE_DAY)
    days_start = first if first == start else first + ONE_DAY
    return _Window(start, days_start, max(days_start, floor(end, ONE_DAY)), end)
