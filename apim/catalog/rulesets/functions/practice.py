"""What apim:default asks beyond the core functions. The sentences are the rules' own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.functions.contract import Function, Result
from apim.catalog.rulesets.javascript import UNDEFINED
from apim.catalog.rulesets.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.document import Document
    from apim.catalog.rulesets.functions.contract import Context, Options

_SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+\Z")
_CAMEL = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+\Z")
# With fewer names, or with both cases about equally often, there is no custom to keep to.
_FEWEST_NAMES = 10
_CLEAR_MAJORITY = 0.8
_PAGING = re.compile(
    r"limit|size|cursor|offset|page|per_?page|after|before|start|top|skip|count|max_?results",
    re.IGNORECASE,
)


def has_example(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    """In the media type itself, or in its schema."""
    names = ("example", "examples")
    schema = context.document.plain(value.get("schema"))
    inner = context.document.plain(schema.get("items")) if isinstance(schema, dict) else None
    for holder in (value, schema, inner):
        if isinstance(holder, dict) and any(name in holder for name in names):
            return
    properties = schema.get("properties") if isinstance(schema, dict) else None
    below = properties.values() if isinstance(properties, dict) else ()
    if not any(isinstance(one, dict) and any(n in one for n in names) for one in below):
        yield Result("")


def has_items(value: Any, _options: Options, _context: Context) -> Iterator[Result]:
    if value is UNDEFINED or value is None or value == []:
        yield Result("")


def has_response(value: Any, options: Options, context: Context) -> Iterator[Result]:
    """One of the names of a mapping matches."""
    names = value if isinstance(value, dict) else {}
    if not any(pattern(options["match"]).search(name, context.budget) for name in names):
        yield Result("")


def has_security(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    """The operation's own, or the document's; an empty list says that it is open on purpose."""
    if "security" not in value and "security" not in context.document.data:
        yield Result("")


def consistent_case(_value: Any, _options: Options, context: Context) -> Iterator[Result]:
    """Names of properties in the case that at least four fifths of them are in."""
    names = list(_property_names(context.document))
    snake = [path for path in names if _SNAKE.match(str(path[-1]))]
    camel = [path for path in names if _CAMEL.match(str(path[-1]))]
    total = len(snake) + len(camel)
    if total < _FEWEST_NAMES or max(len(snake), len(camel)) < _CLEAR_MAJORITY * total:
        return
    for path in min(snake, camel, key=len):
        yield Result("", path)


def _property_names(document: Document) -> Iterator[Path]:
    pending: list[tuple[Any, Path]] = [(document.data, ())]
    while pending:
        value, path = pending.pop()
        if isinstance(value, list):
            pending.extend((one, (*path, index)) for index, one in enumerate(value))
        if not isinstance(value, dict):
            continue
        properties = value.get("properties")
        if isinstance(properties, dict) and path[-1:] != ("properties",):
            yield from ((*path, "properties", name) for name in properties)
        pending.extend(
            (below, (*path, key)) for key, below in value.items() if key not in _NO_SCHEMAS
        )


_NO_SCHEMAS = {"example", "examples", "default", "enum", "const"}


def has_paging(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    """A GET whose successful response is a list, or an object around one list."""
    document = context.document
    for template, written in value.items():
        item, at = document.resolve(written, ("paths",), template)
        operation = document.plain(item.get("get")) if isinstance(item, dict) else None
        if not isinstance(operation, dict) or template.endswith("}"):
            continue
        if _answers_with_list(operation, document) and not _has_paging(operation, item, document):
            yield Result("", (*at, "get"))


def _answers_with_list(operation: dict[str, Any], document: Document) -> bool:
    for status in ("200", "2XX"):
        response, _, missing = document.below(operation, (), ("responses", status))
        if missing or not isinstance(response, dict):
            continue
        content = response.get("content")
        holders = list(content.values()) if isinstance(content, dict) else [response]
        schemas = [document.plain(one.get("schema")) for one in holders if isinstance(one, dict)]
        if any(_is_list(schema, document) for schema in schemas):
            return True
    return False


def _is_list(schema: Any, document: Document) -> bool:
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "array":
        return True
    properties = schema.get("properties")
    below = [
        document.plain(one) for one in (properties.values() if isinstance(properties, dict) else ())
    ]
    lists = [one for one in below if isinstance(one, dict) and one.get("type") == "array"]
    return len(lists) == 1 and len(below) <= 4


def _has_paging(operation: dict[str, Any], item: dict[str, Any], document: Document) -> bool:
    for holder in (operation, item):
        parameters = holder.get("parameters")
        for written in parameters if isinstance(parameters, list) else ():
            one = document.plain(written)
            if isinstance(one, dict) and _PAGING.search(str(one.get("name", ""))):
                return True
    return False


PRACTICE: dict[str, Function] = {
    "consistentCase": Function(consistent_case, (dict,)),
    "hasExample": Function(has_example, (dict,)),
    "hasItems": Function(has_items),
    "hasPaging": Function(has_paging, (dict,)),
    "hasResponse": Function(has_response, needs=("match",)),
    "hasSecurity": Function(has_security, (dict,)),
}
