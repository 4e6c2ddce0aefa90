"""Keywords about types, numbers and text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.javascript import text_of
from apim.catalog.rulesets.json_schema.errors import BadSchema
from apim.catalog.rulesets.json_schema.formats import FORMATS, NUMBER_FORMATS
from apim.catalog.rulesets.patterns import BadPattern, pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.json_schema.errors import Check, Run
    from apim.catalog.rulesets.patterns import Pattern

# Text that a schema's pattern looks at; the rest is not told.
_MAX_TEXT = 100_000


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "number": _is_number,
    "integer": lambda v: _is_number(v) and (isinstance(v, int) or v.is_integer()),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


def number_checks(schema: dict[str, Any]) -> list[Check]:
    """maximum, minimum, both exclusive (boolean in draft 4, number later), multipleOf, format."""
    checks: list[Check] = []
    for keyword, exclusive, strict, loose in (
        ("maximum", "exclusiveMaximum", "<", "<="),
        ("minimum", "exclusiveMinimum", ">", ">="),
    ):
        bound, beyond = schema.get(keyword), schema.get(exclusive)
        if _is_number(bound):
            operator = strict if beyond is True else loose
            checks.append(_bound(keyword, operator, bound, id(schema)))
        if _is_number(beyond):
            checks.append(_bound(exclusive, strict, beyond, id(schema)))
    step = schema.get("multipleOf")
    if _is_number(step) and step:
        checks.append(_multiple(step, id(schema)))
    if (name := schema.get("format")) in NUMBER_FORMATS:
        checks.append(_format(str(name), NUMBER_FORMATS[str(name)], id(schema)))
    return checks


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _bound(keyword: str, operator: str, bound: Any, owner: int) -> Check:
    passes, message = _COMPARE[operator], f"must be {operator} {text_of(bound)}"

    def check(value: Any, path: Path, run: Run) -> bool:
        return passes(value, bound) or run.fail(keyword, path, message, owner, limit=bound)

    return check


def _multiple(step: float, owner: int) -> Check:
    def check(value: Any, path: Path, run: Run) -> bool:
        if isinstance(value, int) and isinstance(step, int):
            passes = value % step == 0
        else:
            try:
                quotient = value / step
                passes = math.isfinite(quotient) and quotient == int(quotient)
            except (OverflowError, ZeroDivisionError):
                passes = False
        message = f"must be multiple of {text_of(step)}"
        return passes or run.fail("multipleOf", path, message, owner)

    return check


def string_checks(schema: dict[str, Any]) -> list[Check]:
    """maxLength, minLength, pattern, format. Raises BadSchema."""
    checks: list[Check] = []
    owner = id(schema)
    for keyword, word, passes in (
        ("maxLength", "more", lambda size, limit: size <= limit),
        ("minLength", "fewer", lambda size, limit: size >= limit),
    ):
        limit = schema.get(keyword)
        if isinstance(limit, int | float) and not isinstance(limit, bool):
            checks.append(size_check(keyword, word, "characters", limit, passes, owner))
    source = schema.get("pattern")
    if isinstance(source, str):
        checks.append(_pattern(source, owner))
    if (name := schema.get("format")) in FORMATS:
        checks.append(_format(str(name), FORMATS[str(name)], owner))
    return checks


def size_check(
    keyword: str,
    word: str,
    noun: str,
    limit: float,
    passes: Callable[[Any, Any], bool],
    owner: int,
) -> Check:
    """A bound on the number of characters, items or properties."""
    message = f"must NOT have {word} than {text_of(limit)} {noun}"

    def check(value: Any, path: Path, run: Run) -> bool:
        return passes(len(value), limit) or run.fail(keyword, path, message, owner, limit=limit)

    return check


def _pattern(source: str, owner: int) -> Check:
    try:
        compiled = pattern(source)
    except BadPattern as error:
        raise BadSchema(f"the pattern {source} is not a regular expression: {error}") from error
    message = f'must match pattern "{source}"'

    def check(value: Any, path: Path, run: Run) -> bool:
        if compiled.search(value[:_MAX_TEXT], run.budget):
            return True
        return run.fail("pattern", path, message, owner, pattern=source)

    return check


def _format(name: str, passes: Callable[[Any], bool], owner: int) -> Check:
    message = f'must match format "{name}"'

    def check(value: Any, path: Path, run: Run) -> bool:
        return passes(value) or run.fail("format", path, message, owner, format=name)

    return check


def patterns_of(schema: dict[str, Any]) -> list[tuple[Pattern, Any]]:
    """patternProperties, compiled. Raises BadSchema."""
    found = schema.get("patternProperties")
    try:
        return [
            (pattern(source), below)
            for source, below in (found.items() if isinstance(found, dict) else ())
        ]
    except BadPattern as error:
        raise BadSchema(f"a pattern is not a regular expression: {error}") from error
