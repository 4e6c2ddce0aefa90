"""JUnit XML, as Jenkins, GitLab and most others read it (github.com/testmoapp/junitxml)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from apim.cli.reports.entries import Entry, Report

# XML 1.0, section 2.2: what no document may contain.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: Report) -> str:
    """One test for each entry; those at or above the threshold fail. One passes if there is none."""
    failures = sum(entry.fails for entry in report.entries)
    counts = f'tests="{max(1, len(report.entries))}" failures="{failures}" errors="0"'
    cases = [_case(entry) for entry in report.entries] or [
        f'    <testcase classname="apim.{report.kind}" name="nothing found"/>'
    ]
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="apim" {counts}>',
            f'  <testsuite name="apim.{report.kind}" {counts}>',
            *cases,
            "  </testsuite>",
            "</testsuites>",
        )
    )


def _case(entry: Entry) -> str:
    place = f"{entry.file}:{entry.line}" if entry.line else entry.subject
    name = f"{entry.rule} {place}".strip()
    text = "\n".join(filter(None, (place, entry.subject, entry.message, entry.remedy, entry.url)))
    head = f"    <testcase classname={_quoted(entry.file or entry.rule)} name={_quoted(name)}"
    if entry.file and entry.line:
        head += f' file={_quoted(entry.file)} line="{entry.line}"'
    if entry.fails:
        body = (
            f"<failure type={_quoted(entry.level)} message={_quoted(entry.message)}>"
            f"{_plain(text)}</failure>"
        )
    else:
        body = f"<system-out>{_plain(f'{entry.level}: {text}')}</system-out>"
    return f"{head}>{body}</testcase>"


def _plain(text: str) -> str:
    return escape(_FORBIDDEN.sub("�", text))


def _quoted(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("�", text))
