"""Errors as Spectral shows them: the redundant ones left out, each in one sentence.

Follows @stoplight/better-ajv-errors 1.0 (Apache-2.0), whose choice people's rulesets rely on.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.javascript import UNDEFINED, is_deeply_equal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.json_schema.errors import SchemaError

_POINTER = re.compile(r"/[\w$-]+(?:/\d+)?")
_MAX_DISTANCE = 60
# More values than these are no choice that was misspelt.
_MOST_COMPARED = 200


@dataclass(slots=True)
class _Node:
    errors: list[SchemaError] = field(default_factory=list)
    children: dict[str, _Node] = field(default_factory=dict)


def prettified(
    errors: Sequence[SchemaError], value: Any, base: Path, *, explains: bool = True
) -> Iterator[tuple[str, Path]]:
    """Message and path of each error worth showing. `value` is what was checked, at `base`.

    `explains` adds what to make of combinations and list items.
    """
    root = _Node()
    for error in errors:
        pointer = instance_pointer(error.path, base)
        parts = _POINTER.findall(pointer) if pointer else [""]
        node = root
        for part in parts:
            node = node.children.setdefault(part, _Node())
        if parts:
            node.errors.append(error)
    _leave_out(root, None, "")
    unmatched = {
        error.path: error.keyword
        for error in errors
        if error.keyword in {"oneOf", "anyOf"} and not error.params.get("passingSchemas")
    }
    for error, text in _sentences(root, value, base):
        yield _described(text, error, base, unmatched) if explains else text, error.path


def instance_pointer(path: Path, base: Path) -> str:
    """`path` as a pointer into the value that stands at `base`."""
    tokens = path[len(base) :] if path[: len(base)] == base else path
    return "".join("/" + str(t).replace("~", "~0").replace("/", "~1") for t in tokens)


def _leave_out(node: _Node, parent: _Node | None, key: str) -> None:
    if node.children and any(error.keyword == "anyOf" for error in node.errors):
        node.errors = []
    is_enum = node.errors and all(error.keyword == "enum" for error in node.errors)
    if is_enum and parent is not None and len(parent.children) > 1:
        del parent.children[key]
    for name, child in list(node.children.items()):
        _leave_out(child, node, name)


def _sentences(node: _Node, value: Any, base: Path) -> Iterator[tuple[SchemaError, str]]:
    if node.errors and all(error.keyword == "enum" for error in node.errors):
        yield node.errors[0], _enum_sentence(node.errors, value, base)
        return
    for error in node.errors:
        yield error, _sentence(error, value, base)
    for child in node.children.values():
        yield from _sentences(child, value, base)


def _sentence(error: SchemaError, value: Any, base: Path) -> str:
    if error.keyword == "additionalProperties":
        return f'Property "{error.params["additionalProperty"]}" is not expected to be here'
    if error.keyword == "errorMessage":
        return error.message
    name = _name(error, base)
    if error.keyword == "type":
        start = "Value type" if name is None else f'"{name}" property type'
        return f"{start} {cleaned(error.message)}"
    return f"{_property(error, value, base)} {cleaned(error.message)}"


def _enum_sentence(errors: Sequence[SchemaError], value: Any, base: Path) -> str:
    allowed: list[Any] = []
    for error in errors:
        for one in error.params["allowedValues"]:
            if not any(is_deeply_equal(one, known) for known in allowed):
                allowed.append(one)
    error = errors[0]
    shown = ", ".join(
        f'"{one}"' if isinstance(one, str) else json.dumps(one, ensure_ascii=False)
        for one in allowed
    )
    text = f"{_property(error, value, base)} {error.message}: {shown}"
    best = suggestion(_value_at(error, value, base), allowed)
    return f'{text}. Did you mean "{best}"?' if best is not None else text


def _name(error: SchemaError, base: Path) -> str | int | None:
    if pointer := instance_pointer(error.path, base):
        return pointer.rsplit("/", 1)[1]
    return base[-1] if base else None


def _property(error: SchemaError, value: Any, base: Path) -> str:
    name = _name(error, base)
    if name is not None:
        return f'"{name}" property'
    kinds = {bool: "Boolean", str: "String", int: "Number", float: "Number"}
    return kinds.get(type(_value_at(error, value, base)), "Object")


def _value_at(error: SchemaError, value: Any, base: Path) -> Any:
    for token in error.path[len(base) :]:
        if isinstance(value, dict):
            value = value.get(str(token), UNDEFINED)
        elif isinstance(value, list) and isinstance(token, int) and token < len(value):
            value = value[token]
        else:
            return UNDEFINED
    return value


def cleaned(message: str) -> str:
    """Ajv's words with double quotes and a quiet “not”."""
    return message.replace("'", '"').replace("NOT", "not")


def suggestion(value: Any, allowed: Sequence[Any]) -> str | None:
    """The allowed text that `value` may have been meant to be."""
    texts = [one for one in allowed if isinstance(one, str)]
    if not isinstance(value, str) or not 0 < len(texts) <= _MOST_COMPARED:
        return None
    distance, best = min(((_distance(value, one), one) for one in texts), key=lambda pair: pair[0])
    return best if len(allowed) == 1 or distance < len(best) else None


def _distance(left: str, right: str) -> int:
    """Levenshtein's, of not too long texts."""
    left, right = left[:_MAX_DISTANCE], right[:_MAX_DISTANCE]
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def _described(text: str, error: SchemaError, base: Path, unmatched: dict[Path, str]) -> str:
    last = error.path[-1] if len(error.path) > len(base) else None
    for prefix in (f'"{last}" property type', f'"{last}" property'):
        if isinstance(last, int) and text.startswith(prefix):
            text = f"Item at index {last}{text[len(prefix) :]}"
            break
    keyword = unmatched.get(error.path)
    if keyword and text.endswith(f" in {keyword}"):
        text += ". None of the schemas matched, see the other errors reported for this value"
    return text
