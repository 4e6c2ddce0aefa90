"""Billing periods in words: as days of the zone whose midnights they begin and end at."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apim.ui.formatting import absolute, day

if TYPE_CHECKING:
    from apim.core.clock import Period

ONE_SECOND = timedelta(seconds=1)


def period_days(period: Period, zone: str) -> str:
    """“1 Nov 2026 to 30 Nov 2026”, both days included; instants where an edge is no midnight."""
    start, end = (at.astimezone(ZoneInfo(zone)) for at in (period.start, period.end))
    # In the few zones off the hour a period begins with the first whole hour of its day.
    if start.hour or end.hour:
        words = {"start": absolute(period.start), "end": absolute(period.end)}
    else:
        words = {"start": day(start.date()), "end": day((end - ONE_SECOND).date())}
    return _("%(start)s to %(end)s") % words
