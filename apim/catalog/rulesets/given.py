"""Where a rule looks: JSONPath as Spectral reads it (nimma and jsonpath-plus).

$.paths[*][get,put]      $..[?(@property === 'description')]     $.servers[0,1].url
$.tags[-1:]              $.components..example^                  $.paths[*]~
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from apim.catalog.rulesets.script import BadScript, compile_script, unquote

if TYPE_CHECKING:
    from apim.catalog.rulesets.script import Evaluate

MAX_LENGTH = 2000
_MAX_STEPS = 40
_NAME = re.compile(r"[^.\[\]()^~,\s'\"]+")
_QUOTED = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*""")
_BARE = re.compile(r"\s*([^\[\],'\"()]+?)\s*(?=[,\]])")
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(-?\d*))?\s*\]")
_FROM_END = re.compile(r"\s*\(\s*@\.length\s*-\s*(\d+)\s*\)\s*\]")
# Filters that only name properties are as quick as names.
_SAME_NAME = r"""@property\s*={2,3}\s*("[^"\\]*"|'[^'\\]*')"""
_ONLY_NAMES = re.compile(rf"\(\s*{_SAME_NAME}(?:\s*\|\|\s*{_SAME_NAME})*\s*\)\Z")


class BadGiven(ValueError):
    """The expression cannot be understood."""


class Kind(StrEnum):
    NAMES = "names"
    ANY = "any"
    TEST = "test"
    SLICE = "slice"


@dataclass(slots=True)
class Segment:
    """One step down; `is_deep` at any depth; then `ups` steps up again."""

    kind: Kind
    is_deep: bool
    names: frozenset[str | int] = frozenset()
    test: Evaluate | None = None
    text: str = ""
    span: slice | None = None
    ups: int = 0


@dataclass(frozen=True, slots=True)
class Given:
    """`wants_key` is `~`: the name of what is found, not its value."""

    text: str
    segments: tuple[Segment, ...]
    wants_key: bool = False


def parse_given(text: str) -> Given:
    """Raises BadGiven."""
    if len(text) > MAX_LENGTH:
        raise BadGiven(f"it is longer than {MAX_LENGTH} characters")
    return _Parser(text.strip()).given()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 1
        self._segments: list[Segment] = []

    def given(self) -> Given:
        if not self._text.startswith("$"):
            raise BadGiven("it has to begin with $")
        wants_key = False
        while self._at < len(self._text):
            if self._text[self._at] == "~" and self._at == len(self._text) - 1:
                wants_key = True
                break
            self._step()
            if len(self._segments) > _MAX_STEPS:
                raise BadGiven(f"it has more than {_MAX_STEPS} steps")
        return Given(self._text, tuple(self._segments), wants_key)

    def _step(self) -> None:
        if self._take("^"):
            if not self._segments:
                raise BadGiven("nothing is above the document")
            self._segments[-1].ups += 1
        elif self._take(".."):
            self._child(is_deep=True)
        elif self._take("."):
            # nimma reads `.[` as `..[`, and rulesets are written for it.
            self._child(is_deep=self._text.startswith("[", self._at))
        elif self._text[self._at] == "[":
            self._bracket(is_deep=False)
        else:
            raise BadGiven(f"“{self._text[self._at :][:20]}” is not understood")

    def _take(self, token: str) -> bool:
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def _child(self, *, is_deep: bool) -> None:
        if self._text.startswith("[", self._at):
            self._bracket(is_deep=is_deep)
        elif self._take("*"):
            self._segments.append(Segment(Kind.ANY, is_deep))
        elif match := _NAME.match(self._text, self._at):
            self._at = match.end()
            name = match[0].removeprefix("`")
            self._segments.append(Segment(Kind.NAMES, is_deep, names=_names([name])))
        else:
            raise BadGiven("a name is expected after the dot")

    def _bracket(self, *, is_deep: bool) -> None:
        self._at += 1
        if self._take("?"):
            self._filter(is_deep=is_deep)
        elif self._take("*]"):
            self._segments.append(Segment(Kind.ANY, is_deep))
        elif match := _SLICE.match(self._text, self._at) or _FROM_END.match(self._text, self._at):
            self._at = match.end()
            self._segments.append(Segment(Kind.SLICE, is_deep, span=_span(match)))
        else:
            names = self._union()
            kind = Kind.ANY if "*" in names else Kind.NAMES
            self._segments.append(Segment(kind, is_deep, names=_names(names)))

    def _union(self) -> list[str]:
        names: list[str] = []
        while True:
            if match := _QUOTED.match(self._text, self._at):
                names.append(unquote(match[1]))
            elif match := _BARE.match(self._text, self._at):
                names.append(match[1])
            else:
                raise BadGiven(f"“{self._text[self._at :][:20]}” is not understood")
            self._at = match.end()
            if self._take("]"):
                return names
            if not self._take(","):
                raise BadGiven("a bracket does not end")

    def _filter(self, *, is_deep: bool) -> None:
        start = self._at
        try:
            test, end = compile_script(self._text, start)
        except BadScript as error:
            raise BadGiven(f"in its filter, {error}") from error
        text = self._text[start:end].strip()
        self._at = end
        if not self._take("]"):
            raise BadGiven(f"the filter ends before “{self._text[end:][:20] or 'the end'}”")
        if _ONLY_NAMES.match(text):
            names = frozenset(unquote(one) for one in re.findall(_SAME_NAME, text))
            self._segments.append(Segment(Kind.NAMES, is_deep, names=names))
        else:
            self._segments.append(Segment(Kind.TEST, is_deep, test=test, text=text))


def _names(names: list[str]) -> frozenset[str | int]:
    """A number is an index in lists, and a name in mappings."""
    numbers = {int(n) for n in names if n.isascii() and n.isdigit() and len(n) < 9}
    return frozenset(names) | numbers


def _span(match: re.Match[str]) -> slice:
    if match.re is _FROM_END:
        back = -int(match[1])
        return slice(back, back + 1 or None)
    start, stop, step = (int(part) if part and part != "-" else None for part in match.groups())
    if step is not None and step <= 0:
        raise BadGiven("a slice goes forward")
    return slice(start, stop, step)
