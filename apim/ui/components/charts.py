"""Charts: the table is the data, the drawing is read from it in the browser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.template import Library
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apim.ui import formatting
from apim.ui.components.rendering import render
from apim.ui.navigation import Text

register = Library()

KINDS = ("line", "stacked", "bar")
MAX_SERIES = 6
BAR_GAP = 1
BAR_WIDTH = 3
SPARK_HEIGHT = 24


@dataclass(frozen=True, slots=True)
class Series:
    """One line or stack. A value of None is a gap: nothing was measured.

    `tone` "danger" draws errors in the danger colour instead of the next palette colour.
    """

    label: Text
    values: Sequence[float | None]
    tone: str = ""


@register.simple_tag
def chart(  # noqa: PLR0913, PLR0917 -- a tag's arguments are its markup
    title: str,
    series: Sequence[Series | Mapping[str, Any]],
    labels: Sequence[str],
    unit: str,
    period: str,
    kind: str = "line",
    is_last_partial: bool = False,  # noqa: FBT001, FBT002
    description: str = "",
    urls: Sequence[str] = (),
    updated: str = "",
) -> SafeString:
    """A figure with drawing, legend and table. Add `{% block scripts %}{% chart_scripts %}`.

    `labels` are formatted by the server. `kind`: line, stacked (bars over each other), bar
    (horizontal). `urls` make the points links that narrow the page. At most six series.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown chart kind {kind!r}")
    parts = [item if isinstance(item, Series) else Series(**item) for item in series][:MAX_SERIES]
    colours = [part.tone or str(number) for number, part in enumerate(parts, start=1)]
    return render(
        "chart",
        title=title,
        legend=list(zip(parts, colours, strict=True)),
        rows=_rows(labels, parts, urls, is_last_partial=is_last_partial),
        unit=unit,
        period=period,
        kind=kind,
        is_last_partial=is_last_partial,
        description=description or _summary(title, parts, unit, period),
        updated=updated,
        has_data=any(value is not None for part in parts for value in part.values),
    )


def _rows(
    labels: Sequence[str], parts: Sequence[Series], urls: Sequence[str], *, is_last_partial: bool
) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "url": urls[index] if index < len(urls) else "",
            "values": [part.values[index] if index < len(part.values) else None for part in parts],
            "is_partial": is_last_partial and index == len(labels) - 1,
        }
        for index, label in enumerate(labels)
    ]


def _summary(title: str, parts: Sequence[Series], unit: str, period: str) -> str:
    """The one sentence a screen reader hears instead of the drawing."""
    totals = ", ".join(
        f"{part.label}: {formatting.number(sum(v for v in part.values if v is not None))}"
        for part in parts
    )
    return _("%(title)s, %(period)s, in %(unit)s. Totals: %(totals)s.") % {
        "title": title,
        "period": period,
        "unit": unit,
        "totals": totals,
    }


@register.simple_tag
def chart_scripts() -> SafeString:
    """Chart.js and our element around it; only for pages that have a chart."""
    return render("scripts_chart")


@register.simple_tag
def sparkline(
    values: Sequence[float | None], errors: Sequence[float | None] = (), label: str = ""
) -> SafeString:
    """Thirty or so bars drawn by the server; errors are stacked on top in the danger colour.

    `values` are all calls of each bucket, `errors` the failed ones among them.
    """
    totals = [value or 0 for value in values]
    failed = [errors[index] or 0 if index < len(errors) else 0 for index in range(len(totals))]
    peak = max(totals, default=0) or 1
    return render(
        "sparkline",
        bars=[
            _bar(index, total, min(bad, total), peak)
            for index, (total, bad) in enumerate(zip(totals, failed, strict=True))
        ],
        width=len(totals) * (BAR_WIDTH + BAR_GAP),
        height=SPARK_HEIGHT,
        label=label or _spark_label(sum(totals), sum(failed)),
    )


def _spark_label(total: float, failed: float) -> str:
    calls = ngettext("%(count)s call", "%(count)s calls", int(total)) % {
        "count": formatting.number(total)
    }
    wrong = ngettext("%(count)s error", "%(count)s errors", int(failed)) % {
        "count": formatting.number(failed)
    }
    return f"{calls}, {wrong}"


def _bar(index: int, total: float, bad: float, peak: float) -> dict[str, Any]:
    """SVG attributes of one bar. A bucket with calls is at least one pixel high."""
    height = max(1, round(SPARK_HEIGHT * total / peak)) if total else 0
    bad_height = min(height, max(1, round(SPARK_HEIGHT * bad / peak))) if bad else 0
    return {
        "x": index * (BAR_WIDTH + BAR_GAP),
        "ok_y": SPARK_HEIGHT - height + bad_height,
        "ok_height": height - bad_height,
        "bad_y": SPARK_HEIGHT - height,
        "bad_height": bad_height,
        "is_empty": not total,
    }
