"""Calendar arithmetic of billing periods, in UTC as Stripe does it.

A period of months ends on the anchor's day, or on the month's last day when it has no such day:
anchored on 31 January it ends on 28 February and then on 31 March (docs.stripe.com, billing cycle).
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

SECONDS = {"day": 86_400, "week": 7 * 86_400}
MONTHS = {"month": 1, "year": 12}


def boundary(anchor: int, interval: str, count: int, steps: int) -> int:
    """Return the instant `steps` periods after the anchor (before it, if negative)."""
    if interval in SECONDS:
        return anchor + SECONDS[interval] * count * steps
    start = datetime.fromtimestamp(anchor, UTC)
    months = start.year * 12 + start.month - 1 + MONTHS[interval] * count * steps
    year, month = divmod(months, 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def next_boundary(anchor: int, interval: str, count: int, after: int) -> int:
    """Return the first boundary later than `after`."""
    length = SECONDS.get(interval, 2_629_746 * MONTHS.get(interval, 1)) * count
    steps = (after - anchor) // length - 2
    while (end := boundary(anchor, interval, count, steps)) <= after:
        steps += 1
    return end


def rfc3339(moment: int) -> str:
    text = (datetime.fromtimestamp(0, UTC) + timedelta(seconds=moment)).isoformat()
    return text.replace("+00:00", "Z") if "." in text else text.replace("+00:00", ".000Z")
