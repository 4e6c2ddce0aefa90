"""For people: on a terminal, and in a pull request."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from apim.catalog.diff import summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.cli.reports.entries import Entry, Report


def as_text(report: Report) -> str:
    """One line for each entry, as compilers write them, and a summary."""
    return "\n".join((*map(_line, report.entries), _summary(report)))


def _line(entry: Entry) -> str:
    place = f"{entry.file}:{entry.line}:{entry.column}: " if entry.line else ""
    subject = f"{entry.subject}: " if entry.subject else ""
    line = f"{place}{entry.level}: {subject}{entry.message} [{entry.rule}]"
    return f"{line}\n    {entry.remedy}" if entry.remedy and entry.fails else line


def _summary(report: Report) -> str:
    counts = ", ".join(f"{count} {level}" for level, count in report.counts().items())
    parts = [counts or ("nothing changed" if report.kind == "diff" else "nothing found")]
    if report.score is not None:
        parts.append(f"score {report.score} of 100")
    if report.kind == "diff":
        parts.append(f"version: {summarize(report.changes).bump.value}")
    if report.answer is not None:
        parts.append("allowed" if report.answer.get("is_allowed") else "refused")
    return "; ".join(parts)


def as_markdown(report: Report) -> str:
    """A list by level and operation."""
    lines = [f"**{_summary(report)}**", ""]
    for (_weight, level), entries in groupby(
        sorted(report.entries, key=lambda e: (e.weight, e.level, e.subject)),
        key=lambda e: (e.weight, e.level),
    ):
        lines += [f"### {level.capitalize()}", "", *_items(list(entries)), ""]
    return "\n".join(lines)


def _items(entries: list[Entry]) -> Iterator[str]:
    for entry in entries:
        subject = f"`{entry.subject}` " if entry.subject else ""
        yield f"- {subject}{_escaped(entry.message)} (`{entry.rule}`)"


def _escaped(text: str) -> str:
    for mark in "\\`*_[]<>#":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", " ")
