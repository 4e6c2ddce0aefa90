"""When a month turns at Stripe: at one instant of UTC, on one day of the month or its last one."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apim.core.clock import Period
    from billing.rating.periods import Schedule

LAST = 31
A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Cycle:
    """docs.stripe.com/billing/subscriptions/billing-cycle: day_of_month 31 is a month's last day."""

    day: int
    hour: int

    @classmethod
    def of(cls, schedule: Schedule, period: Period, *, within: timedelta) -> Cycle | None:
        """The cycle that turns where the schedule's periods end, give or take; None if none does."""
        end = period.end.astimezone(UTC)
        return next(
            (
                cycle
                for cycle in (cls(end.day, end.hour), cls(LAST, end.hour))
                if cycle.fits(schedule, period, within=within)
            ),
            None,
        )

    def fits(self, schedule: Schedule, period: Period, *, within: timedelta) -> bool:
        """Whether a year of our periods ends where the cycle turns, give or take."""
        for _ in range(A_YEAR):
            if abs(self.nearest(period.end) - period.end) > within:
                return False
            period = schedule.following(period)
        return True

    def nearest(self, instant: datetime) -> datetime:
        """The turn that is nearest to the instant."""
        month = instant.year * A_YEAR + instant.month - 1
        turns = [self._turn(*divmod(month + step, A_YEAR)) for step in (-1, 0, 1)]
        return min(turns, key=lambda turn: abs(turn - instant))

    def within(self, period: Period, at: datetime) -> datetime:
        """`at`, moved into the month of the cycle that stands for the period."""
        last = self.nearest(period.end) - timedelta(seconds=1)
        return min(max(at, self.nearest(period.start)), last)

    def _turn(self, year: int, month_index: int) -> datetime:
        month = month_index + 1
        day = min(self.day, calendar.monthrange(year, month)[1])
        return datetime(year, month, day, self.hour, tzinfo=UTC)
