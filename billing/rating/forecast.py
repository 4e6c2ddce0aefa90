"""What a period will come to if usage goes on as it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from apim.core.periods import Period

# Less than a day says too little about a month; more than a week hides a change of pace.
RECENT_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Pace:
    """`quantity` units in the last `seconds` before now."""

    quantity: Decimal
    seconds: int


def at_period_end(used: Decimal, pace: Pace, *, now: datetime, period: Period) -> Decimal:
    """The quantity at the period's end: what is used, and the recent pace for the rest of it.

    Whole units, half up.
    """
    left = max(0, int((period.end - max(now, period.start)).total_seconds()))
    if not left or pace.seconds <= 0:
        return used
    # Whole numbers: a pace such as 1 in 3 seconds has no exact decimal.
    numerator, denominator = pace.quantity.as_integer_ratio()
    doubled, over = 2 * numerator * left, denominator * pace.seconds
    return used + (doubled + over) // (2 * over)
