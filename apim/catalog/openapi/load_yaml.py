"""YAML as JSON people mean it: YAML 1.2 core types, no tags, no repeated keys, bounded aliases.

Reads libyaml's event stream rather than yaml.safe_load, because that recurses as deep as the text
says, lets the last of two equal keys win, and takes `no` for a boolean and `12:30` for 750
(YAML 1.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NoReturn

import yaml
from django.utils.translation import gettext as _
from yaml._yaml import CParser

from apim.catalog.openapi.positions import Place, PlaceTree, Repeated, Spot
from apim.catalog.openapi.refusals import (
    MAX_DEPTH,
    MAX_VALUES,
    refuse_at,
    repeated_keys,
    too_deep,
    too_many,
)

# YAML 1.2.2, section 10.3.2 (core schema).
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INF_OR_NAN = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_MAX_DIGITS = 300

_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"


def load_yaml(text: str) -> tuple[Any, PlaceTree]:
    """Raises InvalidSpecification, naming line and column."""
    reader = _Reader()
    parser = CParser(text)
    try:
        while (event := parser.get_event()) is not None:
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = ", ".join(filter(None, (error.context, error.problem)))
        message = _("The YAML cannot be read: %(reason)s.") % {"reason": reason}
        refuse_at(line, column, message, _hint(text, line))
    except yaml.YAMLError as error:  # a character that YAML does not allow
        _refuse_character(text, error)
    repeated_keys(reader.repeated)
    return reader.data, PlaceTree(reader.root)


def _hint(text: str, line: int) -> str:
    lines = text.splitlines()[max(0, line - 2) : line]
    if any("\t" in one[: len(one) - len(one.lstrip())] for one in lines):
        return _("YAML is indented with spaces, not with tabs.")
    return _(
        "Look at this line and the one before: indentation, quotes, and a space after a colon."
    )


def _refuse_character(text: str, error: yaml.YAMLError) -> None:
    position = getattr(error, "position", None) or 0
    # libyaml counts bytes of UTF-8.
    before = text.encode()[:position].decode(errors="ignore")
    refuse_at(
        before.count("\n") + 1,
        len(before) - before.rfind("\n"),
        _("The YAML cannot be read: a control character is not allowed here."),
        _("Remove it."),
    )


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    place: Place
    anchor: str | None
    key: str | None = None
    weight: int = 1
    height: int = 1
    merged: list[tuple[dict[str, Any], Place]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    place: Place | Spot
    weight: int
    height: int


class _Reader:
    def __init__(self) -> None:
        self.data: Any = None
        self.root = Place((1, 1))
        self.repeated: list[Repeated] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._documents = 0
        self._count = 0

    def take(self, event: Any) -> None:
        mark = event.start_mark
        spot = (mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, spot)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event, spot)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, spot)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                refuse_at(*spot, _("A second document starts here."), _("Upload one at a time."))

    def _scalar(self, event: Any, spot: Spot) -> None:
        top = self._open[-1] if self._open else None
        if top and top.key is None and isinstance(top.value, dict):
            self._key(top, event.value, spot)
            return
        value = _resolve(event, spot)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, spot, 1, 0)
        self._add(value, spot, 1, 0)

    def _key(self, top: _Open, key: str, spot: Spot) -> None:
        if "\0" in key:
            refuse_at(*spot, _("The text contains a NUL character."), _("Remove it."))
        first = top.place.keys.get(key)
        if first and key != _MERGE:
            self.repeated.append(Repeated(key, spot, first))
        top.key = key
        top.place.keys[key] = spot

    def _begin(self, event: Any, spot: Spot) -> None:
        top = self._open[-1] if self._open else None
        if top and top.key is None and isinstance(top.value, dict):
            refuse_at(*spot, _("A key must be text, not a mapping or list."))
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _TAG + ("map" if is_mapping else "seq")):
            _refuse_tag(event.tag, spot)
        if len(self._open) >= MAX_DEPTH:
            too_deep(*spot)
        if event.anchor:
            self._anchors[event.anchor] = None  # complete when it ends; an alias inside is a loop
        self._open.append(_Open({} if is_mapping else [], Place(spot), event.anchor))

    def _end(self) -> None:
        done = self._open.pop()
        if done.merged and isinstance(done.value, dict):
            _merge(done.value, done.place, done.merged)
        if done.anchor:
            self._anchors[done.anchor] = _Anchored(done.value, done.place, done.weight, done.height)
        self._add(done.value, done.place, done.weight, done.height)

    def _alias(self, event: Any, spot: Spot) -> None:
        top = self._open[-1] if self._open else None
        if top and top.key is None and isinstance(top.value, dict):
            refuse_at(*spot, _("A key must be text, not an alias."))
        name = event.anchor
        if name not in self._anchors:
            refuse_at(*spot, _("The alias *%(name)s has no anchor before it.") % {"name": name})
        target = self._anchors[name]
        if target is None:
            refuse_at(*spot, _("The alias *%(name)s contains itself.") % {"name": name})
        if len(self._open) + target.height > MAX_DEPTH:
            too_deep(*spot)
        self._add(target.value, target.place, target.weight, target.height, at=spot)

    def _add(
        self, value: Any, place: Place | Spot, weight: int, height: int, at: Spot | None = None
    ) -> None:
        spot = at or (place.spot if isinstance(place, Place) else place)
        if not self._open:
            self.data = value
            self.root = place if isinstance(place, Place) else Place(place)
            return
        top = self._open[-1]
        top.weight += weight
        top.height = max(top.height, height + 1)
        if top.weight > MAX_VALUES:
            too_many(*spot)
        if isinstance(top.value, list):
            top.place.members[len(top.value)] = place
            top.value.append(value)
            return
        key, top.key = top.key, None
        if key == _MERGE:
            top.merged.extend(_mergeable(value, place, spot))
        elif key is not None:
            top.value[key] = value
            top.place.members[key] = place


def _mergeable(value: Any, place: Place | Spot, spot: Spot) -> list[tuple[dict[str, Any], Place]]:
    if isinstance(place, Place):
        if isinstance(value, dict):
            return [(value, place)]
        pairs = [(one, place.members[i]) for i, one in enumerate(value)]
        found = [(v, p) for v, p in pairs if isinstance(v, dict) and isinstance(p, Place)]
        if len(found) == len(pairs):
            return found
    return refuse_at(*spot, _("Only mappings can be merged with <<."))


def _merge(value: dict[str, Any], place: Place, merged: list[tuple[dict[str, Any], Place]]) -> None:
    """What stands in the mapping itself wins over what is merged into it."""
    for other, other_place in merged:
        for key, below in other.items():
            if key not in value:
                value[key] = below
                place.members[key] = other_place.members.get(key, other_place.spot)


def _resolve(event: Any, spot: Spot) -> Any:
    text: str = event.value
    if "\0" in text:
        refuse_at(*spot, _("The text contains a NUL character."), _("Remove it."))
    if event.tag in (None, "!"):
        return _plain(text, spot) if event.implicit[0] else text
    kind = event.tag.removeprefix(_TAG)
    if kind == "str":
        return text
    if kind in {"int", "float", "bool", "null"}:
        return _plain(text, spot)
    return _refuse_tag(event.tag, spot)


def _plain(text: str, spot: Spot) -> Any:
    """The JSON value that an unquoted scalar means in YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    return _number(text, spot) if text[0] in "-+.0123456789" else text


def _number(text: str, spot: Spot) -> int | float | str:
    """What looks like a number in part only, such as a date, is text."""
    if _INF_OR_NAN.match(text):
        refuse_at(*spot, _("Infinity and NaN are no JSON values."), _("Put it in quotes."))
    if _INT.match(text) and len(text) <= _MAX_DIGITS:
        return int(text)
    if _OCTAL_OR_HEX.match(text) and len(text) <= _MAX_DIGITS:
        return int(text, 0)
    if _FLOAT.match(text):
        number = float(text)
        if not isfinite(number):
            refuse_at(*spot, _("The number is too large."), _("Put it in quotes."))
        return number
    return text


def _refuse_tag(tag: str, spot: Spot) -> NoReturn:
    shown = tag.replace(_TAG, "!!")
    refuse_at(
        *spot,
        _("The tag %(tag)s is not supported: a specification holds plain JSON values only.")
        % {"tag": shown[:80]},
        _("Remove the tag."),
    )
