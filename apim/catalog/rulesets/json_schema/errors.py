"""One run of a compiled schema, and what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.budget import Budget

# Of a value: its resolved form and where that stands, or None if it refers to nothing.
Follow = Callable[[Any], "tuple[Any, Path] | None"]
Check = Callable[[Any, "Path", "Run"], bool]
# More than anybody reads; a hostile pair of schema and value could have millions.
MAX_ERRORS = 1000


class BadSchema(ValueError):
    """The schema itself cannot be used."""


@dataclass(frozen=True, slots=True)
class SchemaError:
    """`keyword` failed for what stands at `path`. Messages are Ajv's, which are English."""

    keyword: str
    path: Path
    message: str
    # missingProperty, additionalProperty, allowedValues … as Ajv names them.
    params: dict[str, Any] = field(default_factory=dict)
    # The schema the keyword stands in, for its own `errorMessage`.
    owner: int = 0


@dataclass(slots=True)
class Run:
    """What one evaluation is allowed, and what it has found.

    `follow` makes references inside the value count as what they lead to; `passes_references`
    takes them as valid instead. `relaxed` are the properties that need not be there, though
    required: those that are readOnly in a request, or writeOnly in a response.
    """

    budget: Budget
    is_all: bool = False
    follow: Follow | None = None
    passes_references: bool = False
    relaxed: frozenset[str] = frozenset()
    errors: list[SchemaError] = field(default_factory=list)
    depth: int = 0

    def fail(self, keyword: str, path: Path, message: str, owner: int, **params: Any) -> bool:
        """Note an error; always False, so that a check can return it."""
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(SchemaError(keyword, path, message, params, owner))
        return False


def is_valid(inner: Check, value: Any, path: Path, run: Run) -> bool:
    """Whether `inner` passes, without a trace in the errors."""
    before, is_all = len(run.errors), run.is_all
    run.is_all = False
    passed = inner(value, path, run)
    run.is_all = is_all
    del run.errors[before:]
    return passed
