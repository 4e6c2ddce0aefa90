"""Rules applied to a description."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.rulesets.budget import Budget, OutOfBudget, seconds_for
from apim.catalog.rulesets.document import Document, step
from apim.catalog.rulesets.errors import RuleTooExpensive
from apim.catalog.rulesets.findings import Finding, Severity
from apim.catalog.rulesets.functions.contract import Context
from apim.catalog.rulesets.javascript import UNDEFINED
from apim.catalog.rulesets.ruleset import parsed
from apim.catalog.rulesets.sentences import Place, sentence
from apim.catalog.rulesets.walk import Machine, Match, Walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apim.catalog.descriptions import Description
    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.functions.contract import Result
    from apim.catalog.rulesets.ruleset import Rule, Ruleset, Then

# Of one rule; a person has the idea by then.
MAX_FINDINGS_OF_RULE = 1000
# Spectral's name for what is found before any rule is asked.
INVALID_REF = "invalid-ref"
TOO_COMPLEX = "too-complex"
_FIELD_TOKEN = re.compile(r"""\[(?:(\d+)|"([^"]*)"|'([^']*)')\]|([^.\[\]]+)""")


def lint(
    description: Description, rulesets: Sequence[Ruleset], *, source: str = ""
) -> tuple[Finding, ...]:
    """What the rules say of a description, by line.

    Paths lead into the document as it was uploaded. `source` is the file's path, for the overrides
    of a ruleset. Raises RuleTooExpensive for a publisher's rule that does not end in time.
    """
    return lint_document(Document(description.uploaded, description.positions), rulesets, source)


def lint_document(
    document: Document, rulesets: Sequence[Ruleset], source: str = ""
) -> tuple[Finding, ...]:
    """As `lint`, for a document that need not be a valid description."""
    findings: dict[tuple[Any, ...], Finding] = {}
    for finding in _dangling(document) if rulesets else ():
        findings[finding.rule, finding.path, finding.message] = finding
    for group, is_own in _groups(rulesets):
        budget = Budget(seconds_for(document.size(), is_own=is_own))
        rules = [rule for one in group for rule in one.for_source(source).enabled()]
        for finding in _Run(document, rules, budget, is_own=is_own).findings():
            findings.setdefault((finding.rule, finding.path, finding.message), finding)
    return tuple(
        sorted(
            findings.values(), key=lambda f: (f.line, f.column, f.severity.rank, f.rule, f.message)
        )
    )


def _dangling(document: Document) -> Iterator[Finding]:
    for path in document.dangling()[:MAX_FINDINGS_OF_RULE]:
        ref = document.written(path)
        yield Finding(
            INVALID_REF, Severity.ERROR, path, *document.find(path), f"'{ref}' does not exist"
        )


def _groups(rulesets: Sequence[Ruleset]) -> Iterator[tuple[list[Ruleset], bool]]:
    """Ours in one go; each of a publisher's by itself, so that its time is its own."""
    if ours := [one for one in rulesets if one.is_built_in]:
        yield ours, True
    yield from (([one], False) for one in rulesets if not one.is_built_in)


@dataclass(slots=True)
class _Run:
    document: Document
    rules: list[Rule]
    budget: Budget
    is_own: bool
    current: str = ""
    found: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def findings(self) -> list[Finding]:
        """Raises RuleTooExpensive for a publisher's rules."""
        formats = self.document.formats
        chosen = [rule for rule in self.rules if rule.applies_to(formats)]
        try:
            for is_resolved in (True, False):
                self._walk([r for r in chosen if r.is_resolved is is_resolved], is_resolved)
        except OutOfBudget as error:
            if not self.is_own:
                raise RuleTooExpensive(_too_expensive(self.current), rule=self.current) from error
            self.found.append(_gave_up())
        return self.found

    def _walk(self, rules: list[Rule], is_resolved: bool) -> None:  # noqa: FBT001
        wanted: dict[str, list[Rule]] = {}
        for rule in rules:
            for expression in rule.expressions(self.document.formats):
                wanted.setdefault(expression, []).append(rule)
        if not wanted:
            return
        owners = list(wanted.values())
        machine = Machine([parsed(expression) for expression in wanted])

        def found(index: int, match: Match) -> None:
            for rule in owners[index]:
                self._apply(rule, match)

        Walk(
            machine,
            self.document,
            is_resolved=is_resolved,
            budget=self.budget,
            found=found,
        ).run()

    def _apply(self, rule: Rule, match: Match) -> None:
        self.current = rule.name
        self.budget.spend()
        for then in rule.then:
            for value, context in self._targets(rule, then, match):
                if not _is_accepted(value, then):
                    continue
                for result in then.function.apply(value, then.options, context):
                    self._note(rule, result, context)
        self.current = ""

    def _targets(self, rule: Rule, then: Then, match: Match) -> Iterator[tuple[Any, Context]]:
        value, path = match.value, match.path
        if then.field is None or not isinstance(value, dict | list):
            yield value, self._context(rule, path, match.name)
        elif then.field == "@key":
            keys = list(value) if isinstance(value, dict) else [str(i) for i in range(len(value))]
            for key in keys:
                yield key, self._context(rule, (*path, key), key)
            if not keys:
                yield UNDEFINED, self._context(rule, path, match.name)
        elif then.field.startswith("$"):
            yield from self._below(rule, then.field, match)
        else:
            tokens = (then.field,) if then.field in value else field_tokens(then.field)
            found, at, missing = (
                self.document.below(value, path, tokens)
                if rule.is_resolved
                else _written(value, path, tokens)
            )
            yield found, self._context(rule, (*at, *missing), tokens[-1] if tokens else None)

    def _below(self, rule: Rule, expression: str, match: Match) -> Iterator[tuple[Any, Context]]:
        found: list[Match] = []
        walk = Walk(
            Machine([parsed(expression)]),
            self.document,
            is_resolved=rule.is_resolved,
            budget=self.budget,
            found=lambda _index, one: found.append(one),
        )
        walk.run(match.value, match.path)
        for one in found:
            yield one.value, self._context(rule, one.path, one.name)
        if not found:
            yield UNDEFINED, self._context(rule, match.path, match.name)

    def _context(self, rule: Rule, path: Path, name: str | int | None) -> Context:
        return Context(self.document, path, name, self.budget, rule.is_resolved)

    def _note(self, rule: Rule, result: Result, context: Context) -> None:
        count = self.counts.get(rule.name, 0)
        if count >= MAX_FINDINGS_OF_RULE:
            return
        wanted = context.path if result.path is None else result.path
        path, missing = self.document.closest(wanted, is_resolved=rule.is_resolved)
        severity = rule.severity_at(path)
        if severity is None or (not rule.is_enabled and not rule.pointed):
            return
        self.counts[rule.name] = count + 1
        place = Place(path, missing, self.document.written(path))
        line, column = self.document.find(path)
        remedy = _(rule.remedy) if rule.is_translated and rule.remedy else rule.remedy
        self.found.append(
            Finding(
                rule.name,
                severity,
                path,
                line,
                column,
                sentence(rule, result.message, place),
                remedy,
                rule.url,
            )
        )


def _too_expensive(rule: str) -> str:
    if not rule:
        return _("The ruleset's expressions take too long. Make them simpler.")
    return _("The rule “%(rule)s” takes too long. Make its expression or pattern simpler.") % {
        "rule": rule
    }


def _gave_up() -> Finding:
    message = _("The description takes too long to judge; only what was found in time is told.")
    return Finding(TOO_COMPLEX, Severity.ERROR, (), 1, 1, message)


def _written(
    value: Any, path: Path, tokens: tuple[str | int, ...]
) -> tuple[Any, Path, tuple[str | int, ...]]:
    for done, token in enumerate(tokens):
        found, key = step(value, token)
        if found is UNDEFINED:
            return UNDEFINED, path, tokens[done:]
        value, path = found, (*path, key)
    return value, path, ()


def _is_accepted(value: Any, then: Then) -> bool:
    accepts = then.function.accepts
    if not accepts:
        return True
    if isinstance(value, bool):
        return bool in accepts
    return isinstance(value, accepts)


def field_tokens(text: str) -> tuple[str | int, ...]:
    """`info.contact`, `tags[0].name`, `headers['x-id']`."""
    return tuple(
        int(index) if index else quoted or single or name
        for index, quoted, single, name in _FIELD_TOKEN.findall(text)
    )
