"""How the keywords of one schema become one function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.javascript import is_deeply_equal
from apim.catalog.rulesets.json_schema import containers, scalars
from apim.catalog.rulesets.json_schema.errors import SchemaError, is_valid

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.json_schema.compiler import Compiler
    from apim.catalog.rulesets.json_schema.errors import Check, Run

# Deeper nesting of value and schema together serves nobody, and Python's stack ends somewhere.
_MAX_DEPTH = 110


def compose(compiler: Compiler, schema: dict[str, Any]) -> Check:  # noqa: C901 - one dispatch
    """All keywords of `schema` in Ajv's order: type, then those for the value's type among others."""
    type_check = _type(compiler, schema)
    number = scalars.number_checks(schema)
    string = scalars.string_checks(schema)
    shared = _shared(compiler, schema)
    array = containers.array_checks(compiler, schema)
    mapping = containers.object_checks(compiler, schema)
    message = schema.get("errorMessage")
    for_text = (*string, *shared)
    for_number = (*number, *shared)
    for_list = (*shared, *array)
    for_mapping = (*shared, *mapping)

    def check(value: Any, path: Path, run: Run) -> bool:
        if isinstance(value, dict):
            if "$ref" in value and isinstance(value["$ref"], str):
                if run.passes_references:
                    return True
                if run.follow is not None and (found := run.follow(value)) is not None:
                    value, path = found
            checks: tuple[Check, ...] = for_mapping if isinstance(value, dict) else shared
        elif isinstance(value, str):
            checks = for_text
        elif isinstance(value, list):
            checks = for_list
        elif isinstance(value, int | float) and not isinstance(value, bool):
            checks = for_number
        else:
            checks = shared
        run.budget.spend(1 + len(checks))
        has_type = type_check is None or type_check(value, path, run)
        if not has_type and not run.is_all:
            return False
        return _all(checks, value, path, run) and has_type

    def entered(value: Any, path: Path, run: Run) -> bool:
        if run.depth > _MAX_DEPTH:
            return True
        before = len(run.errors)
        run.depth += 1
        try:
            passes = check(value, path, run)
        finally:
            run.depth -= 1
        if not passes and message is not None:
            _say(message, run, before, path, id(schema))
        return passes

    return entered


def _all(checks: tuple[Check, ...], value: Any, path: Path, run: Run) -> bool:
    is_valid = True
    for one in checks:
        if not one(value, path, run):
            if not run.is_all:
                return False
            is_valid = False
    return is_valid


def _say(message: Any, run: Run, before: int, path: Path, owner: int) -> None:
    """`errorMessage` of ajv-errors: one text instead of what was found, or one for a keyword."""
    if isinstance(message, str):
        del run.errors[before:]
        run.fail("errorMessage", path, message, owner)
    elif isinstance(message, dict):
        found = run.errors[before:]
        replaced: list[SchemaError] = []
        for error in found:
            text = message.get(error.keyword)
            if isinstance(text, str) and error.path == path and error.owner == owner:
                error = SchemaError("errorMessage", path, text, {}, owner)  # noqa: PLW2901
            replaced.append(error)
        run.errors[before:] = replaced


def _type(compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    wanted = schema.get("type")
    if isinstance(wanted, str):
        names: tuple[str, ...] = (wanted,)
    elif isinstance(wanted, list):
        names = tuple(name for name in wanted if isinstance(name, str))
    else:
        return None
    is_nullable = schema.get(compiler.nullable_keyword) is True
    shown = ",".join(names)
    allowed = (*names, "null") if is_nullable else names
    tests = [scalars.TYPES[name] for name in allowed if name in scalars.TYPES]
    owner = id(schema)
    if is_nullable and compiler.shows_null:
        shown += ",null"

    def check(value: Any, path: Path, run: Run) -> bool:
        if any(test(value) for test in tests):
            return True
        return run.fail("type", path, f"must be {shown}", owner, type=shown)

    return check


def _shared(compiler: Compiler, schema: dict[str, Any]) -> tuple[Check, ...]:
    makers: tuple[Callable[[Compiler, dict[str, Any]], Check | None], ...] = (
        _ref,
        _const,
        _enum,
        _not,
        _any_of,
        _one_of,
        _all_of,
        _if,
    )
    return tuple(check for make in makers if (check := make(compiler, schema)) is not None)


def _ref(compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    ref = schema.get("$ref", schema.get("$dynamicRef", schema.get("$recursiveRef")))
    return compiler.target(schema, ref) if isinstance(ref, str) else None


def _const(_compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    if "const" not in schema:
        return None
    wanted, owner = schema["const"], id(schema)

    def check(value: Any, path: Path, run: Run) -> bool:
        if is_deeply_equal(value, wanted):
            return True
        return run.fail("const", path, "must be equal to constant", owner, allowedValue=wanted)

    return check


def _enum(_compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    allowed, owner = schema.get("enum"), id(schema)
    if not isinstance(allowed, list):
        return None
    texts = {one for one in allowed if isinstance(one, str)}
    others = [one for one in allowed if not isinstance(one, str)]

    def check(value: Any, path: Path, run: Run) -> bool:
        if isinstance(value, str):
            if value in texts:
                return True
        elif any(is_deeply_equal(value, other) for other in others):
            return True
        text = "must be equal to one of the allowed values"
        return run.fail("enum", path, text, owner, allowedValues=allowed)

    return check


def _not(compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    if "not" not in schema:
        return None
    inner, owner = compiler.compile(schema["not"]), id(schema)

    def check(value: Any, path: Path, run: Run) -> bool:
        if not is_valid(inner, value, path, run):
            return True
        return run.fail("not", path, "must NOT be valid", owner)

    return check


def _branches(compiler: Compiler, schema: dict[str, Any], keyword: str) -> list[Check]:
    branches = schema.get(keyword)
    if not isinstance(branches, list):
        return []
    return [compiler.compile(branch) for branch in branches]


def _any_of(compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    branches, owner = _branches(compiler, schema, "anyOf"), id(schema)
    if not branches:
        return None

    def check(value: Any, path: Path, run: Run) -> bool:
        before = len(run.errors)
        for branch in branches:
            if branch(value, path, run):
                del run.errors[before:]
                return True
        return run.fail("anyOf", path, "must match a schema in anyOf", owner)

    return check


def _one_of(compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    branches, owner = _branches(compiler, schema, "oneOf"), id(schema)
    if not branches:
        return None

    def check(value: Any, path: Path, run: Run) -> bool:
        before, passing = len(run.errors), 0
        for branch in branches:
            passing += branch(value, path, run)
            if passing > 1:
                break
        if passing == 1:
            del run.errors[before:]
            return True
        if passing > 1:
            del run.errors[before:]
        return run.fail(
            "oneOf",
            path,
            "must match exactly one schema in oneOf",
            owner,
            passingSchemas=passing or None,
        )

    return check


def _all_of(compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    branches = tuple(_branches(compiler, schema, "allOf"))
    if not branches:
        return None
    return lambda value, path, run: _all(branches, value, path, run)


def _if(compiler: Compiler, schema: dict[str, Any]) -> Check | None:
    if "if" not in schema or not ("then" in schema or "else" in schema):
        return None
    condition, owner = compiler.compile(schema["if"]), id(schema)
    then = compiler.compile(schema.get("then", True))
    otherwise = compiler.compile(schema.get("else", True))

    def check(value: Any, path: Path, run: Run) -> bool:
        passes = is_valid(condition, value, path, run)
        if (then if passes else otherwise)(value, path, run):
            return True
        failing = "then" if passes else "else"
        return run.fail("if", path, f'must match "{failing}" schema', owner, failingKeyword=failing)

    return check
