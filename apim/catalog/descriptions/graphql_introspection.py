"""A GraphQL schema from the answer to the introspection query.

Source: GraphQL specification, October 2021, section 4.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.graphql import SCALARS, as_tree, described
from apim.catalog.openapi.refusals import MAX_DEPTH, refuse_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.catalog.descriptions.description import Description
    from apim.catalog.descriptions.graphql_sdl import Tree
    from apim.catalog.openapi.load import Loaded
    from apim.catalog.openapi.positions import Path, Positions, Spot

_KINDS = {
    "OBJECT": "object",
    "INTERFACE": "interface",
    "INPUT_OBJECT": "input",
    "ENUM": "enum",
    "UNION": "union",
    "SCALAR": "scalar",
}
_ROOTS = {"query": "queryType", "mutation": "mutationType", "subscription": "subscriptionType"}


def read_introspection(loaded: Loaded, *, title: str, sha256: str) -> Description:
    """Raises InvalidSpecification."""
    schema = as_tree(loaded.data)
    try:
        tree = _tree(schema)
    except (AttributeError, KeyError, TypeError):
        refuse_at(
            1,
            1,
            _("This answer to an introspection query is not complete."),
            _("Ask with the full query, for example `npx get-graphql-schema --json <address>`."),
        )
    positions = _Positions(loaded.positions, schema, is_wrapped="data" in loaded.data)
    return described(
        tree,
        positions,
        title=title,
        form=loaded.format,
        media_type="application/json",
        sha256=sha256,
    )


def _tree(schema: dict[str, Any]) -> Tree:
    tree: Tree = {
        "roots": {
            root: schema[key]["name"] for root, key in _ROOTS.items() if schema.get(key) is not None
        },
        "types": {
            one["name"]: _type(one)
            for one in schema["types"]
            if not one["name"].startswith("__") and one["name"] not in SCALARS
        },
    }
    if schema.get("description"):
        tree["description"] = str(schema["description"])
    return tree


def _type(one: dict[str, Any]) -> Tree:
    made: Tree = {"kind": _KINDS[one["kind"]], **_told(one)}
    if one.get("interfaces"):
        made["interfaces"] = [_text(i["name"]) for i in one["interfaces"]]
    if one["kind"] == "UNION":
        made["members"] = [_text(m["name"]) for m in one.get("possibleTypes") or ()]
    if one.get("enumValues"):
        made["values"] = _named(one["enumValues"], _told)
    for key, member in (("fields", _field), ("inputFields", _argument)):
        if one.get(key):
            made["fields"] = _named(one[key], member)
    return made


def _named(listed: list[dict[str, Any]], make: Callable[[dict[str, Any]], Tree]) -> Tree:
    return {_text(one["name"]): make(one) for one in listed}


def _field(one: dict[str, Any]) -> Tree:
    made = {"type": _written(one["type"]), **_told(one)}
    if one.get("args"):
        made["arguments"] = _named(one["args"], _argument)
    return made


def _argument(one: dict[str, Any]) -> Tree:
    made = {"type": _written(one["type"]), **_told(one)}
    if one.get("defaultValue") is not None:
        made["default"] = _text(one["defaultValue"])
    return made


def _told(one: dict[str, Any]) -> Tree:
    made: Tree = {}
    if one.get("description"):
        made["description"] = _text(one["description"])
    if one.get("isDeprecated") is True:
        made["deprecated"] = str(one.get("deprecationReason") or "No longer supported")
    return made


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _written(value: dict[str, Any]) -> str:
    """`[User!]!` for the nested kinds LIST and NON_NULL."""
    before, after = "", ""
    for _level in range(MAX_DEPTH):
        if value["kind"] == "NON_NULL":
            after = "!" + after
        elif value["kind"] == "LIST":
            before, after = before + "[", "]" + after
        else:
            return before + _text(value["name"]) + after
        value = value["ofType"]
    raise TypeError


class _Positions:
    """Leads from the tree's paths to those of the answer, in which types and fields are lists."""

    def __init__(self, inner: Positions, schema: dict[str, Any], *, is_wrapped: bool) -> None:
        self._inner = inner
        self._schema = schema
        self._start: Path = ("data", "__schema") if is_wrapped else ("__schema",)

    def find(self, path: Path) -> Spot:
        return self._inner.find(self._origin(path))

    def file(self, path: Path) -> str:
        return self._inner.file(path)

    def _origin(self, path: Path) -> Path:
        """As far as it can be followed."""
        origin, place = self._start, self._schema
        keys = {
            "values": ("enumValues",),
            "arguments": ("args",),
            "fields": ("fields", "inputFields"),
        }
        for group, name in zip(path[::2], path[1::2], strict=False):
            for key in keys.get(str(group), (str(group),)):
                listed = place.get(key)
                index = next(
                    (i for i, one in enumerate(listed or ()) if one.get("name") == name), None
                )
                if listed is not None and index is not None:
                    origin, place = (*origin, key, index), listed[index]
                    break
            else:
                break
        return origin
