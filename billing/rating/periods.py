"""Billing periods: calendar or anniversary, in an organization's time zone.

Every boundary is a whole UTC hour, the bucket of the hourly rollups, so that usage splits exactly
at it: local midnight, or the first whole UTC hour after it in the few zones whose offset is no
whole number of hours.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from apim.core.periods import Period

HOUR = timedelta(hours=1)


class Cadence(StrEnum):
    """Whose beginning periods share: the calendar's, or the subscription's."""

    CALENDAR = "calendar"
    ANNIVERSARY = "anniversary"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How time is cut into periods of `months` (1, 3, 12) calendar months.

    Calendar periods begin on the first of January, or so many months later. Anniversary periods
    begin on `anchor`'s day of the month, or on the month's last day where it is shorter: anchored
    on the 31st they begin on 28 February and again on 31 March.
    """

    zone: str = "UTC"
    cadence: Cadence = Cadence.CALENDAR
    months: int = 1
    anchor: date = date(2000, 1, 1)

    def period_at(self, instant: datetime) -> Period:
        """The period around `instant`."""
        anchor = self._anchor
        local = instant.astimezone(ZoneInfo(self.zone)).date()
        index = _months_between(anchor, local) // self.months
        while self._start(index) > instant:
            index -= 1
        while self._start(index + 1) <= instant:
            index += 1
        return self._period(index)

    def period_starting_in(self, year: int, month: int) -> Period:
        """The period whose first day lies in that month of the local calendar.

        For periods longer than a month: the one around the month's first period start.
        """
        index = (year * 12 + month - self._anchor.year * 12 - self._anchor.month) // self.months
        return self._period(index)

    def following(self, period: Period) -> Period:
        return self.period_at(period.end)

    @property
    def _anchor(self) -> date:
        return self.anchor if self.cadence is Cadence.ANNIVERSARY else date(2000, 1, 1)

    def _period(self, index: int) -> Period:
        return Period(self._start(index), self._start(index + 1))

    def _start(self, index: int) -> datetime:
        return opening_of(_months_later(self._anchor, index * self.months), self.zone)


def opening_of(day: date, zone: str) -> datetime:
    """The first whole UTC hour of `day` in the zone, as a UTC instant.

    Where a clock change skips midnight, the day opens with the change; where it repeats midnight,
    with the first of the two.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    whole = midnight.replace(minute=0, second=0, microsecond=0)
    return whole if whole == midnight else whole + HOUR


def trial_end(started_at: datetime, trial_days: int, zone: str) -> datetime:
    """The end of the day that is `trial_days` days after the start: never less than promised."""
    first = started_at.astimezone(ZoneInfo(zone)).date()
    return opening_of(first + timedelta(days=trial_days + 1), zone)


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _months_later(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))
