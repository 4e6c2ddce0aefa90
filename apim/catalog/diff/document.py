"""One of the two documents, and which parts of both are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apim.catalog.openapi.references import References

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.openapi.positions import Path

# What may stand beside a $ref without being part of the schema.
_BESIDE_REF = {"$ref", "summary", "description"}


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands."""

    value: Any
    path: Path

    def get(self, *keys: str | int) -> Node:
        """The node below, through mappings and lists; None as value where nothing is."""
        value: Any = self.value
        for key in keys:
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                value = None
        return Node(value, (*self.path, *keys))

    def text(self, key: str) -> str:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return value if isinstance(value, str) else ""

    def is_true(self, key: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(key) is True

    def items(self) -> Iterator[tuple[str, Node]]:
        """The members of a mapping."""
        if isinstance(self.value, dict):
            for key, below in self.value.items():
                yield key, Node(below, (*self.path, key))

    def mapping(self, *keys: str) -> dict[str, Node]:
        """The members of the mapping below `keys`; empty where there is none."""
        return dict((self.get(*keys) if keys else self).items())

    def entries(self, *keys: str) -> list[Node]:
        """The elements of the list below `keys`; empty where there is none."""
        held = self.get(*keys) if keys else self
        if not isinstance(held.value, list):
            return []
        return [Node(below, (*held.path, i)) for i, below in enumerate(held.value)]


NOTHING = Node(None, ())


class Document:
    """A document whose references are followed."""

    def __init__(self, data: Any, *, has_siblings: bool) -> None:
        """`has_siblings`: what stands beside a $ref of a schema counts (JSON Schema 2020-12)."""
        self.root = Node(data, ())
        self.references = References(data)
        self._has_siblings = has_siblings
        # By identity, which is safe as the values are kept.
        self._merged: dict[int, tuple[Any, Node]] = {}

    def follow(self, node: Node) -> Node:
        """The node, or what it refers to."""
        if not is_reference(node.value):
            return node
        target = self.target(node.value["$ref"])
        return target if target is not None else Node({}, node.path)

    def follow_schema(self, node: Node) -> Node:
        """The same for a schema, together with the keywords beside the reference."""
        if not is_reference(node.value):
            return node
        if not self._has_siblings or not node.value.keys() - _BESIDE_REF:
            return self.follow(node)
        known = self._merged.get(id(node.value))
        if known is None:
            known = self._merged[id(node.value)] = (node.value, self._merge(node))
        return known[1]

    def _merge(self, node: Node) -> Node:
        target = self.follow(node)
        if not isinstance(target.value, dict):
            return target
        beside = {k: v for k, v in node.value.items() if k != "$ref"}
        return Node({**target.value, **beside}, target.path)

    def target(self, ref: str) -> Node | None:
        try:
            found = self.references.target(ref)
        except LookupError:
            return None
        return Node(found.value, found.path)


def is_reference(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("$ref"), str)


class Sameness:
    """Tells equal parts of both documents at the cost of one comparison in C.

    Two parts are the same if they are written the same and nothing that they refer to, directly or
    not, differs. What leads to a difference is found once, from the differences backwards.
    """

    def __init__(self, old: Document, new: Document) -> None:
        parents, uses = _scan(old.root.value)
        holders = {ref: old.target(ref) for ref in uses}
        refs_of: dict[int, list[str]] = {}
        for ref, target in holders.items():
            if target is not None and isinstance(target.value, dict | list):
                refs_of.setdefault(id(target.value), []).append(ref)
        self._differs: set[int] = set()
        pending = [ref for ref, target in holders.items() if _is_changed(target, new.target(ref))]
        done = set(pending)
        while pending:
            ref = pending.pop()
            for met in self._mark(uses[ref], parents):
                for more in refs_of.get(met, ()):
                    if more not in done:
                        done.add(more)
                        pending.append(more)

    def _mark(self, start: list[int], parents: dict[int, list[int]]) -> Iterator[int]:
        """Mark everything around `start`; yields what was not marked before."""
        pending = list(start)
        while pending:
            one = pending.pop()
            if one not in self._differs:
                self._differs.add(one)
                yield one
                pending.extend(parents.get(one, ()))

    def same(self, old: Any, new: Any) -> bool:
        return bool(old == new) and id(old) not in self._differs

    def changed_keys(self, old: dict[str, Any], new: dict[str, Any]) -> set[str]:
        """The keys of either mapping whose values are not the same."""
        differs = self._differs
        changed = {
            key
            for key, value in old.items()
            if key not in new or value != new[key] or id(value) in differs
        }
        changed.update(key for key in new if key not in old)
        return changed


def _is_changed(old: Node | None, new: Node | None) -> bool:
    if old is None or new is None:
        return old is not new
    return bool(old.value != new.value)


def _scan(root: Any) -> tuple[dict[int, list[int]], dict[str, list[int]]]:
    """The containers around each container, and the mappings that use each reference."""
    parents: dict[int, list[int]] = {}
    uses: dict[str, list[int]] = {}
    pending = [root] if isinstance(root, dict | list) else []
    while pending:
        holder = pending.pop()
        if isinstance(holder, dict):
            ref = holder.get("$ref")
            if isinstance(ref, str):
                uses.setdefault(ref, []).append(id(holder))
            below = list(holder.values())
        else:
            below = holder
        for one in below:
            if isinstance(one, dict | list):
                known = parents.get(id(one))
                if known is None:
                    parents[id(one)] = [id(holder)]
                    pending.append(one)
                else:  # an alias of YAML
                    known.append(id(holder))
    return parents, uses
