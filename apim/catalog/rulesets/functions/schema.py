"""The `schema` function, and what the built-in sets do with JSON Schema."""

from __future__ import annotations

from time import thread_time
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.budget import Budget, OutOfBudget, seconds_for
from apim.catalog.rulesets.functions.contract import Function, Result
from apim.catalog.rulesets.javascript import UNDEFINED
from apim.catalog.rulesets.json_schema import BadSchema, Compiler, Run
from apim.catalog.rulesets.json_schema.prettify import prettified

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.functions.contract import Context, Options
    from apim.catalog.rulesets.json_schema import SchemaError
    from apim.catalog.rulesets.json_schema.errors import Check

DIALECTS = ("auto", "draft4", "draft6", "draft7", "draft2019-09", "draft2020-12")
_MISSING = '#{{print("property")}}must exist'
_SPENT = "seconds spent on examples"
_COMPILER = "document schemas"


def schema(value: Any, options: Options, context: Context) -> Iterator[Result]:
    """The value fits the JSON Schema in the options; the first error, or all with `allErrors`."""
    if value is UNDEFINED:
        yield Result(_MISSING)
        return
    known = context.document.memory.setdefault("rule schemas", {})
    own = options["schema"]
    if id(own) not in known:
        known[id(own)] = Compiler(own).compile(own)
    run = Run(
        context.budget,
        is_all=options.get("allErrors") is True,
        follow=context.document.follow if context.is_resolved else None,
    )
    try:
        known[id(own)](value, context.path, run)
    except BadSchema as error:
        yield Result(str(error))
    yield from shown(run.errors, value, context.path)


def shown(errors: Sequence[SchemaError], value: Any, base: Path) -> Iterator[Result]:
    """Errors as results, in Spectral's words."""
    for message, path in prettified(errors, value, base):
        yield Result(message, path)


def document_schema(context: Context, found: Any) -> Check | None:
    """A schema of the description itself, compiled; None if it cannot be."""
    memory, formats = context.document.memory, context.document.formats
    if _COMPILER not in memory:
        memory[_COMPILER] = Compiler(
            lookup=lambda ref: (context.document.target(ref) or (UNDEFINED,))[0],
            shows_null=bool(formats & {"oas2", "oas3_0"}),
            nullable_keyword="x-nullable" if "oas2" in formats else "nullable",
        )
    try:
        check: Check = memory[_COMPILER].compile(found)
    except BadSchema:
        return None
    return check


def check_value(
    value: Any,
    path: Path,
    found: Any,
    context: Context,
    *,
    relaxed: frozenset[str] = frozenset(),
    is_all: bool = False,
) -> Iterator[Result]:
    """`value`, at `path`, fits the description's own schema `found`.

    What a schema refers to in vain is not this rule's business, and neither is one that takes too
    long to match.
    """
    if value is UNDEFINED:
        yield Result(_MISSING, path)
        return
    check = document_schema(context, found)
    left = _seconds_left(context)
    if check is None or left <= 0:
        return
    run = Run(Budget(left), is_all=is_all, relaxed=relaxed)
    began = thread_time()
    try:
        check(value, path, run)
    except (BadSchema, OutOfBudget):
        return
    finally:
        context.document.memory[_SPENT] += thread_time() - began
    yield from shown(run.errors, value, path)


def _seconds_left(context: Context) -> float:
    """For all examples together: a schema can be made to be matched for ever."""
    spent: float = context.document.memory.setdefault(_SPENT, 0.0)
    return seconds_for(context.document.size()) / 2 - spent


def _check_schema(options: Options) -> str:
    own = options["schema"]
    if not isinstance(own, dict):
        return "“schema” is a JSON Schema, for example {type: string}"
    if options.get("dialect", "auto") not in DIALECTS:
        return f"“dialect” is one of {', '.join(DIALECTS)}"
    try:
        # References inside are found when they are needed: let that be now.
        Compiler(own).compile(own)({}, (), Run(Budget(1.0)))
    except BadSchema as error:
        return f"its schema cannot be used: {error}"
    except OutOfBudget:
        return "its schema takes too long to match even nothing"
    return ""


SCHEMA = Function(schema, needs=("schema",), takes=("dialect", "allErrors"), check=_check_schema)
