"""Which organizations a close has to look at: most have nothing due most of the time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import F, Max, Q

from apim.keys.models import Subscription
from billing.models import BillingPeriod

if TYPE_CHECKING:
    from datetime import datetime

# No period is shorter than February, less the hour of a clock change and one of rounding.
SHORTEST = timedelta(days=28, hours=-2)


def organizations_to_close(before: datetime, *, corrected_since: datetime) -> list[int]:
    """Those of which a period may end by `before`, or that have one without its invoice, by id.

    Too many rather than too few: the periods themselves are computed by closing. What has ended and
    is closed to its end is looked at while its periods that ended after `corrected_since` may still
    be corrected.
    """
    closed_until = Max(
        "billing_periods__ends_at",
        filter=Q(billing_periods__state=BillingPeriod.State.CLOSED),
    )
    # Without a closed period it is new, or was never active.
    was_active = Q(activated_at__isnull=False) | Q(state=Subscription.State.ACTIVE)
    is_new = Q(closed_until=None) & was_active
    is_over = Q(ended_at__lte=F("closed_until"), closed_until__lt=corrected_since)
    may_end = Q(closed_until__lte=before - SHORTEST) & ~is_over
    rows = Subscription.objects.order_by().annotate(closed_until=closed_until)
    due = set(rows.filter(is_new | may_end).values_list("organization_id", flat=True))
    forgotten = BillingPeriod.objects.closed().filter(invoiced__isnull=True).exclude(total_minor=0)
    due |= set(forgotten.order_by().values_list("organization_id", flat=True))
    return sorted(due)
