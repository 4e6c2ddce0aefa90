"""What a period will come to if usage goes on as it did."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from apim.core.periods import Period

# Less than a day says too little about a month; more than a week hides a change of pace.
RECENT_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Pace:
    """`quantity` units in the last `seconds` before now."""

    quantity: Decimal
    seconds: int


def at_period_end(used: Decimal, pace: Pace, *, now: datetime, period: Period) -> Decimal:
    """The quantity at the period's end: what is used, and the recent pace for the rest of it."""
    left = max(0, int((period.end - max(now, period.start)).total_seconds()))
    if not left or pace.seconds <= 0:
        return used
    more = (pace.quantity * left / pace.seconds).quantize(Decimal(1), ROUND_HALF_UP)
    return used + more
