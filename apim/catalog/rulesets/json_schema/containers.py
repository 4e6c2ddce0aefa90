"""Keywords about lists and mappings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.json_schema.evaluated import Evaluated
from apim.catalog.rulesets.json_schema.scalars import patterns_of, size_check

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.json_schema.compiler import Compiler
    from apim.catalog.rulesets.json_schema.errors import Check, Run
    from apim.catalog.rulesets.patterns import Pattern


def _sizes(schema: dict[str, Any], most: str, least: str, noun: str) -> list[Check]:
    checks: list[Check] = []
    for keyword, word, passes in (
        (most, "more", lambda size, limit: size <= limit),
        (least, "fewer", lambda size, limit: size >= limit),
    ):
        limit = schema.get(keyword)
        if isinstance(limit, int | float) and not isinstance(limit, bool):
            checks.append(size_check(keyword, word, noun, limit, passes, id(schema)))
    return checks


def array_checks(compiler: Compiler, schema: dict[str, Any]) -> list[Check]:
    """Bounds, uniqueItems, items and what they are called in each draft, contains."""
    checks = _sizes(schema, "maxItems", "minItems", "items")
    if schema.get("uniqueItems") is True:
        checks.append(_unique(id(schema)))
    items = schema.get("items")
    prefix = items if isinstance(items, list) else schema.get("prefixItems")
    rest = schema.get("additionalItems") if isinstance(items, list) else items
    if isinstance(prefix, list):
        checks.append(_prefix([compiler.compile(one) for one in prefix]))
    size = len(prefix) if isinstance(prefix, list) else 0
    if rest is False:
        checks.append(_no_more(size, id(schema)))
    elif isinstance(rest, dict):
        checks.append(_rest(size, compiler.compile(rest)))
    if "contains" in schema:
        checks.append(_contains(compiler, schema))
    if schema.get("unevaluatedItems") is False and items is None:
        checks.append(_no_more(size, id(schema)))
    return checks


def _unique(owner: int) -> Check:
    def check(value: Any, path: Path, run: Run) -> bool:
        first: dict[tuple[str, Any], int] = {}
        for index, item in enumerate(value):
            run.budget.spend()
            known = first.setdefault(_identity(item), index)
            if known != index:
                text = f"must NOT have duplicate items (items ## {known} and {index} are identical)"
                return run.fail("uniqueItems", path, text, owner, i=index, j=known)
        return True

    return check


def _identity(item: Any) -> tuple[str, Any]:
    """Equal for equal JSON values only: true is not 1, but 1 is 1.0."""
    if isinstance(item, bool) or item is None:
        return "word", item
    if isinstance(item, int | float):
        return "number", item
    if isinstance(item, str):
        return "text", item
    return "holder", json.dumps(item, sort_keys=True)


def _prefix(checks: list[Check]) -> Check:
    def check(value: Any, path: Path, run: Run) -> bool:
        is_valid = True
        for index, (one, item) in enumerate(zip(checks, value, strict=False)):
            if not one(item, (*path, index), run):
                is_valid = False
                if not run.is_all:
                    break
        return is_valid

    return check


def _rest(start: int, inner: Check) -> Check:
    def check(value: Any, path: Path, run: Run) -> bool:
        is_valid = True
        for index in range(start, len(value)):
            if not inner(value[index], (*path, index), run):
                is_valid = False
                if not run.is_all:
                    break
        return is_valid

    return check


def _no_more(size: int, owner: int) -> Check:
    def check(value: Any, path: Path, run: Run) -> bool:
        text = f"must NOT have more than {size} items"
        return len(value) <= size or run.fail("items", path, text, owner, limit=size)

    return check


def _contains(compiler: Compiler, schema: dict[str, Any]) -> Check:
    inner, owner = compiler.compile(schema["contains"]), id(schema)
    least = schema.get("minContains", 1)
    most = schema.get("maxContains")
    message = f"must contain at least {least} valid item(s)"
    if most is not None:
        message += f" and no more than {most} valid item(s)"

    def check(value: Any, path: Path, run: Run) -> bool:
        before, count = len(run.errors), 0
        for index, item in enumerate(value):
            count += inner(item, (*path, index), run)
        if count >= least and (most is None or count <= most):
            del run.errors[before:]
            return True
        return run.fail("contains", path, message, owner)

    return check


def object_checks(compiler: Compiler, schema: dict[str, Any]) -> list[Check]:
    """Bounds, required, names, dependencies, properties of all kinds."""
    checks = _sizes(schema, "maxProperties", "minProperties", "properties")
    required = schema.get("required")
    if isinstance(required, list):
        checks.append(_required(schema, [one for one in required if isinstance(one, str)]))
    if "propertyNames" in schema:
        checks.append(_property_names(compiler, schema))
    checks += _dependencies(compiler, schema)
    if members := _members(compiler, schema):
        checks.append(members)
    unevaluated = schema.get("unevaluatedProperties")
    if unevaluated is not None and unevaluated is not True:
        checks.append(_unevaluated(compiler, schema, unevaluated))
    return checks


def _required(schema: dict[str, Any], names: list[str]) -> Check:
    owner = id(schema)
    properties = schema.get("properties")
    own = properties if isinstance(properties, dict) else {}
    flags = {
        name: frozenset(flag for flag in ("readOnly", "writeOnly") if own[name].get(flag) is True)
        for name in names
        if isinstance(own.get(name), dict)
    }

    def check(value: Any, path: Path, run: Run) -> bool:
        is_valid = True
        for name in names:
            if name in value or (run.relaxed and flags.get(name, frozenset()) & run.relaxed):
                continue
            text = f"must have required property '{name}'"
            is_valid = run.fail("required", path, text, owner, missingProperty=name)
            if not run.is_all:
                break
        return is_valid

    return check


def _property_names(compiler: Compiler, schema: dict[str, Any]) -> Check:
    inner, owner = compiler.compile(schema["propertyNames"]), id(schema)

    def check(value: Any, path: Path, run: Run) -> bool:
        is_valid = True
        for name in value:
            if not inner(name, path, run):
                is_valid = run.fail(
                    "propertyNames", path, "property name must be valid", owner, propertyName=name
                )
                if not run.is_all:
                    break
        return is_valid

    return check


def _dependencies(compiler: Compiler, schema: dict[str, Any]) -> list[Check]:
    checks: list[Check] = []
    for keyword in ("dependencies", "dependentRequired", "dependentSchemas"):
        wanted = schema.get(keyword)
        for name, needs in wanted.items() if isinstance(wanted, dict) else ():
            if isinstance(needs, list):
                checks.append(_dependent_required(keyword, name, needs, id(schema)))
            else:
                checks.append(_dependent(name, compiler.compile(needs)))
    return checks


def _dependent_required(keyword: str, name: str, needs: list[str], owner: int) -> Check:
    noun = "property" if len(needs) == 1 else "properties"
    message = f"must have {noun} {', '.join(needs)} when property {name} is present"

    def check(value: Any, path: Path, run: Run) -> bool:
        if name not in value or all(one in value for one in needs):
            return True
        return run.fail(keyword, path, message, owner)

    return check


def _dependent(name: str, inner: Check) -> Check:
    return lambda value, path, run: name not in value or inner(value, path, run)


def _members(compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    """properties, patternProperties and additionalProperties in one pass over the mapping."""
    properties = schema.get("properties")
    named = {
        name: compiler.compile(below)
        for name, below in (properties.items() if isinstance(properties, dict) else ())
        if isinstance(below, dict | bool)
    }
    patterned = [(found, compiler.compile(below)) for found, below in patterns_of(schema)]
    additional = schema.get("additionalProperties", True)
    if not named and not patterned and additional is True:
        return None
    others = compiler.compile(additional) if isinstance(additional, dict) else None
    return _member_check(named, patterned, others, additional is False, id(schema))


def _member_check(
    named: dict[str, Check],
    patterned: list[tuple[Pattern, Check]],
    others: Check | None,
    is_closed: bool,  # noqa: FBT001
    owner: int,
) -> Check:
    # Property names recur; whether a pattern matches one need be found out only once.
    known: dict[str, tuple[Check, ...]] = {}

    def checks_of(name: str, run: Run) -> tuple[Check, ...]:
        if name not in known:
            found = [named[name]] if name in named else []
            found += [below for one, below in patterned if one.search(name, run.budget)]
            if len(known) > 10_000:
                known.clear()
            known[name] = tuple(found) or ((others,) if others is not None else ())
        return known[name]

    def check(value: Any, path: Path, run: Run) -> bool:
        is_valid = True
        for name, below in value.items():
            found = checks_of(name, run)
            if not found and is_closed:
                is_valid = run.fail(
                    "additionalProperties",
                    path,
                    "must NOT have additional properties",
                    owner,
                    additionalProperty=name,
                )
            for one in found:
                if not one(below, (*path, name), run):
                    is_valid = False
            if not is_valid and not run.is_all:
                return False
        return is_valid

    return check


def _unevaluated(compiler: Compiler, schema: dict[str, Any], inner: Any) -> Check:
    evaluated = Evaluated(compiler, schema)
    below = None if inner is False else compiler.compile(inner)
    owner = id(schema)

    def check(value: Any, path: Path, run: Run) -> bool:
        is_valid = True
        for name in value:
            if evaluated.covers(name, value, path, run):
                continue
            if below is not None and below(value[name], (*path, name), run):
                continue
            is_valid = run.fail(
                "unevaluatedProperties",
                path,
                "must NOT have unevaluated properties",
                owner,
                unevaluatedProperty=name,
            )
            if not run.is_all:
                break
        return is_valid

    return check
