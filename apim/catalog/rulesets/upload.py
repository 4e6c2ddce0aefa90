"""Rules applied to an upload as it comes, valid or not: for editors and pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.descriptions import InvalidSpecification, read_description
from apim.catalog.openapi.load import load
from apim.catalog.rulesets.document import Document
from apim.catalog.rulesets.findings import Finding, Severity
from apim.catalog.rulesets.lint import lint, lint_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.catalog.descriptions import Description
    from apim.catalog.rulesets.ruleset import Ruleset

# What cannot even be read, as Spectral calls it; and what can, but not be imported.
UNREADABLE = "parser"
NOT_IMPORTABLE = "cannot-be-imported"
UNRECOGNIZED = "unrecognized-format"


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
    document = Document(loaded.data, loaded.positions)
    problems = (
        _problems(error, NOT_IMPORTABLE) if document.formats else _unrecognized(rulesets, source)
    )
    found = lint_document(document, rulesets, source)
    return tuple(sorted((*problems, *found), key=lambda f: (f.line, f.column, f.severity.rank)))


def _unrecognized(rulesets: Sequence[Ruleset], source: str) -> tuple[Finding, ...]:
    """Rules may be for any data; those that are for a format are not asked, which has to be told."""
    wanted = {name for one in rulesets for name in one.for_source(source).formats}
    if not wanted:
        return ()
    message = _("The document is in none of the formats that rules are for: %(formats)s.")
    return (
        Finding(
            UNRECOGNIZED,
            Severity.WARN,
            (),
            1,
            1,
            message % {"formats": ", ".join(sorted(wanted))},
        ),
    )


def _problems(error: InvalidSpecification, rule: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(rule, Severity.ERROR, (), one.line, one.column, one.message, one.hint)
        for one in error.problems
        if one.severity == "error"
    )
