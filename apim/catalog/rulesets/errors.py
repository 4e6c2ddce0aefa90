"""What is wrong with a ruleset."""

from __future__ import annotations

from apim.core.errors import DomainError


class InvalidRuleset(DomainError):
    """The ruleset cannot be used; `line` and `column` (from 1) say where, the message what to do."""

    code = "invalid_ruleset"
    status = 422
    title = "The ruleset cannot be used"

    def __init__(self, message: str, *, line: int = 1, column: int = 1) -> None:
        self.line = line
        self.column = column
        super().__init__(message, fields={"text": [message]}, line=line, column=column)


class RuleTooExpensive(DomainError):
    """A rule took longer than a rule may; nothing of the run is kept."""

    code = "rule_too_expensive"
    status = 422
    title = "A rule of the ruleset takes too long"

    def __init__(self, message: str, *, rule: str) -> None:
        self.rule = rule
        super().__init__(message, fields={"text": [message]}, rule=rule)
