"""Limits in words: for people who read a plan, and for the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apim.catalog.limit_terms import LimitKind, LimitPer, LimitWindow
from apim.ui.formatting import number

if TYPE_CHECKING:
    from apim.catalog.limit_terms import Terms


def sentence(limit: Terms) -> str:
    """`600 calls in any 10 minutes, per organization, for operations in the group “search”`."""
    beyond = _("calls beyond it pass as overage") if limit.is_soft else ""
    return _joined(span(limit), *_which(limit), beyond)


def span(limit: Terms) -> str:
    """How many calls in which time: `600 calls in any 10 minutes`."""
    calls = ngettext("%(number)s call", "%(number)s calls", limit.quota) % {
        "number": number(limit.quota)
    }
    return _span_pattern(limit.kind, limit.window, limit.every) % {
        "calls": calls,
        "count": limit.every,
    }


def heading(limit: Terms) -> str:
    """All but the quota, as the label of what is left of it: `In any 10 minutes, per API key`."""
    if limit.kind == LimitKind.CONCURRENT:
        time = _("At the same time")
    else:
        pattern = _span_pattern(limit.kind, limit.window, limit.every)
        time = (pattern % {"calls": "", "count": limit.every}).strip()
    return _joined(time[:1].upper() + time[1:], *_which(limit))


def record_of(limit: Terms) -> str:
    """For the audit log, in no language but the code's: `600 per 10 minute sliding, per key`."""
    length = f"{limit.every} {limit.window}" if limit.every > 1 else limit.window
    parts = [
        f"{limit.quota} {LimitKind.CONCURRENT}"
        if not limit.window
        else f"{limit.quota} per {length}"
    ]
    if limit.kind in {LimitKind.FIXED, LimitKind.SLIDING}:
        parts[0] = f"{parts[0]} {limit.kind}"
    if limit.per != LimitPer.APPLICATION:
        parts.append(f"per {limit.per}")
    if limit.group:
        parts.append(f"group {limit.group}")
    if limit.is_soft:
        parts.append("soft")
    return ", ".join(parts)


def _which(limit: Terms) -> tuple[str, str]:
    """Whose calls and of which operations; empty where nothing needs to be said."""
    group = _("for operations in the group “%(group)s”") % {"group": limit.group}
    return _whose(limit.per), group if limit.group else ""


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _whose(per: str) -> str:
    """Empty for an application's own: what most limits are."""
    if per == LimitPer.ORGANIZATION:
        return _("all applications of an organization together")
    return _("per API key") if per == LimitPer.KEY else ""


def _span_pattern(kind: str, window: str, every: int) -> str:
    """Whole phrases for each window: languages differ in how they bend its name."""
    if kind == LimitKind.CONCURRENT:
        return _("%(calls)s at the same time")
    if kind == LimitKind.SLIDING:
        return _sliding(window, every)
    if kind == LimitKind.FIXED:
        return _fixed(window, every)
    return {
        LimitWindow.SECOND: _("%(calls)s per second"),
        LimitWindow.MINUTE: _("%(calls)s per minute"),
        LimitWindow.HOUR: _("%(calls)s per hour"),
        LimitWindow.DAY: _("%(calls)s per day"),
        LimitWindow.WEEK: _("%(calls)s per week"),
        LimitWindow.MONTH: _("%(calls)s per month"),
    }[LimitWindow(window)]


def _sliding(window: str, every: int) -> str:
    return {
        LimitWindow.SECOND: ngettext(
            "%(calls)s in any second", "%(calls)s in any %(count)d seconds", every
        ),
        LimitWindow.MINUTE: ngettext(
            "%(calls)s in any minute", "%(calls)s in any %(count)d minutes", every
        ),
        LimitWindow.HOUR: ngettext(
            "%(calls)s in any hour", "%(calls)s in any %(count)d hours", every
        ),
        LimitWindow.DAY: ngettext(
            "%(calls)s in any 24 hours", "%(calls)s in any %(count)d days", every
        ),
        LimitWindow.WEEK: ngettext(
            "%(calls)s in any 7 days", "%(calls)s in any %(count)d weeks", every
        ),
        LimitWindow.MONTH: ngettext(
            "%(calls)s in any 30 days", "%(calls)s in any %(count)d times 30 days", every
        ),
    }[LimitWindow(window)]


def _fixed(window: str, every: int) -> str:
    return {
        LimitWindow.SECOND: ngettext(
            "%(calls)s in each second", "%(calls)s in each %(count)d seconds", every
        ),
        LimitWindow.MINUTE: ngettext(
            "%(calls)s in each minute", "%(calls)s in each %(count)d minutes", every
        ),
        LimitWindow.HOUR: ngettext(
            "%(calls)s in each hour", "%(calls)s in each %(count)d hours", every
        ),
        LimitWindow.DAY: ngettext(
            "%(calls)s in each 24 hours, UTC", "%(calls)s in each %(count)d days, UTC", every
        ),
        LimitWindow.WEEK: ngettext(
            "%(calls)s in each 7 days, UTC", "%(calls)s in each %(count)d weeks, UTC", every
        ),
        LimitWindow.MONTH: ngettext(
            "%(calls)s in each 30 days, UTC",
            "%(calls)s in each %(count)d times 30 days, UTC",
            every,
        ),
    }[LimitWindow(window)]
