"""A short list for people: what changed, once, and in which operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apim.catalog.diff.change import Level, weight

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.diff.change import Change

# A change that more operations share is told with their number instead of their names.
MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One change as told to people; `operations` is empty for what concerns the whole API."""

    level: Level
    code: str
    text: str
    operations: tuple[str, ...]

    @property
    def where(self) -> str:
        """For example: GET /pets, POST /pets. Or: 14 operations."""
        count = len(self.operations)
        if count <= MAX_NAMED:
            return ", ".join(self.operations)
        return ngettext("%(count)d operation", "%(count)d operations", count) % {"count": count}

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.operations else self.text


@dataclass(frozen=True, slots=True)
class Section:
    """The entries of one operation, or of several that changed alike; breaking ones first."""

    operations: tuple[str, ...]
    entries: tuple[Entry, ...]

    @property
    def level(self) -> Level:
        return min((entry.level for entry in self.entries), key=weight)

    @property
    def title(self) -> str:
        if not self.operations:
            return _("The whole API")
        return self.entries[0].where


def entries_of(changes: Iterable[Change]) -> tuple[Entry, ...]:
    """Equal changes of several operations made one, breaking first."""
    grouped: dict[tuple[Level, str, str], dict[str, None]] = {}
    for change in changes:
        key = change.level, change.code, change.text
        operations = grouped.setdefault(key, {})
        if change.operation:
            operations[change.operation] = None
    found = (
        Entry(level, code, text, tuple(operations))
        for (level, code, text), operations in grouped.items()
    )
    return tuple(sorted(found, key=lambda entry: weight(entry.level)))


def changelog(changes: Iterable[Change]) -> tuple[Section, ...]:
    """Sections by operation: those that break first, what concerns the whole API at the end."""
    sections: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries_of(changes):
        sections.setdefault(entry.operations, []).append(entry)
    found = (Section(operations, tuple(entries)) for operations, entries in sections.items())
    return tuple(sorted(found, key=lambda s: (weight(s.level), not s.operations)))


def as_text(changes: Iterable[Change]) -> str:
    """The changelog as plain text, one line per entry, under a line for each level."""
    headings = {
        Level.BREAKING: _("Breaking"),
        Level.RISKY: _("Risky"),
        Level.COMPATIBLE: _("Compatible"),
    }
    lines: list[str] = []
    level: Level | None = None
    for entry in entries_of(changes):
        if entry.level is not level:
            level = entry.level
            lines += ["", headings[level]] if lines else [headings[level]]
        lines.append(f"- {entry}")
    return "\n".join(lines)
