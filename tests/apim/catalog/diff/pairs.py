"""Small pairs of documents, and what the diff says about them."""

import json
from copy import deepcopy
from datetime import date
from typing import Any

from apim.catalog.descriptions import read_description
from apim.catalog.diff import Change, Level, diff

TODAY = date(2026, 6, 1)
JSON = "application/json"
Code = tuple[str, str]

BREAKING, RISKY, COMPATIBLE = (
    level.value for level in (Level.BREAKING, Level.RISKY, Level.COMPATIBLE)
)


def document(paths: dict[str, Any], *, version: str = "3.1.0", **more: Any) -> dict[str, Any]:
    return {
        "openapi": version,
        "info": {"title": "Pets", "version": "1.0.0"},
        "paths": paths,
    } | more


def operation(**parts: Any) -> dict[str, Any]:
    return {"responses": {"200": {"description": "OK"}}} | parts


def compare(old: dict[str, Any], new: dict[str, Any]) -> tuple[Change, ...]:
    """Both documents go through the whole reader, as an upload does."""
    first, second = (read_description(json.dumps(one).encode()) for one in (old, new))
    return diff(first, second, today=TODAY)


def codes(changes: tuple[Change, ...]) -> list[Code]:
    """Code and level of each, sorted."""
    return sorted((change.code, str(change.level)) for change in changes)


def of_operations(old: dict[str, Any], new: dict[str, Any], **more: Any) -> list[Code]:
    """What changed between two versions of GET /pets."""
    both = (document({"/pets": {"get": operation(**one)}}, **more) for one in (old, new))
    return codes(compare(*both))


def with_body(schema: Any, **more: Any) -> dict[str, Any]:
    body = {"content": {JSON: {"schema": schema}}}
    return document({"/pets": {"post": operation(requestBody=body)}}, **more)


def with_response(schema: Any, **more: Any) -> dict[str, Any]:
    response = {"description": "OK", "content": {JSON: {"schema": schema}}}
    return document({"/pets": {"get": {"responses": {"200": response}}}}, **more)


def with_parameter(schema: Any, place: str = "query", **more: Any) -> dict[str, Any]:
    parameter = {"name": "q", "in": place, "schema": schema} | more
    return document({"/pets": {"get": operation(parameters=[parameter])}})


def with_header(schema: Any) -> dict[str, Any]:
    response = {"description": "OK", "headers": {"X-Left": {"schema": schema}}}
    return document({"/pets": {"get": {"responses": {"200": response}}}})


def as_property(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"p": schema}}


PLACES = {
    "request-body": with_body,
    "request-property": lambda schema: with_body(as_property(schema)),
    "request-parameter": with_parameter,
    "request-parameter-property": lambda schema: with_parameter(as_property(schema)),
    "response-body": with_response,
    "response-property": lambda schema: with_response(as_property(schema)),
    "response-header": with_header,
}


def of_schemas(place: str, old: Any, new: Any) -> list[Code]:
    """What changed between two schemas at a place, such as `request-property`."""
    build = PLACES[place]
    return codes(compare(build(deepcopy(old)), build(deepcopy(new))))
