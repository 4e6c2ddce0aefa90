"""What a walk over two schemas finds, before it is known in which operation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from apim.catalog.diff.change import Direction, Effect, Level, level_of

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path


class Scope(StrEnum):
    """What the schema describes."""

    BODY = "body"
    PARAMETER = "parameter"
    # A header parameter; its properties have codes of their own.
    HEADER_PARAMETER = "header-parameter"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Frame:
    """Whose schemas are compared. Two walks with equal frames find the same."""

    direction: Direction
    scope: Scope
    # Whether the media type tells a number from its text.
    is_strong: bool
    # A single value is read as a list of one: style form, explode true.
    is_exploded: bool = False

    def code(self, ending: str, *, is_root: bool) -> str:
        """For example request-property-max-decreased."""
        if self.scope is Scope.BODY:
            stem = f"{self.direction}-{'body' if is_root else 'property'}"
        elif self.scope is Scope.HEADER:
            stem = f"{self.direction}-header" + ("" if is_root else "-property")
        else:
            stem = f"{self.direction}-parameter" + ("" if is_root else "-property")
        return _PEER_CODES.get((self.scope, f"{stem}-{ending}"), f"{stem}-{ending}")


# Where oasdiff's ids do not follow its own pattern.
_PEER_CODES = {
    (Scope.BODY, "response-body-enum-value-removed"): "response-mediatype-enum-value-removed",
    (Scope.HEADER_PARAMETER, "request-parameter-property-became-required"): (
        "request-header-property-became-required"
    ),
    (Scope.HEADER_PARAMETER, "request-parameter-property-became-enum"): (
        "request-header-property-became-enum"
    ),
}


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in the value a schema is: `data/items/price`, and what is known about it there."""

    label: tuple[str, ...] = ()
    is_root: bool = True
    # readOnly in a request, writeOnly in a response: it is not sent at all.
    is_unsent: bool = False
    # Inside `not` or `if`, where more may mean less.
    is_uncertain: bool = False

    def below(self, *labels: str, is_uncertain: bool = False, is_unsent: bool = False) -> Spot:
        return Spot(
            (*self.label, *labels),
            is_root=False,
            is_unsent=self.is_unsent or is_unsent,
            is_uncertain=self.is_uncertain or is_uncertain,
        )

    def judge(self, effect: Effect, direction: Direction) -> Level:
        """The level of a change of this effect here."""
        if effect is Effect.VIOLATES:
            return Level.BREAKING
        if self.is_unsent or effect is Effect.NONE:
            return Level.COMPATIBLE
        return Level.RISKY if self.is_uncertain else level_of(effect, direction)


@dataclass(frozen=True, slots=True)
class Found:
    """`words` is the sentence's template (see words.py), `values` what goes into it."""

    code: str
    level: Level
    label: tuple[str, ...]
    path: Path
    is_in_old: bool
    words: str
    values: dict[str, Any] = field(default_factory=dict)
    before: Any = None
    after: Any = None

    def at(self, label: tuple[str, ...]) -> Found:
        """The same below the spot with this label."""
        return replace(self, label=(*label, *self.label)) if label else self
