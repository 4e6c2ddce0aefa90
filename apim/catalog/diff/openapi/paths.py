"""Which operations are the same ones before and after."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apim.catalog.openapi.operations import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.diff.document import Document, Node

_PARAMETER = re.compile(r"\{([^{}/]*)\}")


@dataclass(frozen=True, slots=True)
class PathPair:
    """A path in one document or in both; `{id}` and `{petId}` in one place are the same."""

    old_template: str
    new_template: str
    old: Node | None
    new: Node | None

    @property
    def renamed(self) -> dict[str, str]:
        names = (_PARAMETER.findall(one) for one in (self.old_template, self.new_template))
        return dict(zip(*names, strict=False))


def match_paths(old: dict[str, Node], new: dict[str, Node]) -> Iterator[PathPair]:
    """Paths in the new document's order, then those that were removed."""
    by_shape: dict[str, list[str]] = {}
    for template in old:
        if template not in new:
            by_shape.setdefault(_shape(template), []).append(template)
    matched: set[str] = set()
    for template, node in new.items():
        counterpart = template
        if template not in old:
            candidates = by_shape.get(_shape(template))
            counterpart = candidates.pop(0) if candidates else ""
        if counterpart:
            matched.add(counterpart)
            yield PathPair(counterpart, template, old[counterpart], node)
        else:
            yield PathPair("", template, None, node)
    for template, node in old.items():
        if template not in matched:
            yield PathPair(template, "", node, None)


def _shape(template: str) -> str:
    return _PARAMETER.sub("{}", template)


def paths_of(node: Node) -> dict[str, Node]:
    return {name: one for name, one in node.items() if not name.startswith("x-")}


def operations_of(document: Document, item: Node | None) -> dict[str, tuple[Node, Node]]:
    """By method in capitals: the operation, and the path item in which it stands."""
    found: dict[str, tuple[Node, Node]] = {}
    if item is None:
        return found
    holders = [item]
    target = document.follow(item)
    if target is not item:
        holders.append(target)
    for holder in holders:
        for method, operation in _written_in(holder):
            if isinstance(operation.value, dict):
                found.setdefault(method.upper(), (operation, holder))
    return found


def _written_in(holder: Node) -> Iterator[tuple[str, Node]]:
    for key, value in holder.items():
        if key in METHODS:
            yield key, value
    yield from holder.get("additionalOperations").items()
