"""The operations of a document: method and path, and what a catalog shows of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.openapi.parse import ParsedDocument
    from apim.catalog.openapi.positions import Path
    from apim.catalog.openapi.references import References

# `query` and additionalOperations are of OpenAPI 3.2.
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
PATH_MAX_LENGTH = 500
METHOD_MAX_LENGTH = 8
ID_MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """`operation_id` is made up from method and path when the document gives none."""

    method: str
    path: str
    operation_id: str
    summary: str
    description: str
    tags: tuple[str, ...]
    is_deprecated: bool
    is_secured: bool
    parameter_count: int
    request_content_types: tuple[str, ...]
    response_content_types: tuple[str, ...]

    @property
    def is_call(self) -> bool:
        """Whether it is a call over HTTP; other styles tell of more than calls."""
        return self.method.isupper()

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class FoundOperation:
    """An operation where it stands, with the path item around it."""

    method: str
    value: dict[str, Any]
    path: Path
    item: dict[str, Any]


def extract_operations(document: ParsedDocument) -> tuple[OperationSpec, ...]:
    """Every operation, in the document's order."""
    names = _Names(document)
    return tuple(_spec(document, template, found, names) for template, found in _all(document))


def _all(document: ParsedDocument) -> Iterator[tuple[str, FoundOperation]]:
    for template, item in document.data.get("paths", {}).items():
        if not template.startswith("x-"):
            path = ("paths", template)
            for found in operations_of_item(document.references, item, path):
                yield template, found


def operations_of_item(references: References, item: Any, path: Path) -> list[FoundOperation]:
    """The operations of a path item and of the one that it refers to; its own come first."""
    found: dict[str, FoundOperation] = {}
    target = references.follow(item, path)
    for value, at in ((item, path), (target.value, target.path)):
        if not isinstance(value, dict):
            continue
        more = value.get("additionalOperations")
        additional = more.items() if isinstance(more, dict) else ()
        candidates = [(m, (*at, m), value[m]) for m in METHODS if m in value]
        candidates.sort(key=lambda c: list(value).index(c[0]))
        candidates += [(m, (*at, "additionalOperations", m), v) for m, v in additional]
        for method, place, operation in candidates:
            if isinstance(operation, dict):
                found.setdefault(
                    method.upper(), FoundOperation(method.upper(), operation, place, value)
                )
    return list(found.values())


def parameters_of(
    references: References, found: FoundOperation
) -> list[tuple[dict[str, Any], Path]]:
    """The operation's parameters and those of its path item that it does not replace."""
    merged: dict[tuple[Any, Any], tuple[dict[str, Any], Path]] = {}
    for holder in (found.value, found.item):
        declared = holder.get("parameters")
        for one in declared if isinstance(declared, list) else ():
            target = references.follow(one, found.path)
            if isinstance(target.value, dict):
                identity = (str(target.value.get("name")), str(target.value.get("in")))
                merged.setdefault(identity, (target.value, target.path))
    return list(merged.values())


def _spec(
    document: ParsedDocument, template: str, found: FoundOperation, names: _Names
) -> OperationSpec:
    value = found.value
    security = value.get("security", document.data.get("security"))
    tags = value.get("tags")
    return OperationSpec(
        method=found.method,
        path=template,
        operation_id=_given_id(value) or names.make(found.method, template),
        summary=_text(value.get("summary") or found.item.get("summary")),
        description=_text(value.get("description") or found.item.get("description")),
        tags=tuple(dict.fromkeys(tags)) if isinstance(tags, list) else (),
        is_deprecated=value.get("deprecated") is True,
        is_secured=isinstance(security, list) and bool(security) and {} not in security,
        parameter_count=len(parameters_of(document.references, found)),
        request_content_types=_request_types(document.references, value, found.path),
        response_content_types=_response_types(document.references, value, found.path),
    )


def _given_id(value: dict[str, Any]) -> str:
    """The document's own operationId, if it has one that can be used."""
    given = _text(value.get("operationId"))
    return given if len(given) <= ID_MAX_LENGTH else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _request_types(references: References, value: dict[str, Any], path: Path) -> tuple[str, ...]:
    return tuple(_content(references.follow(value.get("requestBody"), path).value))


def _response_types(references: References, value: dict[str, Any], path: Path) -> tuple[str, ...]:
    responses = value.get("responses")
    types: dict[str, None] = {}
    for code, response in responses.items() if isinstance(responses, dict) else ():
        if not code.startswith("x-"):
            types.update(dict.fromkeys(_content(references.follow(response, path).value)))
    return tuple(types)


def _content(holder: Any) -> dict[str, Any]:
    content = holder.get("content") if isinstance(holder, dict) else None
    return content if isinstance(content, dict) else {}


class _Names:
    """Makes ids for operations that have none, such as `get_tides_by_date`, each only once."""

    def __init__(self, document: ParsedDocument) -> None:
        self._taken = {_given_id(found.value) for _template, found in _all(document)}

    def make(self, method: str, template: str) -> str:
        words = [method.lower()]
        for segment in template.split("/"):
            is_parameter = "{" in segment
            plain = re.sub(r"[^A-Za-z0-9]+", "_", segment).strip("_")
            if plain:
                words += ["by", plain] if is_parameter else [plain]
        name = "_".join(words)[:190]
        candidate, number = name, 2
        while candidate in self._taken:
            candidate, number = f"{name}_{number}", number + 1
        self._taken.add(candidate)
        return candidate
