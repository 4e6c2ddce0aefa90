"""What a command found, in the format that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim.cli.reports.as_json import as_json
from apim.cli.reports.junit import as_junit
from apim.cli.reports.sarif import as_sarif
from apim.cli.reports.text import as_markdown, as_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.cli.reports.entries import Report

FORMATS = ("text", "json", "junit", "sarif")
_RENDER: dict[str, Callable[[Report], str]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "sarif": as_sarif,
    "markdown": as_markdown,
}


def render(report: Report, name: str) -> str:
    """Ends with a line break."""
    return _RENDER[name](report).rstrip("\n") + "\n"
