"""What every rule function is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.budget import Budget
    from apim.catalog.rulesets.document import Document

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """Where the value stands. `path` may end in what is missing; `name` is its key as used."""

    document: Document
    path: Path
    name: str | int | None
    budget: Budget
    is_resolved: bool


@dataclass(frozen=True, slots=True)
class Result:
    """Something wrong; at `path`, or where the value stands."""

    message: str
    path: Path | None = None


Apply = Callable[[Any, Options, Context], Iterable[Result]]


@dataclass(frozen=True, slots=True)
class Function:
    """`accepts` are the JSON types it looks at (any if empty); other values pass.

    `needs` and `takes` are the options it must and may have; `check` says what is wrong with them.
    """

    apply: Apply
    accepts: tuple[type, ...] = ()
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    check: Callable[[Options], str] = lambda _options: ""
    # Whether one of the options has to be there.
    needs_any: bool = False
