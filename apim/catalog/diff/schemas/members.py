"""Which schemas of an allOf, oneOf or anyOf are the same ones before and after.

As oasdiff matches them (diff/subschemas_diff.go, Apache-2.0): by reference, then by content, then
by title; if one of each is left over, those two. Two references to equal schemas also match.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apim.catalog.diff.document import Document, Node, Sameness, is_reference
from apim.catalog.diff.schemas.shape import bare

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

# More comparisons of content than any real description needs.
_MAX_COMPARISONS = 20_000


@dataclass(slots=True)
class Matched:
    """`pairs` may differ inside; `removed` and `added` have no counterpart."""

    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    removed: list[Node] = field(default_factory=list)
    added: list[Node] = field(default_factory=list)
    # There were too many to find out.
    is_unclear: bool = False


class Matching:
    """Matches lists of schemas of the two documents."""

    def __init__(self, old: Document, new: Document, sameness: Sameness) -> None:
        self._old, self._new, self._sameness = old, new, sameness

    def match(self, old: list[Node], new: list[Node]) -> Matched:
        result = Matched(removed=list(old), added=list(new))
        self._take(result, _ref_of)
        if len(result.removed) * len(result.added) > _MAX_COMPARISONS:
            result.is_unclear = True
            return result
        self._take_same(result)
        self._take(result, self._content_of, is_inline=True)
        self._take(result, self._title_of, is_inline=True)
        self._take_last(result)
        return result

    def _take(
        self, result: Matched, key: Callable[[Node], Hashable], *, is_inline: bool = False
    ) -> None:
        """Pair what has the same key; the first of several counts."""
        waiting: dict[Hashable, list[Node]] = {}
        for node in result.added:
            if not (is_inline and is_reference(node.value)):
                waiting.setdefault(key(node), []).append(node)
        left = []
        for node in result.removed:
            found = None
            if not (is_inline and is_reference(node.value)):
                known = key(node)
                found = waiting.get(known) if known else None
            if found:
                result.pairs.append((node, found.pop(0)))
            else:
                left.append(node)
        result.removed = left
        taken = {id(new.value) for _old, new in result.pairs}
        result.added = [node for node in result.added if id(node.value) not in taken]

    def _take_same(self, result: Matched) -> None:
        left = []
        for node in result.removed:
            target = self._old.follow(node).value
            for index, other in enumerate(result.added):
                if self._sameness.same(target, self._new.follow(other).value):
                    del result.added[index]
                    break
            else:
                left.append(node)
        result.removed = left

    def _take_last(self, result: Matched) -> None:
        if len(result.removed) == len(result.added) == 1:
            old, new = result.removed[0], result.added[0]
            is_named = any(is_reference(n.value) or _title(n) for n in (old, new))
            if not is_named:
                result.pairs.append((old, new))
                result.removed, result.added = [], []

    @staticmethod
    def _content_of(node: Node) -> Hashable:
        return json.dumps(bare(node.value), sort_keys=True, default=str)

    @staticmethod
    def _title_of(node: Node) -> Hashable:
        return _title(node)


def _title(node: Node) -> str:
    return node.text("title")


def _ref_of(node: Node) -> Hashable:
    return node.value["$ref"] if is_reference(node.value) else None


def name_of(node: Node) -> str:
    """What to call a schema in a list: its component, its title, its type, or its number."""
    if is_reference(node.value):
        return str(node.value["$ref"]).rpartition("/")[2]
    number = node.path[-1] if node.path else 0
    position = f"#{number + 1}" if isinstance(number, int) else str(number)
    kind = node.value.get("type") if isinstance(node.value, dict) else None
    return _title(node) or (f"{kind} {position}" if isinstance(kind, str) else position)
