"""Rules applied to an upload as it comes, valid or not: for editors and pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apim.catalog.descriptions import InvalidSpecification, read_description
from apim.catalog.openapi.load import load
from apim.catalog.rulesets.document import Document, formats_of
from apim.catalog.rulesets.findings import Finding, Severity
from apim.catalog.rulesets.lint import lint, lint_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.catalog.descriptions import Description
    from apim.catalog.rulesets.ruleset import Ruleset

# What cannot even be read, as Spectral calls it; and what can, but not be imported.
UNREADABLE = "parser"
NOT_IMPORTABLE = "cannot-be-imported"


@dataclass(frozen=True, slots=True)
class Judged:
    """By line. `description` is None for an upload that the platform would not take."""

    findings: tuple[Finding, ...]
    description: Description | None

    @property
    def operations(self) -> int:
        return len(self.description.operations) if self.description else 0


def lint_upload(
    raw: bytes, rulesets: Sequence[Ruleset], *, filename: str, source: str = ""
) -> Judged:
    """Judge an upload of any style. What stands in the way of an import is among the findings.

    Raises RuleTooExpensive.
    """
    try:
        description = read_description(raw, filename=filename)
    except InvalidSpecification as error:
        return Judged(_of_invalid(raw, rulesets, filename, source, error), None)
    return Judged(lint(description, rulesets, source=source), description)


def _of_invalid(
    raw: bytes,
    rulesets: Sequence[Ruleset],
    filename: str,
    source: str,
    error: InvalidSpecification,
) -> tuple[Finding, ...]:
    try:
        loaded = load(raw, filename=filename)
    except InvalidSpecification:
        return _problems(error, UNREADABLE)
    problems = _problems(error, NOT_IMPORTABLE)
    if not formats_of(loaded.data):
        return problems
    found = lint_document(Document(loaded.data, loaded.positions), rulesets, source)
    return tuple(sorted((*problems, *found), key=lambda f: (f.line, f.column, f.severity.rank)))


def _problems(error: InvalidSpecification, rule: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(rule, Severity.ERROR, (), one.line, one.column, one.message, one.hint)
        for one in error.problems
        if one.severity == "error"
    )
