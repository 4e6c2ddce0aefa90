"""A first request for an API, worked out from its specification."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from apim.catalog.openapi.references import References

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
MAX_DEPTH = 4
JSON_TYPE = "application/json"
# Values for a parameter that names no example, by JSON Schema type and format.
BY_FORMAT = {
    "date": "2026-06-21",
    "date-time": "2026-06-21T12:00:00Z",
    "email": "ada@example.com",
    "ipv4": "192.0.2.1",
    "uri": "https://example.com/",
    "uuid": "7f9c2d1e-4b3a-4c5d-8e6f-0a1b2c3d4e5f",
}
BY_TYPE: dict[str, Any] = {"boolean": True, "integer": 1, "number": 1.5, "string": "example"}


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is path and query below the version's address."""

    method: str
    target: str
    body: str | None = None


class ExampleMaker:
    """Builds requests for the operations of one parsed document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._references = References(document)

    def first(self) -> Request | None:
        """The request that needs least from the reader: a GET, then few parameters."""
        ranked = sorted(
            self._operations(),
            key=lambda found: (found[1] != "get", bool(found[2].get("deprecated")), len(found[3])),
        )
        return self._request(*ranked[0]) if ranked else None

    def of(self, method: str, path: str) -> Request | None:
        """The request of one operation, None when the document lacks it."""
        for found in self._operations():
            if found[:2] == (path, method.lower()):
                return self._request(*found)
        return None

    def _operations(
        self,
    ) -> Iterator[tuple[str, str, Mapping[str, Any], list[Mapping[str, Any]]]]:
        paths = self._document.get("paths") or {}
        for path, item in paths.items():
            shared = self._follow(item)
            for method in METHODS:
                operation = shared.get(method)
                if isinstance(operation, dict):
                    yield path, method, operation, self._needed(shared, operation)

    def _needed(
        self, item: Mapping[str, Any], operation: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        """Required path and query parameters; the operation's own override the path's."""
        merged: dict[tuple[str, str], Mapping[str, Any]] = {}
        for listed in (item.get("parameters"), operation.get("parameters")):
            for entry in listed or []:
                parameter = self._follow(entry)
                merged[str(parameter.get("in")), str(parameter.get("name"))] = parameter
        return [
            parameter
            for (place, _name), parameter in merged.items()
            if place == "path" or (place == "query" and parameter.get("required"))
        ]

    def _request(
        self,
        path: str,
        method: str,
        operation: Mapping[str, Any],
        parameters: list[Mapping[str, Any]],
    ) -> Request:
        query: list[tuple[str, str]] = []
        for parameter in parameters:
            name, value = str(parameter["name"]), _text(self._parameter_value(parameter))
            if parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", quote(value, safe=""))
            else:
                query.append((name, value))
        target = f"{path}?{urlencode(query)}" if query else path
        return Request(method.upper(), target, self._body(operation))

    def _parameter_value(self, parameter: Mapping[str, Any]) -> Any:
        schema = self._follow(parameter.get("schema"))
        given = _given_example(parameter, self._follow)
        if given is None and isinstance(parameter.get("content"), dict):
            media: Any = next(iter(parameter["content"].values()), None)
            given = _given_example(self._follow(media), self._follow)
        return self._value(schema) if given is None else given

    def _body(self, operation: Mapping[str, Any]) -> str | None:
        content = self._follow(operation.get("requestBody")).get("content") or {}
        media = self._follow(content.get(JSON_TYPE))
        if not media:
            return None
        given = _given_example(media, self._follow)
        value = self._value(self._follow(media.get("schema"))) if given is None else given
        return json.dumps(value, ensure_ascii=False)

    def _value(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """An instance of the schema: its own example, else required properties only."""
        given = _given_example(schema, self._follow)
        if given is not None:
            return given
        for name in ("const", "default"):
            if schema.get(name) is not None:
                return schema[name]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][0]
        if depth >= MAX_DEPTH:
            return {}
        return self._by_shape(schema, depth)

    def _by_shape(self, schema: Mapping[str, Any], depth: int) -> Any:
        for name in ("allOf", "anyOf", "oneOf"):
            parts = schema.get(name)
            if isinstance(parts, list) and parts:
                values = [self._value(self._follow(part), depth + 1) for part in parts]
                if name == "allOf" and all(isinstance(value, dict) for value in values):
                    return {key: v for value in values for key, v in value.items()}
                return values[0]
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) and kind else kind
        if kind == "array":
            return [self._value(self._follow(schema.get("items")), depth + 1)]
        if kind == "object" or "properties" in schema:
            return self._object(schema, depth)
        if kind in {"integer", "number"} and isinstance(schema.get("minimum"), int | float):
            return schema["minimum"]
        return BY_FORMAT.get(str(schema.get("format")), BY_TYPE.get(str(kind), "example"))

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or list(properties)[:3]
        return {
            name: self._value(self._follow(properties.get(name)), depth + 1)
            for name in required
            if isinstance(name, str)
        }

    def _follow(self, value: Any) -> Mapping[str, Any]:
        target = self._references.follow(value, ()).value
        return target if isinstance(target, dict) else {}


def _given_example(holder: Mapping[str, Any], follow: Any) -> Any:
    """An example that the document gives, in any of the places where OpenAPI allows one."""
    if holder.get("example") is not None:
        return holder["example"]
    examples = holder.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    if isinstance(examples, dict) and examples:
        return follow(next(iter(examples.values()))).get("value")
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, separators=(",", ":"), default=str)
