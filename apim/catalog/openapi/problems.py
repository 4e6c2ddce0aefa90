"""What is wrong with a document, where, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.core.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.openapi.positions import Path, Positions

# More than a person will read; the rest is counted.
MAX_PROBLEMS = 50


class Severity(StrEnum):
    """How bad.

    An error: nobody could tell what the document means. A warning: the standard asks for something
    on which nothing here depends.
    """

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class SpecProblem:
    """`line` and `column` count from 1; `pointer` is RFC 6901, `field` the same for people."""

    line: int
    column: int
    pointer: str
    field: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    # Of an upload of several files, the one in which it is; empty for the root file.
    file: str = ""

    def __str__(self) -> str:
        where = _("line %(line)d, column %(column)d") % {"line": self.line, "column": self.column}
        where = f"{self.file}, {where}" if self.file else where
        place = f"{where}, {self.field}" if self.field else where
        return " ".join(filter(None, (f"{place}: {self.message}", self.hint)))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class InvalidSpecification(DomainError):
    """The document cannot be imported; `problems` says why, sorted by line, at most 50."""

    code = "invalid_specification"
    status = 422
    title = "The specification cannot be imported"

    def __init__(self, problems: Iterable[SpecProblem]) -> None:
        self.problems, self.omitted = arrange(problems)
        errors = [p for p in self.problems if p.severity is Severity.ERROR]
        super().__init__(
            str(errors[0]),
            fields={"raw": [str(p) for p in errors]},
            problems=[p.as_dict() for p in self.problems],
            omitted=self.omitted,
        )


def arrange(problems: Iterable[SpecProblem]) -> tuple[tuple[SpecProblem, ...], int]:
    """At most 50, errors before warnings when there are more, sorted by line; and how many not."""
    by_weight = sorted(problems, key=lambda p: (p.severity is Severity.WARNING, p.line, p.column))
    kept = sorted(by_weight[:MAX_PROBLEMS], key=lambda p: (p.line, p.column))
    return tuple(kept), len(by_weight) - len(kept)


class Findings:
    """Collects problems by path; positions are looked up at the end, and only for those kept."""

    # Enough to fill the list with errors after many warnings, and no endless walk.
    LIMIT = 20 * MAX_PROBLEMS

    def __init__(self) -> None:
        self._found: list[tuple[Path, str, str, Severity]] = []

    def __len__(self) -> int:
        return len(self._found)

    def error(self, path: Path, message: str, hint: str = "") -> None:
        self._add(path, message, hint, Severity.ERROR)

    def warning(self, path: Path, message: str, hint: str = "") -> None:
        self._add(path, message, hint, Severity.WARNING)

    def _add(self, path: Path, message: str, hint: str, severity: Severity) -> None:
        if len(self._found) < self.LIMIT:
            self._found.append((path, message, hint, severity))

    def problems(self, positions: Positions) -> tuple[SpecProblem, ...]:
        found = [
            SpecProblem(
                *positions.find(path),
                pointer_of(path),
                field_of(path),
                message,
                hint,
                severity,
                positions.file(path),
            )
            for path, message, hint, severity in self._found
        ]
        return arrange(dict.fromkeys(found))[0]


def pointer_of(path: Path) -> str:
    """RFC 6901, for example `/paths/~1tides/get`."""
    return "".join("/" + str(t).replace("~", "~0").replace("/", "~1") for t in path)


def field_of(path: Path) -> str:
    """The same for people, for example `paths./tides.get.parameters[0]`."""
    text = ""
    for token in path:
        if isinstance(token, int):
            text += f"[{token}]"
        else:
            text += f".{token}" if text else token
    return text
