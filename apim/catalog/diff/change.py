"""One change between two descriptions, and the law by which it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path


class Level(StrEnum):
    """What a change does to a client that kept to the old description.

    Breaking: it can stop working. Risky: the descriptions do not tell. Compatible: it goes on.
    """

    BREAKING = "breaking"
    RISKY = "risky"
    COMPATIBLE = "compatible"


class Direction(StrEnum):
    """Who sends what changed: the client (request), the API (response), or neither."""

    REQUEST = "request"
    RESPONSE = "response"
    NONE = "none"

    @property
    def opposite(self) -> Direction:
        """The direction in a webhook or callback, where the API calls the client."""
        swapped = {Direction.REQUEST: Direction.RESPONSE, Direction.RESPONSE: Direction.REQUEST}
        return swapped.get(self, self)


class Effect(StrEnum):
    """What a change does to the set of values that are valid."""

    NARROWS = "narrows"
    WIDENS = "widens"
    SWAPS = "swaps"  # some values are no longer valid, others are now
    UNKNOWN = "unknown"
    NONE = "none"
    VIOLATES = "violates"  # a promise about the life of the API is broken


_BY_DIRECTION = {
    (Effect.NARROWS, Direction.REQUEST): Level.BREAKING,
    (Effect.NARROWS, Direction.RESPONSE): Level.COMPATIBLE,
    (Effect.NARROWS, Direction.NONE): Level.BREAKING,
    (Effect.WIDENS, Direction.REQUEST): Level.COMPATIBLE,
    (Effect.WIDENS, Direction.RESPONSE): Level.BREAKING,
    (Effect.WIDENS, Direction.NONE): Level.COMPATIBLE,
}
_ALWAYS = {
    Effect.SWAPS: Level.BREAKING,
    Effect.VIOLATES: Level.BREAKING,
    Effect.UNKNOWN: Level.RISKY,
    Effect.NONE: Level.COMPATIBLE,
}


def level_of(effect: Effect, direction: Direction) -> Level:
    """The law: what clients send may be restricted less, what they get may not be more varied.

    It is that of oasdiff (github.com/oasdiff/oasdiff, checker/SEVERITY-LAW-TRIAGE.md, Apache-2.0).
    """
    return _ALWAYS.get(effect) or _BY_DIRECTION[effect, direction]


@dataclass(frozen=True, slots=True)
class Change:
    """`code` is stable; it is oasdiff's check id where the meaning is the same."""

    code: str
    level: Level
    direction: Direction
    # "GET /pets", "Query.user", "send pets/{id}"; empty for the document.
    operation: str
    # Into the document in which it stands.
    path: Path
    # The path leads into the old document (something was removed), else into the new one.
    is_in_old: bool
    # One sentence for people, translated.
    text: str
    # Short values where they say more than the sentence.
    before: str = ""
    after: str = ""


_WEIGHT = {Level.BREAKING: 0, Level.RISKY: 1, Level.COMPATIBLE: 2}


def weight(level: Level) -> int:
    """For sorting: breaking first."""
    return _WEIGHT[level]
