"""Deprecation, sunset and stability: promises about how long something lives."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

# x-stability-level from the least stable on; what has none is stable
# (oasdiff, docs/STABILITY.md).
STABILITY = {"draft": 0, "alpha": 1, "beta": 2, "stable": 3}
# Below this nothing is promised yet.
FIRST_PROMISED = STABILITY["beta"]


def sunset_of(value: Any) -> tuple[str, date | None]:
    """What x-sunset says, and the day that it means if it is one; a date or time of RFC 3339."""
    if not isinstance(value, dict) or value.get("x-sunset") is None:
        return "", None
    written = str(value["x-sunset"])
    return written, _day(written)


def _day(written: str) -> date | None:
    try:
        if len(written) == len("2026-01-31"):
            return date.fromisoformat(written)
        return datetime.fromisoformat(written).date()
    except ValueError:
        return None


def stability_of(value: Any) -> int | None:
    """How stable; stable if nothing is said, None if what is said is not a level."""
    level = value.get("x-stability-level", "stable") if isinstance(value, dict) else "stable"
    return STABILITY.get(level) if isinstance(level, str) else None
