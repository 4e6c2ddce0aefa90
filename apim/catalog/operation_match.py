"""Which operation a call was for, from its method and path alone.

Made once per API version and asked for every usage event, so it walks a tree of path segments and
compiles patterns only for segments such as `{id}.json`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = TypeVar("Key")

_PARAMETER = re.compile(r"\{[^{}/]*\}")
_QUERY = re.compile(r"[?#]")
# Deeper paths exist only in attacks.
_MAX_SEGMENTS = 100
# Patterns with several parameters take quadratic time and more on long segments.
_MAX_PATTERN_LENGTH = 256


@dataclass(slots=True)
class _Node(Generic[Key]):
    literals: dict[str, _Node[Key]] = field(default_factory=dict)
    # Segments such as `{id}.json`, the ones with the longest fixed text first.
    patterns: list[tuple[int, str, re.Pattern[str], _Node[Key]]] = field(default_factory=list)
    parameter: _Node[Key] | None = None
    keys: dict[str, Key] = field(default_factory=dict)


class OperationMatcher(Generic[Key]):
    """Finds the operation of a call.

    - A literal segment wins over a partly literal one, and that over a parameter, from left to
      right (OpenAPI 3.1.1, section 4.8.8.2); a parameter takes one segment that is not empty.
    - Where the winner does not know the method, the next path that does is taken: a call that was
      answered belongs somewhere.
    - HEAD counts as GET where there is no HEAD of its own.
    - A slash at the end makes no difference, unless both forms are described.
    - Query and fragment are ignored; percent-encoding is undone in each segment. A template that
      has one stands for the path before it, unless that is described itself.
    - Anything else, malformed paths included, is no operation: None, never an exception.
    """

    __slots__ = ("_root",)

    def __init__(self, operations: Iterable[tuple[str, str, Key]]) -> None:
        """Take (method, path template, key) of each; the first of two equal ones counts.

        A method not in capitals is none of HTTP, and no call is for it.
        """
        self._root: _Node[Key] = _Node()
        later: list[tuple[str, str, Key]] = []
        for method, template, key in operations:
            if not method.isupper() or not template.startswith("/"):
                continue
            if "?" in template or "#" in template:
                later.append((method, _QUERY.split(template, maxsplit=1)[0], key))
            else:
                self._add(method, template, key)
        for method, template, key in later:
            self._add(method, template, key)

    def match(self, method: str, path: str) -> Key | None:
        """The key of the operation that a call of `method` and `path` was for."""
        if "?" in path or "#" in path:
            path = _QUERY.split(path, maxsplit=1)[0] or "/"
        if not path.startswith("/"):
            return None
        segments = path.split("/")
        if len(segments) > _MAX_SEGMENTS:
            return None
        if "%" in path:
            segments = [unquote(s) if "%" in s else s for s in segments]
        method = method.upper()
        found = self._match(segments, method)
        if found is None and method == "HEAD":
            return self._match(segments, "GET")
        return found

    def _match(self, segments: list[str], method: str) -> Key | None:
        found = _find(self._root, segments, 1, method)
        if found is not None:
            return found
        if segments[-1]:
            return _find(self._root, [*segments, ""], 1, method)
        has_slash = len(segments) > 2 and segments[-2]
        return _find(self._root, segments[:-1], 1, method) if has_slash else None

    def _add(self, method: str, template: str, key: Key) -> None:
        node = self._root
        for segment in template.split("/")[1:]:
            node = _child(node, segment)
        node.keys.setdefault(method, key)


def _child(node: _Node[Key], segment: str) -> _Node[Key]:
    if "{" not in segment:
        literal = unquote(segment)
        return node.literals.setdefault(literal, _Node())
    if _PARAMETER.fullmatch(segment):
        node.parameter = node.parameter or _Node()
        return node.parameter
    fixed = _PARAMETER.split(segment)
    source = "[^/]+?".join(re.escape(unquote(part)) for part in fixed)
    for _weight, known, _pattern, below in node.patterns:
        if known == source:
            return below
    weight = sum(map(len, fixed))
    below = _Node[Key]()
    node.patterns.append((-weight, source, re.compile(source, re.DOTALL), below))
    node.patterns.sort(key=lambda entry: entry[:2])
    return below


def _find(node: _Node[Key], segments: list[str], index: int, method: str) -> Key | None:
    if index == len(segments):
        return node.keys.get(method)
    segment = segments[index]
    below = node.literals.get(segment)
    if below is not None:
        found = _find(below, segments, index + 1, method)
        if found is not None:
            return found
    if not segment:
        return None
    for _weight, _source, pattern, patterned in node.patterns:
        if len(segment) <= _MAX_PATTERN_LENGTH and pattern.fullmatch(segment):
            found = _find(patterned, segments, index + 1, method)
            if found is not None:
                return found
    if node.parameter is not None:
        return _find(node.parameter, segments, index + 1, method)
    return None
