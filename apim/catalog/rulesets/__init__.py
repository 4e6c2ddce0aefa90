"""Rules in Spectral's format, and what they say of a description. No tables, no settings."""

from apim.catalog.rulesets.built_in import BUILT_IN
from apim.catalog.rulesets.errors import InvalidRuleset, RuleTooExpensive
from apim.catalog.rulesets.findings import Finding, Severity
from apim.catalog.rulesets.lint import lint
from apim.catalog.rulesets.load import load_ruleset
from apim.catalog.rulesets.ruleset import Rule, Ruleset
from apim.catalog.rulesets.score import score

__all__ = [
    "BUILT_IN",
    "Finding",
    "InvalidRuleset",
    "Rule",
    "RuleTooExpensive",
    "Ruleset",
    "Severity",
    "lint",
    "load_ruleset",
    "score",
]
