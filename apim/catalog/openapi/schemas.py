"""Schema objects, as far as a catalog depends on them: references, and types that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.openapi.rules import is_mapping, kind_of

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path
    from apim.catalog.openapi.rules import Check

_ONE = (
    "items", "additionalProperties", "additionalItems", "not", "if", "then", "else", "contains",
    "propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema",
)  # fmt: skip
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
# Not `definitions`: no keyword of either dialect, and some write other things there.
_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}


def schema(check: Check, value: Any, path: Path) -> None:
    """JSON Schema 2020-12 from OpenAPI 3.1 on, the dialect of OpenAPI 3.0 before."""
    if isinstance(value, bool):
        is_subschema = path[-1] in {"additionalProperties", "additionalItems"}
        if check.version < (3, 1) and not is_subschema:
            check.error(path, _("A schema must be a mapping in OpenAPI 3.0, not true or false."))
        return
    if not is_mapping(check, value, path):
        return
    if "$ref" in value:
        check.reference(value["$ref"], (*path, "$ref"))
        if check.version < (3, 1):
            return  # what stands beside a $ref is ignored in OpenAPI 3.0
    _check_keywords(check, value, path)
    _check_subschemas(check, value, path)


def _check_subschemas(check: Check, value: dict[str, Any], path: Path) -> None:
    for key in _ONE:
        if key in value:
            _one(check, value[key], (*path, key))
    for key in _LISTS:
        if key in value:
            _list(check, value[key], (*path, key))
    for key in _MAPS:
        if key in value and is_mapping(check, value[key], (*path, key)):
            for name, below in value[key].items():
                schema(check, below, (*path, key, name))


def _one(check: Check, value: Any, path: Path) -> None:
    if isinstance(value, list):  # items as a list: JSON Schema before 2020-12
        _list(check, value, path)
    else:
        schema(check, value, path)


def _list(check: Check, value: Any, path: Path) -> None:
    if not isinstance(value, list):
        check.error(path, _("Must be a list of schemas, not %(kind)s.") % {"kind": kind_of(value)})
        return
    for index, below in enumerate(value):
        schema(check, below, (*path, index))


def _check_keywords(check: Check, value: dict[str, Any], path: Path) -> None:
    if "type" in value:
        _check_type(check, value["type"], (*path, "type"))
    required = value.get("required", [])
    if not isinstance(required, list) or any(not isinstance(name, str) for name in required):
        check.warning(
            (*path, "required"),
            _("“required” of a schema must be a list of property names, not %(kind)s.")
            % {"kind": kind_of(required)},
        )
    if "enum" in value and not isinstance(value["enum"], list):
        check.error((*path, "enum"), _("“enum” must be a list of values."))
    discriminator = value.get("discriminator")
    mapping = discriminator.get("mapping") if isinstance(discriminator, dict) else None
    for name, ref in mapping.items() if isinstance(mapping, dict) else ():
        if isinstance(ref, str) and ref.startswith("#"):
            check.reference(ref, (*path, "discriminator", "mapping", name), is_needed=False)


def _check_type(check: Check, value: Any, path: Path) -> None:
    is_list = isinstance(value, list)
    if is_list and check.version < (3, 1):
        check.warning(
            path,
            _("“type” is one name in OpenAPI 3.0, not a list."),
            _("Use nullable: true, or declare openapi: 3.1.0."),
        )
    for name in value if is_list else [value]:
        if not isinstance(name, str) or name not in _TYPES:
            check.error(
                path,
                _("“%(type)s” is not a type of JSON Schema (%(types)s).")
                % {"type": str(name)[:60], "types": ", ".join(sorted(_TYPES))},
            )
