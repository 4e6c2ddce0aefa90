"""Which span of time a page shows, as its URL says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.utils import dateformat, timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from apim.core import clock
from apim.core.clock import Period
from apim.ui import formatting

if TYPE_CHECKING:
    from collections.abc import Iterable

CUSTOM = "custom"
DEFAULT = "7d"
# The longest span that is read at once.
MAX_DAYS = 400
PRESETS: dict[str, Any] = {
    "1h": _("Last hour"),
    "24h": _("Last 24 hours"),
    "7d": _("Last 7 days"),
    "30d": _("Last 30 days"),
    "90d": _("Last 90 days"),
    "month": _("This month"),
    "last-month": _("Last month"),
    CUSTOM: _("Between two days"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """`label` says the span in words, `query` in absolute instants, for a link to a colleague."""

    preset: str
    period: Period
    label: str

    @property
    def query(self) -> str:
        return urlencode(
            {
                "range": CUSTOM,
                "from": f"{field_text(self.period.start)}Z",
                "to": f"{field_text(_next_minute(self.period.end))}Z",
            }
        )


def _next_minute(at: datetime) -> datetime:
    """The minute that starts at or after the instant."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)


class InstantField(forms.CharField):
    """A day or an instant, ISO 8601, in UTC unless it says otherwise.

    A bare day means its start or, with `is_end`, its end.
    """

    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_end = is_end

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        read: datetime | None
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            read = None
        if read is None or not clock.is_plausible(read):
            raise forms.ValidationError(_("Write a date such as 2026-06-21."))
        at = read if read.tzinfo else read.replace(tzinfo=UTC)
        is_day = len(text) == len("2026-06-21")
        return at + timedelta(days=1) if is_day and self.is_end else at


def field_text(at: datetime) -> str:
    """What a date and time field shows, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


def choose(preset: str, start: datetime | None, end: datetime | None) -> Chosen:
    """The named span; a custom one without a start begins as the default does."""
    if preset == CUSTOM:
        return _custom(start or _preset_period(DEFAULT).start, end or clock.now())
    preset = preset if preset in PRESETS else DEFAULT
    return Chosen(preset, _preset_period(preset), str(PRESETS[preset]))


def _custom(start: datetime, end: datetime) -> Chosen:
    last = min(max(end, start + timedelta(minutes=1)), start + timedelta(days=MAX_DAYS))
    first = formatting.absolute(start)
    return Chosen(CUSTOM, Period(start, last), f"{first} \u2013 {formatting.absolute(last)}")


def _preset_period(preset: str) -> Period:
    now = clock.now()
    if preset.endswith("h"):
        return Period(now - timedelta(hours=int(preset[:-1])), now)
    if preset.endswith("d"):
        return Period(clock.last_days(int(preset[:-1])).start, now)
    month = clock.month_of(now)
    if preset == "month":
        return Period(month.start, now)
    return clock.month_of(month.start - timedelta(days=1))


def bucket_labels(buckets: Iterable[datetime], bucket: str) -> list[str]:
    """Short names of the buckets: days in UTC, hours and minutes in the reader's zone."""
    # Translators: Django's date syntax for a chart's axis: day and month; with the time; time only.
    form = {
        "day": pgettext("date format", "j M"),
        "hour": pgettext("date format", "j M H:i"),
        "minute": "H:i",
    }[bucket]
    return [
        dateformat.format(at.astimezone(UTC) if bucket == "day" else timezone.localtime(at), form)
        for at in buckets
    ]


def zone_label(bucket: str) -> str:
    """The zone that the bucket labels are in."""
    return "UTC" if bucket == "day" else str(timezone.localtime().tzname())


def month_named(text: str, *, earliest: date | None = None) -> Period:
    """`2026-11` as a calendar month in UTC; this month for anything else or the future."""
    now = clock.now()
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        first = now
    if earliest is not None and first.date() < earliest.replace(day=1):
        first = now
    return clock.month_of(min(first, now))


def months_since(start: datetime) -> list[datetime]:
    """First instants of the months from this one back to the one of `start`, at most 36."""
    months: list[datetime] = []
    at = clock.month_of(clock.now()).start
    while at >= clock.month_of(start).start and len(months) < 36:
        months.append(at)
        at = clock.month_of(at - timedelta(days=1)).start
    return months
