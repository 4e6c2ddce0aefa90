"""From a schema to a function of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urljoin

from apim.catalog.rulesets.javascript import UNDEFINED
from apim.catalog.rulesets.json_schema import keywords
from apim.catalog.rulesets.json_schema.errors import BadSchema

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.json_schema.errors import Check, Run

_MAX_RESOURCES = 20_000


class Compiler:
    """Schemas of one document or one set of resources. A schema object is compiled once.

    `lookup`, if given, finds what a $ref leads to; else it is found by $id, $anchor and pointer
    among `resources`, the first of which is where relative references begin.
    """

    def __init__(
        self,
        *resources: Any,
        lookup: Callable[[str], Any] | None = None,
        shows_null: bool = False,
        nullable_keyword: str = "nullable",
    ) -> None:
        # Whether messages name null among the types of a nullable schema.
        self.shows_null = shows_null
        self.nullable_keyword = nullable_keyword
        self._lookup = lookup
        self._known: dict[int, Check] = {}
        # Compiled schemas are known by identity, so none of them may be collected meanwhile.
        self._alive: list[Any] = list(resources)
        self._ids: dict[str, Any] = {}
        self._bases: dict[int, str] = {}
        if lookup is None:
            for resource in resources:
                self._register(resource, "")

    def compile(self, schema: Any) -> Check:
        """Raises BadSchema."""
        known = self._known.get(id(schema))
        if known is not None:
            return known
        if isinstance(schema, bool):
            return _ACCEPT if schema else _REJECT
        if not isinstance(schema, dict):
            raise BadSchema("schema must be object or boolean")
        # A schema may contain itself: whoever asks for it meanwhile gets this.
        holder: list[Check] = []

        def itself(value: Any, path: Path, run: Run) -> bool:
            return holder[0](value, path, run)

        self._known[id(schema)] = itself
        self._alive.append(schema)
        check = keywords.compose(self, schema)
        holder.append(check)
        self._known[id(schema)] = check
        return check

    def target(self, schema: dict[str, Any], ref: str) -> Check:
        """What `ref` inside `schema` leads to, compiled when it is first needed."""
        found: list[Check] = []

        def check(value: Any, path: Path, run: Run) -> bool:
            if not found:
                found.append(self.compile(self.find(schema, ref)))
            return found[0](value, path, run)

        return check

    def find(self, schema: dict[str, Any], ref: str) -> Any:
        """The schema that `ref` names. Raises BadSchema."""
        if self._lookup is not None:
            found = self._lookup(ref)
        else:
            found = self._by_address(urljoin(self._bases.get(id(schema), ""), ref))
        if found is UNDEFINED or not isinstance(found, dict | bool):
            raise BadSchema(f"can't resolve reference {ref}")
        return found

    def _by_address(self, address: str) -> Any:
        base, fragment = urldefrag(address)
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            return self._ids.get(f"{base}#{fragment}", UNDEFINED)
        value = self._ids.get(base, UNDEFINED)
        for raw in fragment.split("/")[1:] if fragment else ():
            token = raw.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict):
                value = value.get(token, UNDEFINED)
            elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
                value = value[int(token)]
            else:
                return UNDEFINED
        return value

    def _register(self, resource: Any, base: str) -> None:
        """Note each schema's base address, and the schemas that have a name."""
        self._ids.setdefault(base, resource)
        pending: list[tuple[Any, str]] = [(resource, base)]
        while pending:
            value, base = pending.pop()
            if len(self._bases) > _MAX_RESOURCES:
                raise BadSchema("the schema is too large")
            if isinstance(value, list):
                pending.extend((below, base) for below in value)
            if not isinstance(value, dict):
                continue
            name = value.get("$id", value.get("id"))
            if isinstance(name, str):
                address, fragment = urldefrag(urljoin(base, name))
                self._ids[f"{address}#{fragment}" if fragment else address] = value
                base = address
            for key in ("$anchor", "$dynamicAnchor"):
                if isinstance(value.get(key), str):
                    self._ids.setdefault(f"{base}#{value[key]}", value)
            self._bases[id(value)] = base
            pending.extend((below, base) for below in value.values())


def _accept(_value: Any, _path: Path, _run: Run) -> bool:
    return True


def _reject(_value: Any, path: Path, run: Run) -> bool:
    return run.fail("false schema", path, "boolean schema is false", 0)


_ACCEPT: Check = _accept
_REJECT: Check = _reject
