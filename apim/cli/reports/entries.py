"""Findings, changes and refusals as entries of one report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apim.catalog.diff import Level
from apim.catalog.rulesets.findings import Severity
from apim.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apim.catalog.diff import Change
    from apim.catalog.rulesets import Finding

_LEVELS = tuple(Level)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to tell. `level` is a severity's or a change's; `weight` is 0 for the worst.

    `line` and `column` count from 1; 0 if there is no place. `fails` is whether it is at or above
    the threshold.
    """

    rule: str
    level: str
    weight: int
    fails: bool
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    subject: str = ""
    remedy: str = ""
    url: str = ""
    data: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Report:
    """All that a command found."""

    kind: str
    entries: tuple[Entry, ...]
    score: int | None = None
    changes: tuple[Change, ...] = ()
    # Of a check by a platform: its whole answer.
    answer: dict[str, Any] | None = None

    @property
    def exit_code(self) -> Exit:
        return Exit.FOUND if any(entry.fails for entry in self.entries) else Exit.FINE

    def counts(self) -> dict[str, int]:
        """By level, the worst first; only what occurs."""
        found = Counter((entry.weight, entry.level) for entry in self.entries)
        return {level: count for (_weight, level), count in sorted(found.items())}


def of_findings(
    findings: Sequence[Finding], file: str, threshold: Severity | None
) -> tuple[Entry, ...]:
    """Without a threshold nothing fails."""
    return tuple(
        Entry(
            rule=one.rule,
            level=one.severity.value,
            weight=one.severity.rank,
            fails=threshold is not None and one.severity.reaches(threshold),
            message=one.message,
            file=file,
            line=one.line,
            column=one.column,
            remedy=one.remedy,
            url=one.url,
            data=one.as_dict(),
        )
        for one in findings
    )


def of_changes(
    changes: Sequence[Change],
    place: Callable[[Change], tuple[str, int, int]],
    threshold: Level | None,
) -> tuple[Entry, ...]:
    """`place` tells file, line and column. Without a threshold nothing fails."""
    return tuple(_of_change(one, place(one), threshold) for one in changes)


def _of_change(change: Change, place: tuple[str, int, int], threshold: Level | None) -> Entry:
    file, line, column = place
    weight = _LEVELS.index(change.level)
    return Entry(
        rule=change.code,
        level=change.level.value,
        weight=weight,
        fails=threshold is not None and weight <= _LEVELS.index(threshold),
        message=change.text,
        file=file,
        line=line,
        column=column,
        subject=change.operation,
        data={
            "code": change.code,
            "level": change.level.value,
            "direction": change.direction.value,
            "operation": change.operation,
            "path": list(change.path),
            "is_in_old": change.is_in_old,
            "line": line,
            "text": change.text,
            "before": change.before,
            "after": change.after,
        },
    )


def severity_rank(name: str) -> int:
    """Of a severity that a platform names; unknown ones are the mildest."""
    try:
        return Severity(name).rank
    except ValueError:
        return Severity.HINT.rank
