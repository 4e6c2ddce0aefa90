"""The reference of a GraphQL schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.graphql import SCALARS, named_type
from apim.ui.components.actions import Sample
from portal.styles.model import Anchors, Entry, Part, Reference, Row, Section

if TYPE_CHECKING:
    from apim.catalog.descriptions import Description

MAX_DEPTH = 2
MAX_FIELDS = 8
_KINDS = ("object", "interface", "union", "input", "enum", "scalar")
_VALUES = {"Int": 1, "Float": 1.5, "String": "example", "Boolean": True, "ID": "1"}


def make(description: Description, url: str) -> Reference:
    """Queries, mutations and subscriptions, then the types by kind, then directives."""
    return _Maker(description.data, url).make(description.description)


class _Maker:
    def __init__(self, tree: dict[str, Any], url: str) -> None:
        self._tree = tree
        self._url = url
        self._anchors = Anchors()

    def make(self, text: str) -> Reference:
        titles = {
            "query": _("Queries"),
            "mutation": _("Mutations"),
            "subscription": _("Subscriptions"),
            "object": _("Objects"),
            "interface": _("Interfaces"),
            "union": _("Unions"),
            "input": _("Inputs"),
            "enum": _("Enumerations"),
            "scalar": _("Scalars"),
        }
        roots, types = self._tree["roots"], self._tree["types"]
        sections = [
            Section(
                root,
                titles[root],
                tuple(
                    self._operation(root, name, field)
                    for name, field in types[type_name].get("fields", {}).items()
                ),
                types[type_name].get("description", ""),
            )
            for root, type_name in roots.items()
        ]
        for kind in _KINDS:
            entries = tuple(
                self._type(name, one)
                for name, one in types.items()
                if one["kind"] == kind and name not in roots.values()
            )
            sections.append(Section(kind, titles[kind], entries))
        directives = self._tree.get("directives", {})
        sections.append(
            Section("directive", _("Directives"), tuple(map(self._directive, directives.items())))
        )
        return Reference(tuple(s for s in sections if s.entries), text)

    def _row(self, name: str, one: dict[str, Any], *, is_input: bool = True) -> Row:
        """Only what is passed in can be required; what comes back is just never null."""
        written = one.get("type", "")
        target = named_type(written)
        default = one.get("default")
        return Row(
            name=name,
            type=written,
            target=self._anchors.of("type", target) if target in self._tree["types"] else "",
            description=_with_reason(one),
            facts=(_("default %(value)s") % {"value": default},) if default else (),
            is_required=is_input and written.endswith("!") and not default,
            is_deprecated="deprecated" in one,
            rows=tuple(self._row(n, a) for n, a in one.get("arguments", {}).items()),
        )

    def _operation(self, root: str, name: str, field: dict[str, Any]) -> Entry:
        arguments = field.get("arguments", {})
        result = self._row(name, {**field, "arguments": {}})
        parts = [Part(_("Arguments"), tuple(self._row(n, a) for n, a in arguments.items()))]
        parts.append(Part(_("Answer"), (Row(name, result.type, result.target),)))
        return Entry(
            anchor=self._anchors.of(root, name),
            label=root,
            name=name,
            description=_with_reason(field),
            is_deprecated="deprecated" in field,
            parts=tuple(part for part in parts if part.rows),
            samples=self._samples(root, name, field),
        )

    def _type(self, name: str, one: dict[str, Any]) -> Entry:
        parts = [
            Part(
                _("Fields"),
                tuple(
                    self._row(n, f, is_input=one["kind"] == "input")
                    for n, f in one.get("fields", {}).items()
                ),
            ),
            Part(
                _("Values"),
                tuple(
                    Row(n, description=_with_reason(v), is_deprecated="deprecated" in v)
                    for n, v in one.get("values", {}).items()
                ),
            ),
        ]
        for title, key in ((_("One of"), "members"), (_("Implements"), "interfaces")):
            rows = (Row(n, target=self._anchors.of("type", n)) for n in one.get(key, ()))
            parts.append(Part(title, tuple(rows)))
        return Entry(
            anchor=self._anchors.of("type", name),
            label=one["kind"],
            name=name,
            description=one.get("description", ""),
            parts=tuple(part for part in parts if part.rows),
        )

    def _directive(self, named: tuple[str, dict[str, Any]]) -> Entry:
        name, one = named
        rows = tuple(self._row(n, a) for n, a in one.get("arguments", {}).items())
        return Entry(
            anchor=self._anchors.of("directive", name),
            label="directive",
            name=f"@{name}",
            description=one.get("description", ""),
            facts=((_("Where"), ", ".join(one.get("locations", ()))),),
            parts=(Part(_("Arguments"), rows),) if rows else (),
        )

    def _samples(self, root: str, name: str, field: dict[str, Any]) -> tuple[Sample, ...]:
        variables = {
            argument: one["type"]
            for argument, one in field.get("arguments", {}).items()
            if one["type"].endswith("!") and "default" not in one
        }
        declared = ", ".join(f"${n}: {written}" for n, written in variables.items())
        passed = ", ".join(f"{n}: ${n}" for n in variables)
        selection = self._selection(named_type(field["type"]), 0)
        query = f"{root}{f' Example({declared})' if declared else ''} {{\n"
        query += f"  {name}{f'({passed})' if passed else ''}{selection}\n}}"
        body: dict[str, Any] = {"query": query}
        if variables:
            body["variables"] = {n: self._value(t, 0) for n, t in variables.items()}
        found = [Sample("GraphQL", query)]
        if root != "subscription" and self._url:
            text = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
            curl = [
                f"curl '{self._url}'",
                '  -H "X-API-Key: $API_KEY"',
                "  -H 'Content-Type: application/json'",
                f"  -d '{text}'",
            ]
            found.append(Sample("curl", " \\\n".join(curl)))
        return tuple(found)

    def _selection(self, type_name: str, depth: int) -> str:
        """The plain fields of an object, with one object inside."""
        one = self._tree["types"].get(type_name, {})
        if one.get("kind") == "union":
            return " { __typename }"
        if one.get("kind") not in {"object", "interface"}:
            return ""
        lines: list[str] = []
        indent = "  " * (depth + 2)
        for name, field in one.get("fields", {}).items():
            needs = any(
                a["type"].endswith("!") and "default" not in a
                for a in field.get("arguments", {}).values()
            )
            inner = self._tree["types"].get(named_type(field["type"]), {}).get("kind")
            is_leaf = inner in {None, "enum", "scalar"}
            if needs or "deprecated" in field or len(lines) >= MAX_FIELDS:
                continue
            if is_leaf:
                lines.append(f"{indent}{name}")
            elif depth + 1 < MAX_DEPTH:
                lines.append(
                    f"{indent}{name}{self._selection(named_type(field['type']), depth + 1)}"
                )
        body = "\n".join(lines or [f"{indent}__typename"])
        return f" {{\n{body}\n{'  ' * (depth + 1)}}}"

    def _value(self, written: str, depth: int) -> Any:
        if written.startswith("["):
            return [self._value(written.removesuffix("!")[1:-1], depth)]
        name = named_type(written)
        one = self._tree["types"].get(name, {})
        if name in SCALARS:
            return _VALUES[name]
        if one.get("kind") == "enum":
            return next(iter(one.get("values", {})), "")
        if one.get("kind") == "input" and depth < MAX_DEPTH:
            return {
                n: self._value(f["type"], depth + 1)
                for n, f in one.get("fields", {}).items()
                if f["type"].endswith("!") and "default" not in f
            }
        return "example"


def _with_reason(one: dict[str, Any]) -> str:
    description: str = one.get("description", "")
    reason = one.get("deprecated")
    if reason:
        note = _("Deprecated: %(reason)s") % {"reason": reason}
        return f"{description}\n\n{note}" if description else note
    return description
