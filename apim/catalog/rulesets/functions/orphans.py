"""Reusable parts that nothing refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from apim.catalog.rulesets.functions.contract import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.rulesets.document import Document
    from apim.catalog.rulesets.functions.contract import Context

_MEMORY = "references"


def orphans(value: dict[str, Any], location: str, context: Context) -> Iterator[Result]:
    """The members of `value`, which stands at the pointer `location`, that no $ref names."""
    referenced = _references(context.document)
    base = tuple(one.replace("~1", "/").replace("~0", "~") for one in location.split("/")[1:])
    for name in value:
        if (*base, name) not in referenced:
            text = "Potential orphaned reusable object has been detected"
            yield Result(text, (*base, name))


def _references(document: Document) -> set[tuple[str, ...]]:
    """What every $ref of the document leads to, and all that lies above it."""
    known = document.memory.get(_MEMORY)
    if known is None:
        known = document.memory[_MEMORY] = _collect(document)
    return known


def _collect(document: Document) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    pending: list[Any] = [document.data]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            ref = value.get("$ref")
            if isinstance(ref, str) and ref.startswith("#/"):
                tokens = tuple(
                    one.replace("~1", "/").replace("~0", "~") for one in unquote(ref[2:]).split("/")
                )
                found.update(tokens[:size] for size in range(1, len(tokens) + 1))
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return found
