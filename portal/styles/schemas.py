"""JSON Schemas as trees of rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.openapi.references import References
from portal.styles.model import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 6
# Of one tree: beyond, the download says the rest.
MAX_ROWS = 400
_ALTERNATIVES = ("oneOf", "anyOf")
_LIMITS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "minItems", "maxItems", "pattern",
)  # fmt: skip


class SchemaTrees:
    """Makes trees of one document's schemas; what contains itself is shown once by its name."""

    def __init__(self, document: Any) -> None:
        self._references = References(document)
        self._left = MAX_ROWS

    def rows(self, schema: Any) -> tuple[Row, ...]:
        """The properties of an object, or one row for anything else."""
        self._left = MAX_ROWS
        resolved, seen = self._resolved(schema, ())
        rows = tuple(self._below(resolved, seen, 0))
        return rows or (
            (self._row(_("value"), schema, (), 0, is_required=False),) if schema else ()
        )

    def _resolved(
        self, schema: Any, seen: tuple[str, ...]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The schema with its references and allOf followed."""
        if not isinstance(schema, dict):
            return {}, seen
        ref = schema.get("$ref")
        if isinstance(ref, str):
            if ref in seen:
                return {}, seen
            target = self._references.follow(schema, ()).value
            kept = {key: value for key, value in schema.items() if key != "$ref"}
            found, seen = self._resolved(target, (*seen, ref))
            return {**found, **kept}, seen
        if not isinstance(schema.get("allOf"), list):
            return schema, seen
        merged: dict[str, Any] = {"properties": {}, "required": []}
        for part in [*schema["allOf"], {k: v for k, v in schema.items() if k != "allOf"}]:
            # Only what leads here is passed on: the same part may be below as well, without a loop.
            one, _within = self._resolved(part, seen)
            for key, value in one.items():
                if key == "properties" and isinstance(value, dict):
                    merged[key] = {**merged[key], **value}
                elif key == "required" and isinstance(value, list):
                    merged[key] = [*merged[key], *value]
                else:
                    merged[key] = value
        return merged, seen

    def _below(self, schema: dict[str, Any], seen: tuple[str, ...], depth: int) -> Iterator[Row]:
        if depth >= MAX_DEPTH:
            return
        items = schema.get("items")
        if isinstance(items, dict):
            resolved, within = self._resolved(items, seen)
            yield from self._below(resolved, within, depth)
            return
        required = schema.get("required")
        names = required if isinstance(required, list) else []
        properties = schema.get("properties")
        for name, one in properties.items() if isinstance(properties, dict) else ():
            if self._left <= 0:
                return
            yield self._row(str(name), one, seen, depth, is_required=name in names)
        for key in _ALTERNATIVES:
            several = schema.get(key)
            for number, one in enumerate(several if isinstance(several, list) else (), 1):
                if self._left > 0:
                    label = _("variant %(number)d") % {"number": number}
                    yield self._row(label, one, seen, depth, is_required=False)

    def _row(
        self, name: str, schema: Any, seen: tuple[str, ...], depth: int, *, is_required: bool
    ) -> Row:
        self._left -= 1
        ref = schema.get("$ref") if isinstance(schema, dict) else None
        is_loop = isinstance(ref, str) and ref in seen
        resolved, within = self._resolved(schema, seen)
        return Row(
            name=name,
            type=type_words(resolved, ref if isinstance(ref, str) else ""),
            description=str(resolved.get("description") or resolved.get("title") or ""),
            facts=(*_facts(resolved), *((_("contains itself"),) if is_loop else ())),
            is_required=is_required,
            is_deprecated=resolved.get("deprecated") is True,
            rows=() if is_loop else tuple(self._below(resolved, within, depth + 1)),
        )


def type_words(schema: dict[str, Any], ref: str = "") -> str:
    """Such as `array of string (date)`; a name where the schema has one."""
    name = ref.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    kind = schema.get("type")
    words = " | ".join(map(str, kind)) if isinstance(kind, list) else str(kind or "")
    if words == "array" and isinstance(schema.get("items"), dict):
        items = schema["items"]
        inner = type_words(items, str(items.get("$ref", "")))
        words = _("array of %(type)s") % {"type": inner or _("anything")}
    if isinstance(schema.get("format"), str):
        words += f" ({schema['format']})"
    if name and words in {"", "object"}:
        return name
    return words or ("object" if "properties" in schema else "")


def _facts(schema: dict[str, Any]) -> tuple[str, ...]:
    found = []
    enum = schema.get("enum")
    if isinstance(enum, list) and enum:
        shown = ", ".join(_json(value) for value in enum[:20])
        found.append(_("one of %(values)s") % {"values": shown + (" …" if len(enum) > 20 else "")})
    for key, label in (("const", _("always")), ("default", _("default"))):
        if key in schema:
            found.append(f"{label} {_json(schema[key])}")
    found += [f"{key} {_json(schema[key])}" for key in _LIMITS if key in schema]
    if schema.get("readOnly") is True:
        found.append(_("read only"))
    if schema.get("writeOnly") is True:
        found.append(_("write only"))
    return tuple(found)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:200]
