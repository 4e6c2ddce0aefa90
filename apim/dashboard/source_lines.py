"""A revision's document by line, with what the rules find beside the line it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.urls import reverse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.paginator import Page

    from apim.catalog.models import ApiVersion, SpecRevision

LINES_PER_PAGE = 1000
# A document without line breaks is one very long line.
LINE_LENGTH = 2000
FINDINGS_PER_LINE = 20


@dataclass(frozen=True, slots=True)
class SourceLine:
    """`rest` is how many characters are not shown, `more` how many findings."""

    number: int
    text: str
    rest: int
    findings: Sequence[dict[str, Any]]
    more: int


def text_of(revision: SpecRevision) -> str | None:
    """None for what is no text, such as an archive."""
    try:
        text = bytes(revision.raw).decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def source_page(
    text: str, findings: Sequence[dict[str, Any]], page: str | None
) -> tuple[Page[str], list[SourceLine]]:
    """The page of lines that `?page=` names, with their findings."""
    lines = text.split("\n")
    shown = Paginator(lines, LINES_PER_PAGE).get_page(page)
    by_line: dict[int, list[dict[str, Any]]] = {}
    for finding in findings:
        by_line.setdefault(finding["line"], []).append(finding)
    first = shown.start_index()
    return shown, [
        _line(number, line.rstrip("\r"), by_line.get(number, []))
        for number, line in enumerate(shown.object_list, start=first)
    ]


def _line(number: int, text: str, findings: list[dict[str, Any]]) -> SourceLine:
    return SourceLine(
        number,
        text[:LINE_LENGTH],
        max(0, len(text) - LINE_LENGTH),
        findings[:FINDINGS_PER_LINE],
        max(0, len(findings) - FINDINGS_PER_LINE),
    )


def line_url(version: ApiVersion, number: int, line: int) -> str:
    """Where the line of that revision is shown; empty when the line is not known."""
    if line < 1:
        return ""
    page = (line - 1) // LINES_PER_PAGE + 1
    url = reverse("dashboard:revision-source", args=[version.public_id, number])
    return f"{url}{f'?page={page}' if page > 1 else ''}#L{line}"
