"""Usage hour by hour, as a payment provider is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from analytics.aggregation import HOUR
from analytics.metering import UsageSum

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from apim.core.clock import Period


def usage_by_hour(
    period: Period, subscription_ids: Collection[int] | None
) -> Iterator[tuple[datetime, UsageSum]]:
    """Sums per hour, subscription, plan and status, of hours that are kept; None asks for all.

    `period` begins and ends on whole hours, as billing periods do.
    """
    condition = "" if subscription_ids is None else "AND a.subscription_id = ANY(%(ids)s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.bucket, a.subscription_id, a.plan_id, r.status, sum(r.calls)::bigint,
                   sum(r.billable)::bigint, sum(r.denied)::bigint,
                   sum(r.request_bytes + r.response_bytes)::bigint, sum(r.units_micro)::bigint,
                   sum(r.overage)::bigint
            FROM {HOUR.name} r JOIN analytics_attribution a ON a.id = r.attribution_id
            WHERE r.bucket >= %(start)s AND r.bucket < %(end)s AND a.environment = 'live'
              AND a.plan_id IS NOT NULL AND a.subscription_id IS NOT NULL {condition}
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
            """,  # noqa: S608 - the name of a table
            {"start": period.start, "end": period.end, "ids": list(subscription_ids or ())},
        )
        for bucket, *values in cursor.fetchall():
            yield bucket, UsageSum(*values)
