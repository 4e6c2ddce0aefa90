"""Filters and tags of the portal's own templates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.template import Library

from apim.ui import formatting
from portal.markdown import render_description

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

register = Library()


@register.filter
def description_html(text: str) -> SafeString:
    """`{{ api.description|description_html }}`: Markdown of a publisher as safe HTML."""
    return render_description(text)


@register.filter(expects_localtime=False)
def utc_day(at: datetime) -> str:
    """`{{ period.start|utc_day }}`: the day in UTC, which billing counts in."""
    return formatting.day(at.astimezone(UTC).date())


@register.simple_tag
def share_of(part: int, whole: int) -> str:
    """`{% share_of row.calls totals.calls %}`: 12 %."""
    return formatting.percent(part / whole) if whole else formatting.percent(0)
