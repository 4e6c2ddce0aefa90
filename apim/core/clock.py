"""Instants and calendar periods. Everything stored is UTC-aware; zones are named (IANA)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from apim.core.periods import Period as Period  # noqa: PLC0414 - the name that everybody knows

ONE_DAY = timedelta(days=1)
FIRST_YEAR, LAST_YEAR = 2000, 2100


_told: ContextVar[datetime | None] = ContextVar("told", default=None)


def now() -> datetime:
    """The current instant, UTC-aware."""
    return _told.get() or timezone.now()


@contextmanager
def telling(instant: datetime) -> Iterator[None]:
    """Let it be `instant` for this thread: the demo's past is told by the services themselves."""
    token = _told.set(instant)
    try:
        yield
    finally:
        _told.reset(token)


def is_plausible(day: date) -> bool:
    """Whether somebody can mean this day; arithmetic near the ends of the calendar overflows."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def _month_start(day: date) -> date:
    return day.replace(day=1)


def month_of(instant: datetime, zone: str = "UTC") -> Period:
    """The calendar month around `instant` in the named zone, as UTC instants."""
    tz = ZoneInfo(zone)
    first = _month_start(instant.astimezone(tz).date())
    following = _month_start(first + timedelta(days=32))
    return Period(start_of_day(first, zone), start_of_day(following, zone))


def start_of_day(day: date, zone: str = "UTC") -> datetime:
    """Midnight that opens `day` in the named zone, as a UTC instant."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def last_days(days: int, zone: str = "UTC") -> Period:
    """The `days` calendar days that end with today's, up to the end of today."""
    today = now().astimezone(ZoneInfo(zone)).date()
    return Period(
        start_of_day(today - timedelta(days=days - 1), zone),
        start_of_day(today + timedelta(days=1), zone),
    )
