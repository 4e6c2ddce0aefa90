"""Rewritings that look like several changes and are one, or none.

After oasdiff's schema transitions (checker/transitions.go, Apache-2.0), together with one of ours:
an allOf that says the same as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim.catalog.diff.schemas.shape import ANNOTATIONS, as_schema, is_nullable, types_of

if TYPE_CHECKING:
    from apim.catalog.diff.document import Document, Node
    from apim.catalog.openapi.positions import Path

_ALTERNATIVES = ("oneOf", "anyOf")
# Deeper or wider allOfs are compared as they are written.
_MAX_PARTS = 50


def null_wrap(document: Document, node: Node) -> Node | None:
    """The other schema of `oneOf: [{type: "null"}, X]`, which is how X becomes nullable."""
    schema = as_schema(node.value)
    for keyword in _ALTERNATIVES:
        branches = node.entries(keyword)
        if len(branches) == 2 and not schema.keys() - ANNOTATIONS - {keyword}:
            for null, other in (branches, branches[::-1]):
                if _is_null(null.value) and not _allows_null(document, other):
                    return other
    return None


def _is_null(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("type") in ("null", ["null"])
        and not value.keys() - ANNOTATIONS - {"type"}
    )


def _allows_null(document: Document, node: Node) -> bool:
    return is_nullable(as_schema(document.follow_schema(node).value))


def types_alone(document: Document, node: Node) -> tuple[tuple[str, ...], bool] | None:
    """The types of a schema that is only about types, and whether they are listed in oneOf/anyOf.

    None for any other schema.
    """
    schema = as_schema(node.value)
    if schema.keys() & {"not", "allOf", "properties"}:
        return None
    own = types_of(schema)
    if own:
        return own[:1], False
    for keyword in _ALTERNATIVES:
        branches = node.entries(keyword)
        types = [_only_type(document, branch) for branch in branches]
        if types and all(types):
            return tuple(dict.fromkeys(types)), True
    return None


def _only_type(document: Document, node: Node) -> str:
    schema = as_schema(document.follow_schema(node).value)
    if schema.keys() & {"properties", "oneOf", "anyOf", "allOf"}:
        return ""
    types = types_of(schema)
    return types[0] if len(types) == 1 and not is_nullable(schema) else ""


def one_of_wrap(new: Document, old_node: Node, new_node: Node) -> list[Node] | None:
    """The alternatives, if an object became a oneOf of objects; else None."""
    old, schema = as_schema(old_node.value), as_schema(new_node.value)
    if not old.get("properties") or "oneOf" in old or types_of(old) not in ((), ("object",)):
        return None
    if schema.get("properties") or types_of(schema) not in ((), ("object",)):
        return None
    branches = [new.follow_schema(branch) for branch in new_node.entries("oneOf")]
    if not branches or not all(_is_object(branch.value) for branch in branches):
        return None
    moved = set(old["properties"])
    return branches if any(moved & set(_properties(branch)) for branch in branches) else None


def _is_object(value: Any) -> bool:
    schema = as_schema(value)
    return types_of(schema) == ("object",) or "properties" in schema


def _properties(node: Node) -> dict[str, Node]:
    return node.mapping("properties")


def flattened(document: Document, node: Node) -> dict[str, Any] | None:
    """The schema with its allOf merged into it; None if parts say something about the same thing."""
    merged: dict[str, Any] = {}
    return merged if _merge_into(document, node, merged, (), 0) else None


def _merge_into(
    document: Document, node: Node, merged: dict[str, Any], above: tuple[Path, ...], depth: int
) -> bool:
    schema = as_schema(node.value)
    parts = node.entries("allOf")
    if node.path in above or depth > 8 or len(parts) > _MAX_PARTS:
        return False
    for key, value in schema.items():
        if key != "allOf" and key not in ANNOTATIONS and not _merge_key(merged, key, value):
            return False
    return all(
        _merge_into(document, document.follow_schema(part), merged, (*above, node.path), depth + 1)
        for part in parts
    )


def _merge_key(merged: dict[str, Any], key: str, value: Any) -> bool:
    if key == "properties" and isinstance(value, dict):
        held = merged.setdefault(key, {})
        if any(name in held and held[name] != one for name, one in value.items()):
            return False
        held.update(value)
        return True
    if key == "required" and isinstance(value, list):
        merged[key] = sorted({*merged.get(key, ()), *map(str, value)})
        return True
    if key in merged and merged[key] != value:
        return False
    merged[key] = value
    return True
