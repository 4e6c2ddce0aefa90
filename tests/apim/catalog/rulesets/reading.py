"""What the tests of rules share: a document in YAML, and rules in YAML, to findings."""

from apim.catalog.openapi.load import load
from apim.catalog.rulesets import Finding, load_ruleset
from apim.catalog.rulesets.document import Document
from apim.catalog.rulesets.lint import lint_document


def document(text: str) -> Document:
    loaded = load(text.encode(), filename=None)
    return Document(loaded.data, loaded.positions)


def findings(ruleset: str, text: str, source: str = "") -> tuple[Finding, ...]:
    return lint_document(document(text), [load_ruleset(ruleset)], source)


def told(found: tuple[Finding, ...]) -> list[tuple[str, str, str, int]]:
    """Rule, severity, dotted path and line."""
    return [(f.rule, f.severity.value, ".".join(map(str, f.path)), f.line) for f in found]
