"""Which properties of a mapping a schema has looked at (JSON Schema 2019-09, unevaluated…)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.json_schema.errors import is_valid
from apim.catalog.rulesets.json_schema.scalars import patterns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.json_schema.compiler import Compiler
    from apim.catalog.rulesets.json_schema.errors import Run

_MAX_DEPTH = 20


class Evaluated:
    """What `schema` covers, with all that applies to the same mapping."""

    def __init__(self, compiler: Compiler, schema: dict[str, Any]) -> None:
        self._compiler = compiler
        self._schema = schema

    def covers(self, name: str, value: dict[str, Any], path: Path, run: Run) -> bool:
        """Whether the property `name` of `value` is covered by some keyword that applies."""
        return self._covers(self._schema, name, value, path, run, 0)

    def _covers(self, schema: Any, name: str, value: Any, path: Path, run: Run, depth: int) -> bool:
        if not isinstance(schema, dict) or depth > _MAX_DEPTH:
            return False
        run.budget.spend()
        if self._names(schema, name, run) or (
            depth and schema.get("unevaluatedProperties") not in (None, False)
        ):
            return True
        return any(
            self._covers(below, name, value, path, run, depth + 1)
            for below in self._applying(schema, value, path, run)
        )

    def _names(self, schema: dict[str, Any], name: str, run: Run) -> bool:
        if name in (schema.get("properties") or ()):
            return True
        if schema.get("additionalProperties", False) is not False:
            return True
        return any(found.search(name, run.budget) for found, _below in patterns_of(schema))

    def _applying(self, schema: dict[str, Any], value: Any, path: Path, run: Run) -> Iterator[Any]:
        ref = schema.get("$ref", schema.get("$dynamicRef"))
        if isinstance(ref, str):
            yield self._compiler.find(schema, ref)
        yield from schema.get("allOf") or ()
        for keyword in ("anyOf", "oneOf"):
            for branch in schema.get(keyword) or ():
                if is_valid(self._compiler.compile(branch), value, path, run):
                    yield branch
        if "if" in schema:
            passes = is_valid(self._compiler.compile(schema["if"]), value, path, run)
            if passes:
                yield schema["if"]
            yield schema.get("then" if passes else "else")
        for name, below in (schema.get("dependentSchemas") or {}).items():
            if name in value:
                yield below
