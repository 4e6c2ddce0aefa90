"""Regular expressions as JavaScript writes them (ECMA-262), matched in bounded time.

That is what rulesets and JSON Schema contain.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import regex

from apim.catalog.rulesets.budget import OutOfBudget

if TYPE_CHECKING:
    from apim.catalog.rulesets.budget import Budget

MAX_PATTERN_LENGTH = 2000
_DEFAULT_TIMEOUT_SECONDS = 1.0
_FLAGS = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
# Without meaning for a single test: unicode, global, sticky, indices.
_IGNORED_FLAGS = "ugyvd"


class BadPattern(ValueError):
    """The text is not a regular expression; the message says why, in English as the engine does."""


class Pattern:
    """One compiled expression. `source` is as written."""

    __slots__ = ("_compiled", "source")

    def __init__(self, source: str, flags: str = "") -> None:
        self.source = source
        if len(source) > MAX_PATTERN_LENGTH:
            raise BadPattern(f"longer than {MAX_PATTERN_LENGTH} characters")
        options = 0 if "\\p" in source.lower() else regex.ASCII
        for flag in flags:
            if flag not in _IGNORED_FLAGS:
                if flag not in _FLAGS:
                    raise BadPattern(f"unknown flag {flag}")
                options |= _FLAGS[flag]
        try:
            self._compiled = regex.compile(
                translate(source, is_multiline="m" in flags), options | regex.VERSION0
            )
        except (regex.error, RecursionError, OverflowError, MemoryError) as error:
            raise BadPattern(str(error)) from error

    def search(self, text: str, budget: Budget | None = None) -> bool:
        """Whether it matches anywhere in `text`. Raises OutOfBudget."""
        seconds = _DEFAULT_TIMEOUT_SECONDS if budget is None else budget.remaining()
        try:
            return self._compiled.search(text, timeout=seconds) is not None
        except TimeoutError as error:
            raise OutOfBudget from error


@lru_cache(maxsize=1024)
def pattern(source: str, flags: str = "") -> Pattern:
    """Raises BadPattern."""
    return Pattern(source, flags)


def delimited(text: str) -> Pattern:
    """`/source/flags`, or the bare source. Raises BadPattern."""
    end = text.rfind("/")
    if len(text) > 2 and text[0] == "/" and end > 1 and (text[end + 1 :] or "a").isalpha():
        return pattern(text[1:end], text[end + 1 :])
    return pattern(text)


def translate(source: str, *, is_multiline: bool) -> str:
    """The same expression for Python: only the places where the two languages differ."""
    parts: list[str] = []
    is_class = False
    position = 0
    while position < len(source):
        piece = _piece(source, position)
        position += len(piece)
        if piece == "[" and not is_class:
            shortened = _empty_class(source, position)
            if shortened:
                parts.append(shortened[0])
                position += shortened[1]
                continue
            is_class = True
            parts.append(piece)
            continue
        if piece == "]":
            is_class = False
        parts.append(_translated(piece, is_class=is_class, is_multiline=is_multiline))
    return "".join(parts)


def _piece(source: str, position: int) -> str:
    if source[position] != "\\" or position + 1 >= len(source):
        return source[position]
    if source.startswith("\\u{", position):
        end = source.find("}", position)
        return source[position : end + 1] if end > 0 else source[position : position + 2]
    if source.startswith("\\k<", position):
        end = source.find(">", position)
        return source[position : end + 1] if end > 0 else source[position : position + 2]
    return source[position : position + 2]


def _empty_class(source: str, position: int) -> tuple[str, int] | None:
    """`[]` matches nothing and `[^]` everything; in Python a bracket there is a member."""
    if source.startswith("]", position):
        return "(?!)", 1
    if source.startswith("^]", position):
        return r"[\s\S]", 2
    return None


def _translated(piece: str, *, is_class: bool, is_multiline: bool) -> str:
    if piece == "$" and not is_class and not is_multiline:
        return r"\Z"  # Python's $ also matches before a last line break
    if piece == "[" and is_class:
        return r"\["
    if piece.startswith("\\u{"):
        return f"\\U{int(piece[3:-1], 16):08x}"
    if piece.startswith("\\k<"):
        return f"(?P={piece[3:-1]})"
    if len(piece) == 2 and piece[0] == "\\" and (not piece[1].isalnum() or not piece[1].isascii()):
        return regex.escape(piece[1], special_only=not is_class) if piece[1] != "-" else r"\-"
    return piece
