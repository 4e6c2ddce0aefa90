"""Paths, path items and operations: what must hold for calls to be told apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.openapi import objects
from apim.catalog.openapi.operations import (
    ID_MAX_LENGTH,
    METHOD_MAX_LENGTH,
    METHODS,
    PATH_MAX_LENGTH,
    operations_of_item,
    parameters_of,
)
from apim.catalog.openapi.rules import (
    Rule,
    Shape,
    flag,
    is_mapping,
    list_of,
    map_of,
    or_reference,
    text,
)
from apim.catalog.openapi.schemas import schema

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path
    from apim.catalog.openapi.rules import Check

_RESPONSE_CODE = re.compile(r"[1-5](?:[0-9]{2}|XX)\Z|default\Z")
_TEMPLATE = re.compile(r"\{([^{}/]*)\}")
_METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")  # RFC 9110, section 5.6.2: token


def paths(check: Check, value: Any, path: Path) -> None:
    """The paths object: every path well-formed, and told of when it means the same as another."""
    if not is_mapping(check, value, path):
        return
    shapes: dict[str, Path] = {}
    for template, item in value.items():
        if template.startswith("x-"):
            continue
        here = (*path, template)
        is_valid = _check_template(check, template, here)
        path_item(check, item, here)
        if not is_valid:
            continue
        _check_twin(check, template, here, shapes)
        _check_path_parameters(check, template, item, here)


def _check_template(check: Check, template: str, path: Path) -> bool:
    reason, hint = _why_not_a_template(template)
    if reason:
        check.error(path, reason, hint)
    elif "?" in template or "#" in template:
        # Common in published documents; calls are told apart by what stands before.
        check.warning(
            path,
            _("A path contains no “?” or “#”: calls are told apart by what stands before it."),
            _("Declare query parameters under “parameters”."),
        )
    return not reason


def _why_not_a_template(template: str) -> tuple[str, str]:
    if not template.startswith("/"):
        return (
            _("A path begins with a slash."),
            _("Write %(path)s") % {"path": "/" + template},
        )
    if any(c.isspace() or ord(c) < 32 for c in template):
        return _("A path contains no white space."), _("Write a space as %20.")
    if len(template) > PATH_MAX_LENGTH:
        return _("A path has at most %(max)d characters.") % {"max": PATH_MAX_LENGTH}, ""
    names = _TEMPLATE.findall(template)
    left = _TEMPLATE.sub("", template)
    if "{" in left or "}" in left:
        return _("The braces of this path do not match."), ""
    if "" in names:
        return _("A path parameter needs a name between its braces."), ""
    return "", ""


def _check_twin(check: Check, template: str, path: Path, shapes: dict[str, Path]) -> None:
    shape = _TEMPLATE.sub("{}", template)
    twin = shapes.setdefault(shape, path)
    if twin != path:
        check.warning(
            path,
            _(
                "This path means the same as %(other)s on line %(line)d: only the names of its parameters differ."
            )
            % {"other": twin[-1], "line": check.line(twin)},
            _("Put both under one path: calls of a method that both have count as the first."),
        )


def _check_path_parameters(check: Check, template: str, item: Any, path: Path) -> None:
    written = _TEMPLATE.findall(template)
    names = set(written)
    for name in sorted(name for name in names if written.count(name) > 1):
        check.warning(
            path,
            _("{%(name)s} stands twice in this path.") % {"name": name},
            _("Give each parameter its own name."),
        )
    for found in operations_of_item(check.references, item, path):
        declared = {
            str(p.get("name"))
            for p, _path in parameters_of(check.references, found)
            if p.get("in") == "path"
        }
        for name in sorted(names - declared):
            check.warning(
                found.path,
                _("The path parameter {%(name)s} of %(path)s is not declared.")
                % {"name": name, "path": template},
                _("Add it under “parameters” with in: path."),
            )
        for name in sorted(declared - names):
            check.warning(
                found.path,
                _("The path parameter “%(name)s” does not occur in %(path)s.")
                % {"name": name, "path": template},
            )


def responses(check: Check, value: Any, path: Path) -> None:
    if not is_mapping(check, value, path):
        return
    one = or_reference(objects.response)
    for code, below in value.items():
        if code.startswith("x-"):
            continue
        if not _RESPONSE_CODE.match(code):
            check.error(
                (*path, code),
                _("“%(code)s” is not a response code.") % {"code": code[:40]},
                _("Use three digits such as 200, a range such as 4XX, or default."),
            )
            continue
        one(check, below, (*path, code))
    if not any(not code.startswith("x-") for code in value):
        check.warning(path, _("The operation names no response."))


def _check_operation(check: Check, value: Any, path: Path) -> None:
    _check_operation_id(check, value.get("operationId"), (*path, "operationId"))
    if "responses" not in value:
        check.warning(
            path,
            _("The operation has no “responses”."),
            _("Name at least one, for example '200' or default."),
        )
    _check_repeated_parameters(check, value.get("parameters"), (*path, "parameters"))


def _check_operation_id(check: Check, value: Any, path: Path) -> None:
    if not isinstance(value, str):
        return
    if not value or len(value) > ID_MAX_LENGTH:
        check.warning(
            path,
            _("An operationId has between 1 and 200 characters."),
            _("It is made from method and path instead."),
        )
        return
    first = check.operation_ids.setdefault(value, path)
    if first != path:
        check.warning(
            path,
            _("The operationId “%(id)s” is already taken by %(method)s %(path)s on line %(line)d.")
            % {
                "id": value,
                "method": str(first[-2]).upper(),
                "path": first[-3],
                "line": check.line(first),
            },
            _("Give each operation its own."),
        )


def _check_repeated_parameters(check: Check, value: Any, path: Path) -> None:
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(value if isinstance(value, list) else ()):
        target = check.references.follow(one, path).value
        if not isinstance(target, dict):
            continue
        name, place = target.get("name"), target.get("in")
        if not isinstance(name, str) or not isinstance(place, str):
            continue
        if (name, place) in seen:
            check.warning(
                (*path, index),
                _("The %(in)s parameter “%(name)s” is declared twice.")
                % {"in": place, "name": name},
                _("The first counts; remove the other."),
            )
        seen.add((name, place))


def _callback(check: Check, value: Any, path: Path) -> None:
    map_of(path_item)(check, value, path)


operation = Shape(
    "operation",
    {
        "tags": list_of(text),
        "summary": text,
        "description": text,
        "externalDocs": objects.external_docs,
        "operationId": text,
        "parameters": list_of(or_reference(objects.parameter)),
        "requestBody": or_reference(objects.request_body),
        "responses": responses,
        "callbacks": map_of(or_reference(_callback)),
        "deprecated": flag,
        "security": list_of(objects.security_requirement),
        "servers": list_of(objects.server),
    },
    also=_check_operation,
)


def _reference(check: Check, value: Any, path: Path) -> None:
    check.reference(value, path)


def _additional(check: Check, value: Any, path: Path) -> None:
    """Methods beyond the common ones, written as sent (OpenAPI 3.2)."""
    if not is_mapping(check, value, path):
        return
    for method, below in value.items():
        here = (*path, method)
        if method.lower() in METHODS:
            check.error(
                here, _("Write this method as “%(m)s” beside the others.") % {"m": method.lower()}
            )
        elif not _METHOD.match(method) or len(method) > METHOD_MAX_LENGTH:
            check.error(
                here,
                _("“%(method)s” is not a method that can be called.") % {"method": method[:40]},
            )
        operation(check, below, here)


_ITEM_FIELDS: dict[str, Rule] = {
    "$ref": _reference,
    "summary": text,
    "description": text,
    "servers": list_of(objects.server),
    "parameters": list_of(or_reference(objects.parameter)),
    "additionalOperations": _additional,
    **dict.fromkeys(METHODS, operation),
}


def _check_item(check: Check, value: Any, path: Path) -> None:
    for key, below in value.items():
        if key not in _ITEM_FIELDS and isinstance(below, dict) and not key.startswith("x-"):
            is_case = key.lower() in METHODS
            check.error(
                (*path, key),
                _("“%(key)s” is not an HTTP method.") % {"key": key[:40]},
                _("Write it in small letters: %(method)s") % {"method": key.lower()}
                if is_case
                else _("A path item holds %(methods)s.") % {"methods": ", ".join(METHODS)},
            )
    _check_repeated_parameters(check, value.get("parameters"), (*path, "parameters"))


path_item = Shape("path item", _ITEM_FIELDS, also=_check_item)

components = Shape(
    "components object",
    {
        "schemas": map_of(schema),
        "responses": map_of(or_reference(objects.response)),
        "parameters": map_of(or_reference(objects.parameter)),
        "examples": objects.examples,
        "requestBodies": map_of(or_reference(objects.request_body)),
        "headers": map_of(or_reference(objects.header)),
        "securitySchemes": map_of(or_reference(objects.security_scheme)),
        "links": map_of(or_reference(objects.link)),
        "callbacks": map_of(or_reference(_callback)),
        "pathItems": map_of(path_item),
        "mediaTypes": objects.content,
    },
)
webhooks = map_of(path_item)
document = Shape(
    "document",
    {
        "openapi": text,
        "$self": text,
        "info": objects.info,
        "jsonSchemaDialect": text,
        "servers": list_of(objects.server),
        "paths": paths,
        "webhooks": webhooks,
        "components": components,
        "security": list_of(objects.security_requirement),
        "tags": list_of(objects.tag),
        "externalDocs": objects.external_docs,
    },
)
