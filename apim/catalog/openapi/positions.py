"""Where a value stands in the text it was read from. Lines and columns count from 1."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

# Keys and list indexes from the document's root.
Path = tuple[str | int, ...]
Spot = tuple[int, int]


@dataclass(slots=True)
class Place:
    """A mapping's or list's position, and those of the keys and values that it holds."""

    spot: Spot
    keys: dict[str, Spot] = field(default_factory=dict)
    members: dict[str | int, Place | Spot] = field(default_factory=dict)


class Positions(Protocol):
    def find(self, path: Path) -> Spot:
        """Line and column of what is at `path`, or of the nearest parent if nothing is.

        A scalar's own, but a container's key: that is where people look.
        """

    def file(self, path: Path) -> str:
        """The uploaded file in which that is; empty for the root file, or the only one."""


class PlaceTree:
    """Positions of a document whose places are all known."""

    def __init__(self, root: Place) -> None:
        self._root = root

    def find(self, path: Path) -> Spot:
        place, found = self._root, self._root.spot
        for token in path:
            below = place.members.get(token)
            if below is None:
                return found
            if not isinstance(below, Place):
                return below
            found = place.keys.get(token, below.spot) if isinstance(token, str) else below.spot
            place = below
        return found

    def file(self, path: Path) -> str:  # noqa: ARG002 - one file has all
        return ""


class LazyJsonPositions:
    """Positions in a valid JSON text, looked up only when there is something to complain about."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tree: PlaceTree | None = None

    def find(self, path: Path) -> Spot:
        if self._tree is None:
            self._tree = PlaceTree(scan_json(self._text)[0])
        return self._tree.find(path)

    def file(self, path: Path) -> str:  # noqa: ARG002 - one file has all
        return ""


_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+|\n', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Repeated:
    """A key that its mapping already has."""

    key: str
    spot: Spot
    first: Spot


def json_tokens(text: str) -> Iterator[tuple[str, Spot]]:
    """Strings, numbers, names, brackets, commas and colons of a JSON text, with their positions."""
    line, line_start = 1, 0
    for match in _TOKEN.finditer(text):
        if match[0] == "\n":
            line, line_start = line + 1, match.end()
        else:
            yield match[0], (line, match.start() - line_start + 1)


def scan_json(text: str) -> tuple[Place, list[Repeated]]:
    """The places of a JSON text that a parser has accepted. Not recursive, so depth is harmless."""
    root = Place((1, 1))
    # The open containers, outermost first, and the name of the member that comes next in each.
    places: list[Place] = [root]
    names: list[str | int | None] = ["document"]
    repeated: list[Repeated] = []
    for part, spot in json_tokens(text):
        name = names[-1]
        if part in "]}":
            places.pop()
            names.pop()
        elif part == ",":
            names[-1] = name + 1 if isinstance(name, int) else None
        elif part == ":":
            continue
        elif name is None:
            names[-1] = key = _unescape(part[1:-1])
            if first := places[-1].keys.get(key):
                repeated.append(Repeated(key, spot, first))
            places[-1].keys[key] = spot
        elif part in "[{":
            place = Place(spot)
            places[-1].members[name] = place
            places.append(place)
            names.append(0 if part == "[" else None)
        else:
            places[-1].members[name] = spot
    document = root.members.get("document", root)
    return document if isinstance(document, Place) else root, repeated


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _ESCAPED.get(m[2], m[2]), text)
