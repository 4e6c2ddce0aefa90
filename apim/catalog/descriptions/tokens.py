"""Tokens of a text with their positions, for the parsers of GraphQL and protocol buffers."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from django.utils.translation import gettext as _

from apim.catalog.openapi.refusals import refuse_at

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path, Spot

# Of one upload; GitHub's schema, the largest that is public, has 150,000.
MAX_TOKENS = 800_000


class Token(NamedTuple):
    """`kind` is the name of the group of the pattern that it matched; `start` counts characters."""

    kind: str
    text: str
    start: int


class Text:
    """A text whose positions can be told."""

    def __init__(self, text: str, file: str = "") -> None:
        self.text = text
        self.file = file
        self._lines = [0, *(m.end() for m in re.finditer("\n", text))]

    def spot(self, start: int) -> Spot:
        line = bisect_right(self._lines, start)
        return line, start - self._lines[line - 1] + 1

    def refuse(self, start: int, message: str, hint: str = "") -> NoReturn:
        refuse_at(*self.spot(start), message, hint, self.file)


def tokenize(text: Text, pattern: re.Pattern[str], dropped: frozenset[str]) -> list[Token]:
    """All tokens but those of a dropped kind, and one of kind `end`.

    Raises InvalidSpecification at the first character that begins none.
    """
    found: list[Token] = []
    position, content = 0, text.text
    for match in pattern.finditer(content):
        start, end = match.span()
        if start != position:
            break
        position = end
        kind = match.lastgroup
        if kind is not None and kind not in dropped:
            found.append(Token(kind, match[0], start))
            if len(found) > MAX_TOKENS:
                text.refuse(
                    start, _("The document has more than %(max)d words.") % {"max": MAX_TOKENS}
                )
    if position != len(content):
        character = content[position]
        text.refuse(
            position,
            _("“%(text)s” cannot stand here.") % {"text": character},
            _("Is a quotation mark or comment before it left open?")
            if character in "\"'/"
            else _("Remove it, or put it in quotes."),
        )
    found.append(Token("end", "", position))
    return found


class Cursor:
    """Goes through the tokens of a text, once."""

    def __init__(self, text: Text, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._index = 0
        self.token = tokens[0]

    def next(self) -> Token:
        """The current token; the following one becomes current. Stays at the end."""
        token = self.token
        if self._index + 1 < len(self._tokens):
            self._index += 1
            self.token = self._tokens[self._index]
        return token

    def peek(self) -> Token:
        """The token after the current one."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    def skip(self, text: str) -> bool:
        """Whether the current token was this one, which is then passed."""
        if self.token.text != text or self.token.kind == "string":
            return False
        self.next()
        return True

    def expect(self, text: str) -> Token:
        if self.token.text != text or self.token.kind == "string":
            self.refuse(_("“%(text)s” is expected here.") % {"text": text})
        return self.next()

    def name(self, kind: str = "name") -> Token:
        if self.token.kind != kind:
            self.refuse(_("A name is expected here."))
        return self.next()

    def refuse(self, message: str, hint: str = "", at: Token | None = None) -> NoReturn:
        token = at or self.token
        if not hint:
            hint = (
                _("The text ends too early: is a bracket left open?")
                if token.kind == "end"
                else _("Found “%(text)s”.") % {"text": token.text[:60]}
            )
        self._text.refuse(token.start, message, hint)


class Spots:
    """Positions of a tree that a parser made, by path; the nearest parent's where unknown."""

    def __init__(self) -> None:
        self._spots: dict[Path, tuple[Text, int] | tuple[str, Spot]] = {}

    def put(self, path: Path, text: Text, start: int) -> None:
        self._spots.setdefault(path, (text, start))

    def put_spot(self, path: Path, file: str, spot: Spot) -> None:
        self._spots.setdefault(path, (file, spot))

    def find(self, path: Path) -> Spot:
        return self._nearest(path)[1]

    def file(self, path: Path) -> str:
        return self._nearest(path)[0]

    def _nearest(self, path: Path) -> tuple[str, Spot]:
        for length in range(len(path), 0, -1):
            known = self._spots.get(path[:length])
            if known is None:
                continue
            place, at = known
            if isinstance(place, Text):
                return place.file, place.spot(at) if isinstance(at, int) else at
            return place, (1, 1) if isinstance(at, int) else at
        return "", (1, 1)
