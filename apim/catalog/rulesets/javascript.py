"""JavaScript's ideas of truth, equality and members, over JSON values (ECMA-262)."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from apim.catalog.rulesets.patterns import BadPattern, Pattern, pattern

if TYPE_CHECKING:
    from collections.abc import Callable


class _Undefined:
    """What is not there; None is JSON's null."""

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = _Undefined()
# Text that a method may produce; an expression cannot blow it up beyond that.
_MAX_TEXT = 1_000_000


class NotApplicable(Exception):
    """JavaScript would throw here, such as at a member of undefined; a filter then fails."""


def is_true(value: Any) -> bool:
    """Empty lists and mappings are true in JavaScript."""
    if value is None or value is UNDEFINED:
        return False
    if isinstance(value, bool | str):
        return bool(value)
    if isinstance(value, int | float):
        return value != 0 and not (isinstance(value, float) and math.isnan(value))
    return True


def type_name(value: Any) -> str:
    """What `typeof` says."""
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "object"


def is_same(left: Any, right: Any) -> bool:
    """`===`: containers are only ever equal to themselves."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        return left is right
    if left is None or left is UNDEFINED or right is None or right is UNDEFINED:
        return left is right
    return type_name(left) == type_name(right) and bool(left == right)


def is_loosely_equal(left: Any, right: Any) -> bool:
    """`==`: null is undefined, and a number is the text of it."""
    if left is None or left is UNDEFINED or right is None or right is UNDEFINED:
        return (left is None or left is UNDEFINED) and (right is None or right is UNDEFINED)
    kinds = {type_name(left), type_name(right)}
    if len(kinds) == 1 or "object" in kinds:
        return is_same(left, right)
    return number_of(left) == number_of(right)


def is_deeply_equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: true is not 1, and 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            is_deeply_equal(below, right[key]) for key, below in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            is_deeply_equal(a, b) for a, b in zip(left, right, strict=True)
        )
    return bool(left == right)


def number_of(value: Any) -> float:
    """`Number(value)`; what is none is NaN."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value)
    if value is None:
        return 0.0
    if isinstance(value, str):
        try:
            return float(value.strip() or "0")
        except ValueError:
            return math.nan
    return math.nan


def text_of(value: Any) -> str:
    """`String(value)`."""
    if isinstance(value, str):
        return value
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, list):
        return ",".join("" if v is None else text_of(v) for v in value)
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def printed(value: Any) -> str:
    """A value as messages show it."""
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, list):
        return "Array[]"
    if isinstance(value, dict):
        return "Object{}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def member(value: Any, name: Any) -> Any:
    """`value[name]`. Raises NotApplicable for what has no members."""
    if isinstance(value, dict):
        found = value.get(name if isinstance(name, str) else text_of(name), UNDEFINED)
        return _CONSTRUCTOR_OBJECT if found is UNDEFINED and name == "constructor" else found
    if value is None or value is UNDEFINED:
        raise NotApplicable
    if isinstance(value, list | str):
        return _sequence_member(value, name)
    return UNDEFINED


_CONSTRUCTOR_OBJECT = {"name": "Object"}


def _sequence_member(value: list[Any] | str, name: Any) -> Any:
    if name == "length":
        return len(value)
    if name == "constructor":
        return {"name": "Array" if isinstance(value, list) else "String"}
    if isinstance(name, str) and name.isascii() and name.isdigit() and len(name) < 9:
        name = int(name)
    if isinstance(name, int) and not isinstance(name, bool) and 0 <= name < len(value):
        return value[name]
    return UNDEFINED


def compare(operator: str, left: Any, right: Any) -> bool:
    """`<`, `>`, `<=`, `>=` and `in`."""
    if operator == "in":
        if not isinstance(right, dict):
            raise NotApplicable
        return text_of(left) in right
    if isinstance(left, str) and isinstance(right, str):
        return _ordered(operator, left, right)
    return _ordered(operator, number_of(left), number_of(right))


def _ordered(operator: str, left: Any, right: Any) -> bool:
    if operator == "<":
        return bool(left < right)
    if operator == ">":
        return bool(left > right)
    return bool(left <= right) if operator == "<=" else bool(left >= right)


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    """`+` also joins text."""
    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        joined = text_of(left) + text_of(right)
        if len(joined) > _MAX_TEXT:
            raise NotApplicable
        return joined
    a, b = number_of(left), number_of(right)
    try:
        return _ARITHMETIC[operator](a, b)
    except (ZeroDivisionError, OverflowError, ValueError):
        return math.nan


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": math.fmod,
}


def call_static(name: str, arguments: list[Any]) -> Any:
    """Functions that need no object, such as `Object.keys`."""
    value = arguments[0] if arguments else UNDEFINED
    if name.startswith("Object."):
        if not isinstance(value, dict):
            raise NotApplicable
        return list(value if name == "Object.keys" else value.values())
    if name in {"Number", "parseInt", "parseFloat"}:
        number = number_of(value)
        return float(int(number)) if name == "parseInt" and math.isfinite(number) else number
    simple: dict[str, Callable[[Any], Any]] = {
        "Array.isArray": lambda v: isinstance(v, list),
        "String": text_of,
        "Boolean": is_true,
        "isNaN": lambda v: math.isnan(number_of(v)),
        "Number.isInteger": lambda v: type_name(v) == "number" and math.isfinite(v) and v == int(v),
    }
    return simple[name](value)


def call_method(value: Any, name: str, arguments: list[Any]) -> Any:
    """`value.name(…)`. Raises NotApplicable where there is no such method."""
    first = arguments[0] if arguments else UNDEFINED
    if isinstance(value, Pattern):
        if name == "test":
            return value.search(text_of(first))
    elif isinstance(value, str):
        return _text_method(value, name, first)
    elif isinstance(value, list):
        if name in {"includes", "indexOf"}:
            position = next((i for i, one in enumerate(value) if is_same(one, first)), -1)
            return position if name == "indexOf" else position >= 0
        if name == "join":
            return (first if isinstance(first, str) else ",").join(map(text_of, value))
    elif isinstance(value, dict) and name == "hasOwnProperty":
        return text_of(first) in value
    raise NotApplicable


def _text_method(value: str, name: str, first: Any) -> Any:
    if name in {"match", "search"}:
        return _as_pattern(first).search(value)
    if name in _TEXT_METHODS:
        return _TEXT_METHODS[name](value, text_of(first))
    raise NotApplicable


def _as_pattern(value: Any) -> Pattern:
    try:
        return value if isinstance(value, Pattern) else pattern(text_of(value))
    except BadPattern as error:
        raise NotApplicable from error


_TEXT_METHODS: dict[str, Callable[[str, str], Any]] = {
    "includes": lambda value, part: part in value,
    "startsWith": lambda value, part: value.startswith(part),
    "endsWith": lambda value, part: value.endswith(part),
    "indexOf": lambda value, part: value.find(part),
    "split": lambda value, part: value.split(part) if part else list(value),
    "toLowerCase": lambda value, _: value.lower(),
    "toUpperCase": lambda value, _: value.upper(),
    "trim": lambda value, _: value.strip(),
    "toString": lambda value, _: value,
}
