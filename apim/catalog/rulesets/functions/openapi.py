"""What the OpenAPI set asks beyond the core functions (after @stoplight/spectral-rulesets)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.functions.contract import Function, Result
from apim.catalog.rulesets.functions.orphans import orphans
from apim.catalog.rulesets.javascript import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.document import Document
    from apim.catalog.rulesets.functions.contract import Context, Options

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
_PATH_PARAMETER = re.compile(r"\{;?\??[a-zA-Z0-9_-]+\*?\}")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_COMPONENTS = (
    "schemas",
    "responses",
    "parameters",
    "examples",
    "requestBodies",
    "headers",
    "links",
    "callbacks",
)


def operations(document: Document, paths: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each operation of a paths object, and where it stands, references followed."""
    for template, written in paths.items() if isinstance(paths, dict) else ():
        item, at = document.resolve(written, ("paths",), template)
        for method in METHODS if isinstance(item, dict) else ():
            if method in item:
                operation, where = document.resolve(item[method], at, method)
                if isinstance(operation, dict):
                    yield where, operation


def unique_operation_ids(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    seen: set[str] = set()
    for path, operation in operations(context.document, value):
        if "operationId" in operation:
            name = str(operation["operationId"])
            if name in seen:
                yield Result("operationId must be unique.", (*path, "operationId"))
            seen.add(name)


def unique_parameters(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    """Name and in together once; OpenAPI 2's body once, and not beside formData."""
    seen: set[tuple[str, str]] = set()
    bodies: list[Path] = []
    has_form = False
    for index, written in enumerate(value):
        parameter = context.document.plain(written)
        if not isinstance(parameter, dict):
            continue
        place = str(parameter.get("in"))
        key = (place, str(parameter.get("name")))
        if key in seen:
            yield Result(
                "A parameter in this operation already exposes the same combination"
                ' of "name" and "in" values.',
                (*context.path, index),
            )
        seen.add(key)
        has_form |= place == "formData"
        if place == "body":
            bodies.append((*context.path, index))
    if bodies and has_form:
        yield Result('Operation must not have both "in:body" and "in:formData" parameters.')
    for path in bodies[1:]:
        text = 'Operation must not have more than a single instance of the "in:body" parameter.'
        yield Result(text, path)


def success_response(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    for status in value:
        if "oas3" in context.document.formats and status in {"2XX", "3XX"}:
            return
        number = number_of(status)
        if not math.isnan(number) and 200 <= number < 400:
            return
    yield Result("Operation must define at least a single 2xx or 3xx response")


def form_data_consumed(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    consumes, parameters = value.get("consumes"), value.get("parameters")
    if not isinstance(consumes, list) or not isinstance(parameters, list):
        return
    plain = [context.document.plain(one) for one in parameters]
    has_form = any(isinstance(one, dict) and one.get("in") == "formData" for one in plain)
    if has_form and not any(kind in str(one) for one in consumes for kind in _FORM_TYPES):
        yield Result(
            "Consumes must include urlencoded, multipart, or form-data media type when using"
            " formData parameter."
        )


def tags_defined(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    declared = value.get("tags")
    known = {
        tag.get("name")
        for tag in (declared if isinstance(declared, list) else ())
        if isinstance(tag, dict) and isinstance(tag.get("name"), str)
    }
    for path, operation in operations(context.document, value.get("paths")):
        tags = operation.get("tags")
        for index, tag in enumerate(tags if isinstance(tags, list) else ()):
            if not isinstance(tag, str) or tag not in known:
                text = "Operation tags must be defined in global tags."
                yield Result(text, (*path, "tags", index))


def path_parameters(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    """Templates differ, and each name in one is a parameter of each of its operations."""
    first: dict[str, str] = {}
    for template, written in value.items():
        item, at = context.document.resolve(written, ("paths",), template)
        if not isinstance(item, dict):
            continue
        shape = _PATH_PARAMETER.sub("%", template)
        if shape in first:
            text = f'Paths "{first[shape]}" and "{template}" must not be equivalent.'
            yield Result(text, ("paths", template))
        first.setdefault(shape, template)
        names: list[str] = []
        for found in _PATH_PARAMETER.findall(template):
            name = re.sub(r"[{}?*;]", "", found)
            if name in names:
                text = f'Path "{template}" must not use parameter "{{{name}}}" multiple times.'
                yield Result(text, ("paths", template))
            else:
                names.append(name)
        yield from _parameters_of_item(context.document, template, item, at, names)


def _parameters_of_item(
    document: Document, template: str, item: dict[str, Any], at: Path, names: list[str]
) -> Iterator[Result]:
    results: list[Result] = []
    shared = _named(document, item.get("parameters"), (*at, "parameters"), results)
    yield from results
    for method, below in item.items():
        if method not in METHODS:
            continue
        operation, path = document.resolve(below, at, method)
        if not isinstance(operation, dict):
            continue
        results = []
        own = _named(document, operation.get("parameters"), (*path, "parameters"), results)
        yield from results
        defined = {**shared, **own}
        for name, where in defined.items():
            if name not in names:
                yield Result(f'Parameter "{name}" must be used in path "{template}".', where)
        for name in names:
            if name not in defined:
                yield Result(
                    f'Operation must define parameter "{{{name}}}" as expected by path'
                    f' "{template}".',
                    path,
                )


def _named(
    document: Document, parameters: Any, above: Path, results: list[Result]
) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for index, written in enumerate(parameters if isinstance(parameters, list) else ()):
        parameter, path = document.resolve(written, above, index)
        if not isinstance(parameter, dict) or parameter.get("in") != "path":
            continue
        if "name" not in parameter:
            continue
        name = str(parameter["name"])
        if parameter.get("required") is not True:
            text = f'Path parameter "{name}" must have "required" property that is set to "true".'
            results.append(Result(text, path))
        if name in found:
            text = f'Path parameter "{name}" must not be defined multiple times.'
            results.append(Result(text, path))
        else:
            found[name] = path
    return found


def security_defined(value: Any, options: Options, context: Context) -> Iterator[Result]:
    """Each scheme of a security requirement is declared, and its scopes are."""
    if not all(isinstance(one, list) for one in value.values()):
        return
    data, is_old = context.document.data, options.get("oasVersion") == 2
    location = "securityDefinitions" if is_old else "components.securitySchemes"
    schemes, _, _ = context.document.below(data, (), location.split("."))
    for name, scopes in value.items():
        if not isinstance(schemes, dict) or name not in schemes:
            subject = "API" if len(context.path) == 2 else "Operation"
            text = f'{subject} "security" values must match a scheme defined in the "{location}"'
            yield Result(f"{text} object.", (*context.path, name))
            continue
        known = _scopes(context.document.plain(schemes[name]), is_old=is_old)
        for index, scope in enumerate(scopes):
            if scope not in known:
                text = f'"{scope}" must be listed among scopes.'
                yield Result(text, (*context.path, name, index))


def _scopes(scheme: Any, *, is_old: bool) -> set[str]:
    if not isinstance(scheme, dict):
        return set()
    holders = [scheme] if is_old else list((scheme.get("flows") or {}).values())
    return {
        scope
        for holder in holders
        if isinstance(holder, dict) and isinstance(holder.get("scopes"), dict)
        for scope in holder["scopes"]
    }


def unused_components(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    components = value.get("components")
    for kind in _COMPONENTS if isinstance(components, dict) else ():
        if isinstance(components.get(kind), dict):
            yield from orphans(components[kind], f"#/components/{kind}", context)


def alone_with_ref(_value: Any, _options: Options, context: Context) -> Iterator[Result]:
    """Nothing stands beside a $ref, which would be ignored."""
    above = context.path[:-1]
    holder = _written(context.document.data, above)
    for key in holder if isinstance(holder, dict) else ():
        if key != "$ref":
            yield Result("$ref must not be placed next to any other properties", (*above, key))


def _written(value: Any, path: Path) -> Any:
    for token in path:
        value = value[token]
    return value


def discriminator(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    name = value.get("discriminator")
    if not isinstance(name, str):
        return
    properties, required = value.get("properties"), value.get("required")
    if not isinstance(properties, dict) or name not in properties:
        text = "The discriminator property must be defined in this schema."
        yield Result(text, (*context.path, "properties"))
    if not isinstance(required, list) or name not in required:
        text = "The discriminator property must be in the required property list."
        yield Result(text, (*context.path, "required"))


OPENAPI: dict[str, Function] = {
    "oasDiscriminator": Function(discriminator, (dict,)),
    "oasOpFormDataConsumeCheck": Function(form_data_consumed, (dict,)),
    "oasOpIdUnique": Function(unique_operation_ids, (dict,)),
    "oasOpParams": Function(unique_parameters, (list,)),
    "oasOpSuccessResponse": Function(success_response, (dict,)),
    "oasPathParam": Function(path_parameters, (dict,)),
    "oasSecurityDefined": Function(security_defined, (dict,), takes=("oasVersion",)),
    "oasTagDefined": Function(tags_defined, (dict,)),
    "oasUnusedComponent": Function(unused_components, (dict,)),
    "refSiblings": Function(alone_with_ref),
}
