"""The whole document fits its standard's JSON Schema."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.functions.contract import Function, Result
from apim.catalog.rulesets.json_schema import Compiler, Run
from apim.catalog.rulesets.json_schema.prettify import cleaned, prettified, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.functions.contract import Context, Options
    from apim.catalog.rulesets.json_schema import SchemaError
    from apim.catalog.rulesets.json_schema.errors import Check

SCHEMAS = File(__file__).parent.parent / "built_in" / "schemas"
_OPENAPI = (("oas2", "2.0"), ("oas3_2", "3.2"), ("oas3_1", "3.1"), ("oas3", "3.0"))
_NOT_HERE = "is not expected to be here"
_ASYNC_SCHEMA = "http://asyncapi.com/definitions/2.6.0/schema.json"


@lru_cache(maxsize=8)
def standard(name: str) -> tuple[Compiler, Any]:
    """A standard's schemas, and the one to begin with."""
    resources = json.loads((SCHEMAS / f"{name}.json").read_text())
    return Compiler(*resources), resources[0]


def _check(name: str) -> Check:
    compiler, schema = standard(name)
    return compiler.compile(schema)


def openapi_document(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    formats = context.document.formats
    version = next((version for name, version in _OPENAPI if name in formats), None)
    if version is None:
        return
    run = Run(context.budget, is_all=True, passes_references=True)
    _check(f"openapi-{version}")(value, (), run)
    for error in run.errors:
        if error.keyword != "if":
            yield _openapi_result(error, context)


def _openapi_result(error: SchemaError, context: Context) -> Result:
    path, name = error.path, str(error.path[-1]) if error.path else None
    extra = error.params.get("additionalProperty")
    if error.keyword == "additionalProperties":
        return Result(f'Property "{extra}" {_NOT_HERE}', (*path, str(extra)))
    if error.keyword == "errorMessage":
        return Result(error.message, path)
    text = cleaned(error.message)
    if name is not None:
        text = f'"{name}" property {text}'
    if error.keyword == "enum":
        allowed = error.params["allowedValues"]
        text += ": " + ", ".join(json.dumps(one, ensure_ascii=False) for one in allowed)
        found, _, _ = context.document.below(context.document.data, (), path)
        best = suggestion(found, allowed)
        text += f'. Did you mean "{best}"?' if best is not None else ""
    return Result(text, path)


def asyncapi_document(value: Any, options: Options, context: Context) -> Iterator[Result]:
    """With the errors that follow from others left out, as Spectral does.

    With `resolved: false`, only where a reference stands that may not.
    """
    major = "2.6" if "asyncapi2" in context.document.formats else "3.0"
    is_resolved = options.get("resolved") is not False
    run = Run(context.budget, is_all=True, passes_references=is_resolved)
    _check(f"asyncapi-{major}")(value, (), run)
    if is_resolved:
        for message, path in prettified(_relevant(run.errors), value, ()):
            yield Result(message, path)
        return
    for message, path in prettified(run.errors, value, ()):
        if message == f'Property "$ref" {_NOT_HERE}':
            yield Result("Referencing in this place is not allowed", path)


def asyncapi_payload(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    compiler, _schema = standard("asyncapi-2.6")
    check = compiler.compile(compiler.find({}, _ASYNC_SCHEMA))
    run = Run(context.budget, is_all=True, passes_references=True)
    check(value, context.path, run)
    for message, path in prettified(run.errors, value, context.path, explains=False):
        yield Result(message, path)


def _relevant(found: list[SchemaError]) -> list[SchemaError]:
    errors = [_moved(e) for e in found if e.params.get("missingProperty") != "$ref"]
    kept: list[SchemaError] = []
    for error in errors:
        before: Path | None = kept[-1].path if kept else None
        if before == error.path:
            continue
        if error.keyword == "oneOf" and before and before[: len(error.path)] == error.path:
            continue
        kept.append(error)
    return kept


def _moved(error: SchemaError) -> SchemaError:
    extra = error.params.get("additionalProperty")
    if extra is None:
        return error
    return type(error)(
        error.keyword, (*error.path, extra), error.message, error.params, error.owner
    )


STRUCTURE: dict[str, Function] = {
    "asyncApiDocumentSchema": Function(asyncapi_document, (dict,), takes=("resolved",)),
    "asyncApiPayloadValidation": Function(asyncapi_payload, (dict,)),
    "oasDocumentSchema": Function(openapi_document, (dict,)),
}
