"""What a schema says, told the same way for OpenAPI 3.0 and JSON Schema 2020-12."""

from __future__ import annotations

import json
from typing import Any

# Keywords that say nothing about which values are valid.
ANNOTATIONS = frozenset({
    "title", "description", "summary", "example", "examples", "externalDocs", "xml", "$comment",
    "default", "deprecated", "$id", "$anchor", "$schema",
})  # fmt: skip
# Where other schemas stand inside one: mappings of names to schemas.
SCHEMA_MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")

Number = int | float


def as_schema(value: Any) -> dict[str, Any]:
    """A boolean schema spelled out: true allows all, false nothing."""
    if isinstance(value, dict):
        return value
    return {"not": {}} if value is False else {}


def is_false(value: Any) -> bool:
    """Whether no value is valid."""
    return value is False or (isinstance(value, dict) and value == {"not": {}})


def allows_all(value: Any) -> bool:
    """Whether every value is valid: no schema, true, or nothing but annotations."""
    if value is None or value is True:
        return True
    return isinstance(value, dict) and not value.keys() - ANNOTATIONS


def types_of(schema: dict[str, Any]) -> tuple[str, ...]:
    """The declared types without null; empty where any is allowed."""
    return tuple(t for t in _declared(schema) if t != "null")


def is_nullable(schema: dict[str, Any]) -> bool:
    return schema.get("nullable") is True or "null" in _declared(schema)


def _declared(schema: dict[str, Any]) -> list[str]:
    declared = schema.get("type")
    if isinstance(declared, str):
        return [declared]
    return [t for t in declared if isinstance(t, str)] if isinstance(declared, list) else []


# keyword, name in codes, whether it bounds from above, whether zero is the same as none
_PLAIN_BOUNDS = (
    ("maxLength", "max-length", True, False),
    ("minLength", "min-length", False, True),
    ("maxItems", "max-items", True, False),
    ("minItems", "min-items", False, True),
    ("maxProperties", "max-properties", True, False),
    ("minProperties", "min-properties", False, True),
    ("minContains", "min-contains", False, False),
    ("maxContains", "max-contains", True, False),
)
# The keyword in the document, and whether it bounds from above, by the name in codes.
BOUNDS = {name: (keyword, is_upper) for keyword, name, is_upper, _zero in _PLAIN_BOUNDS} | {
    "max": ("maximum", True),
    "min": ("minimum", False),
    "exclusive-max": ("exclusiveMaximum", True),
    "exclusive-min": ("exclusiveMinimum", False),
}


def bounds_of(schema: dict[str, Any]) -> dict[str, Number]:
    """Every bound by its name in codes.

    In OpenAPI 3.0 exclusiveMaximum is a flag of maximum; here it is a bound of its own.
    """
    found: dict[str, Number] = {}
    for keyword, name, _is_upper, zero_is_none in _PLAIN_BOUNDS:
        value = number(schema.get(keyword))
        if value is not None and not (zero_is_none and value == 0):
            found[name] = value
    for side, keyword, exclusive in (
        ("max", "maximum", "exclusiveMaximum"),
        ("min", "minimum", "exclusiveMinimum"),
    ):
        inclusive = number(schema.get(keyword))
        strict = schema.get(exclusive)
        if strict is True and inclusive is not None:
            found["exclusive-" + side] = inclusive
            continue
        if inclusive is not None:
            found[side] = inclusive
        value = number(strict)
        if value is not None:
            found["exclusive-" + side] = value
    return found


def number(value: Any) -> Number | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def names_in(value: Any) -> list[str]:
    """The texts in a list, each once; empty for anything else."""
    if not isinstance(value, list):
        return []
    return list(dict.fromkeys(name for name in value if isinstance(name, str)))


def keyed(values: Any) -> dict[str, Any]:
    """The values of a list by what makes them equal in JSON, where 1 and true differ."""
    if not isinstance(values, list):
        return {}
    return {json.dumps(v, sort_keys=True, default=str): v for v in values}


def bare(value: Any) -> Any:
    """The schema without annotations, all the way down."""
    if isinstance(value, list):
        return [bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for key, below in value.items():
        if key in SCHEMA_MAPS and isinstance(below, dict):
            kept[key] = {name: bare(one) for name, one in below.items()}
        elif key in {"enum", "const"}:
            kept[key] = below
        elif key not in ANNOTATIONS:
            kept[key] = bare(below)
    return kept
