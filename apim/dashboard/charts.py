"""Usage series in the form that the chart component draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apim.ui.components.charts import Series
from apim.ui.formatting import day

if TYPE_CHECKING:
    from datetime import datetime

    from analytics.reports import UsageSeries

DANGER = {"5xx"}


@dataclass(frozen=True, slots=True)
class CallsChart:
    """What `{% chart %}` takes: parallel labels and series, and the words around them."""

    labels: list[str]
    series: list[Series]
    unit: str
    period: str
    is_last_partial: bool


def calls_chart(usage: UsageSeries) -> CallsChart:
    """Calls per bucket, one stack per group; buckets and words in UTC."""
    units = {
        "minute": _("calls per minute"),
        "hour": _("calls per hour"),
        "day": _("calls per day"),
    }
    series = [
        Series(item.label or _("Calls"), item.calls, tone="danger" if item.key in DANGER else "")
        for item in usage.series
    ]
    return CallsChart(
        labels=[_label(at, usage.bucket) for at in usage.buckets],
        series=series,
        unit=units[usage.bucket],
        period=_period_words(usage),
        is_last_partial=usage.is_last_open,
    )


def _label(at: datetime, bucket: str) -> str:
    forms = {
        "minute": "H:i",
        "hour": pgettext("date format", "j M H:i"),
        "day": pgettext("date format", "j M"),
    }
    return date_format(at, forms[bucket])


def _period_words(usage: UsageSeries) -> str:
    """First and last bucket; with the hour when buckets are shorter than a day."""
    start, end = usage.period.start, usage.period.end
    if usage.bucket == "day" and usage.buckets:
        end = usage.buckets[-1]
    words = [day(at) if usage.bucket == "day" else f"{day(at)}, {at:%H:%M}" for at in (start, end)]
    return _("%(start)s to %(end)s, UTC") % {"start": words[0], "end": words[1]}
