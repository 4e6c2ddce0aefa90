"""What a rule has to say about a place in a description."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path


class Severity(StrEnum):
    """The worst first; Spectral's numbers are 0 to 3 in this order."""

    ERROR = "error"
    WARN = "warn"
    INFO = "info"
    HINT = "hint"

    @property
    def rank(self) -> int:
        """0 for an error to 3 for a hint."""
        return _RANKS[self]

    def reaches(self, threshold: Severity) -> bool:
        """Whether this is at least as bad as `threshold`."""
        return self.rank <= threshold.rank


SEVERITIES = tuple(Severity)
_RANKS = {severity: rank for rank, severity in enumerate(SEVERITIES)}


def severity_of(value: Any) -> Severity | None:
    """`error`, `warn`, `info`, `hint` or 0 to 3; None for `off`. Raises ValueError."""
    if value == "off" and isinstance(value, str):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(SEVERITIES):
        return SEVERITIES[value]
    if isinstance(value, str):
        return Severity(value)
    raise ValueError(value)


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` leads to the nearest thing that exists; `line` and `column` count from 1.

    `remedy` says what to do and `url` where the practice is written down, if the rule knows.
    """

    rule: str
    severity: Severity
    path: Path
    line: int
    column: int
    message: str
    remedy: str = ""
    url: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As JSON: the command line and the management API show the same."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "path": list(self.path),
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "remedy": self.remedy,
            "url": self.url,
        }
