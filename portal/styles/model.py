"""What a reference page shows, whatever the style: sections of entries with their parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.text import slugify

if TYPE_CHECKING:
    from apim.ui.components.actions import Sample


@dataclass(frozen=True, slots=True)
class Row:
    """A field, argument, parameter or value. `target` is the anchor of its type's entry."""

    name: str
    type: str = ""
    target: str = ""
    description: str = ""
    facts: tuple[str, ...] = ()
    is_required: bool = False
    is_deprecated: bool = False
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A titled list of rows, or of links, or a piece of code."""

    title: str
    rows: tuple[Row, ...] = ()
    code: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation or type. `label` is its method or kind."""

    anchor: str
    label: str
    name: str
    summary: str = ""
    description: str = ""
    is_deprecated: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    parts: tuple[Part, ...] = ()
    samples: tuple[Sample, ...] = ()

    @property
    def is_called(self) -> bool:
        """Whether a sample makes a call, with a key."""
        return any("API_KEY" in sample.code for sample in self.samples)

    def says(self, words: list[str]) -> bool:
        """Whether each of the words, in small letters, occurs in it."""
        text = f"{self.name} {self.label} {self.summary} {self.description}".lower()
        return all(word in text for word in words)


@dataclass(frozen=True, slots=True)
class Section:
    anchor: str
    title: str
    entries: tuple[Entry, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """`text` is Markdown that stands before the sections."""

    sections: tuple[Section, ...]
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    servers: tuple[tuple[str, str], ...] = ()

    @property
    def count(self) -> int:
        return sum(len(section.entries) for section in self.sections)

    def entry(self, anchor: str) -> Entry | None:
        entries = (one for section in self.sections for one in section.entries)
        return next((one for one in entries if one.anchor == anchor), None)


@dataclass(slots=True)
class Anchors:
    """One short, distinct id for each thing."""

    _known: dict[Any, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def of(self, kind: str, name: str) -> str:
        known = self._known.get((kind, name))
        if known is not None:
            return known
        base = f"{kind}-{slugify(name)[:60] or 'entry'}"
        anchor, number = base, 2
        while anchor in self._taken:
            anchor, number = f"{base}-{number}", number + 1
        self._taken.add(anchor)
        self._known[kind, name] = anchor
        return anchor


# Makes the reference of a description, for calls at an address.
Maker = Callable[[Any, str], Reference]
