"""Collecting changes, without end to neither their number nor the length of a value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Change, Direction, Level, level_of, weight

if TYPE_CHECKING:
    from apim.catalog.diff.change import Effect
    from apim.catalog.openapi.positions import Path

# More than anybody reads. Past the first bound only what is not compatible is kept, past the
# second nothing; a last change then says so.
MAX_CHANGES = 5_000
MAX_ALL = 10_000
_MAX_VALUE = 120


class Report:
    """The changes found so far."""

    def __init__(self) -> None:
        self._found: dict[Change, None] = {}
        self._omitted = 0

    @property
    def is_full(self) -> bool:
        return len(self._found) >= MAX_ALL

    def add(
        self,
        code: str,
        effect: Effect | Level,
        direction: Direction,
        operation: str,
        path: Path,
        text: str,
        *,
        is_in_old: bool = False,
        before: Any = None,
        after: Any = None,
    ) -> None:
        """Note a change; an equal one counts once."""
        level = effect if isinstance(effect, Level) else level_of(effect, direction)
        if len(self._found) >= (MAX_CHANGES if level is Level.COMPATIBLE else MAX_ALL):
            self._omitted += 1
            return
        change = Change(
            code=code,
            level=level,
            direction=direction,
            operation=operation,
            path=path,
            is_in_old=is_in_old,
            text=text,
            before=shown(before),
            after=shown(after),
        )
        self._found.setdefault(change)

    def omit(self, count: int) -> None:
        """Count changes that are not even looked at."""
        self._omitted += count

    def changes(self) -> tuple[Change, ...]:
        """Breaking ones first, otherwise in the order in which they were found."""
        found = sorted(self._found, key=lambda change: weight(change.level))
        if self._omitted:
            found.append(self._rest())
        return tuple(found)

    def _rest(self) -> Change:
        text = _("%(count)d more changes are not listed.") % {"count": self._omitted}
        level = Level.RISKY if self.is_full else Level.COMPATIBLE
        return Change("more-changes", level, Direction.NONE, "", (), is_in_old=False, text=text)


def shown(value: Any) -> str:
    """A value as a short text; empty for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        text = str(int(value))
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"
