"""What a limit counts and when: names of counters, windows. No Django, no Redis here.

A counter's name begins `c:<public id of the organization, application or key>:<public id of the
product>:`, so that subscribing anew starts no new count. Behind it stand the window's length, for
group limits `@<group>`, and for windows the unix second in which the window began.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.gateway.grant_format import LimitGrant

logger = logging.getLogger(__name__)

# A month counts as 30 days in fixed and sliding windows, and in RateLimit-Policy.
WINDOW_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_592_000,
}
# Whose counters are asked first.
ORDER = ("organization", "application", "key")
# A sliding window is counted in so many parts; the oldest part counts until all of it has left.
SLIDING_PARTS = 100


class Owners(NamedTuple):
    """Public ids of those whose calls are added up, and the organization's time zone."""

    organization: str
    application: str
    key: str
    product: str
    zone: str = "UTC"


class Window(NamedTuple):
    """Unix seconds; `start` belongs to the window, `end` to the next one, which ends at `then`."""

    start: int
    end: int
    then: int


class Counted(NamedTuple):
    """A limit together with the counter that it is held against."""

    limit: LimitGrant
    name: str
    zone: str

    @property
    def length_seconds(self) -> int:
        """0 for concurrent limits."""
        return WINDOW_SECONDS.get(self.limit.window, 0) * self.limit.every

    def window(self, now: float) -> Window:
        """The calendar's or fixed window around `now`, unix seconds."""
        if self.limit.kind == "fixed":
            start = int(now) - int(now) % self.length_seconds
            return Window(start, start + self.length_seconds, start + 2 * self.length_seconds)
        return calendar_window(self.zone, self.limit.window, int(now))

    @property
    def part_milliseconds(self) -> int:
        """Length of the parts that a sliding window is counted in."""
        return max(1, self.length_seconds * 1000 // SLIDING_PARTS)


def counted(limits: Iterable[LimitGrant], owners: Owners) -> tuple[Counted, ...]:
    """Bind the limits to their counters, in the order of evaluation.

    Organization first, then application, then key; of one owner the shortest window first.
    """
    bound = [Counted(one, _name(one, owners), owners.zone) for one in limits]
    bound.sort(key=lambda one: (ORDER.index(one.limit.per), one.length_seconds))
    return tuple(bound)


def _name(limit: LimitGrant, owners: Owners) -> str:
    owner = owners[ORDER.index(limit.per)]
    what = limit.window
    if limit.kind == "concurrent":
        what = "concurrent"
    elif limit.kind != "calendar":
        what = f"{limit.kind}-{limit.every}-{limit.window}"
    group = f"@{limit.group}" if limit.group else ""
    return f"c:{owner}:{owners.product}:{what}{group}"


@lru_cache(maxsize=4096)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        logger.error("time zone %r is not known on this machine: its limits follow UTC", name)  # noqa: TRY400
        return ZoneInfo("UTC")


def calendar_window(zone: str, window: str, now: int) -> Window:
    """The calendar's second, minute, hour, day, week (Monday) or month in the time zone.

    Days have 23 or 25 hours where the clocks change; a day without midnight begins when the clocks
    do. Hours, minutes and seconds are aligned to the zone's present distance from UTC.
    """
    if window in {"day", "week", "month"}:
        return _days(zone, window, now)
    length = WINDOW_SECONDS[window]
    offset = 0
    if zone != "UTC" and length == 3600:
        offset = int(_local(now, zone).utcoffset().total_seconds())  # type: ignore[union-attr]
    start = now - (now + offset) % length
    return Window(start, start + length, start + 2 * length)


_DAYS: dict[tuple[str, str], Window] = {}


def _days(zone: str, window: str, now: int) -> Window:
    known = _DAYS.get((zone, window))
    if known is not None and known.start <= now < known.end:
        return known
    first = _local(now, zone).replace(hour=0, minute=0, second=0, fold=0, tzinfo=None)
    if window == "week":
        first -= timedelta(days=first.weekday())
    elif window == "month":
        first = first.replace(day=1)
    second = _following(first, window)
    starts = (first, second, _following(second, window))
    # fold=0: before the change where midnight comes twice or never, which is when it changes.
    found = Window(*(int(day.replace(tzinfo=_zone(zone)).timestamp()) for day in starts))
    _DAYS[zone, window] = found
    return found


def _local(now: int, zone: str) -> datetime:
    return datetime.fromtimestamp(now, _zone(zone))


def _following(first: datetime, window: str) -> datetime:
    if window == "month":
        return (first + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=7 if window == "week" else 1)
