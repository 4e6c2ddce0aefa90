"""Operations of styles in which they are not simply a method and a path."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from apim.catalog.openapi.operations import PATH_MAX_LENGTH, OperationSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

ID_MAX_LENGTH = 200


def operation(  # noqa: PLR0913 - what the styles know of one
    method: str,
    path: str,
    name: str,
    *,
    summary: str = "",
    description: str = "",
    tags: Iterable[str] = (),
    is_deprecated: bool = False,
    is_secured: bool = False,
    parameter_count: int = 0,
    request_types: Iterable[str] = (),
    response_types: Iterable[str] = (),
) -> OperationSpec:
    """`summary` is the description's first sentence where there is none."""
    return OperationSpec(
        method=method,
        path=path[:PATH_MAX_LENGTH],
        operation_id=name[:ID_MAX_LENGTH],
        summary=" ".join((summary or first_sentence(description)).split()),
        description=description,
        tags=tuple(tags),
        is_deprecated=is_deprecated,
        is_secured=is_secured,
        parameter_count=parameter_count,
        request_content_types=tuple(request_types),
        response_content_types=tuple(response_types),
    )


def distinct(operations: Iterable[OperationSpec]) -> tuple[OperationSpec, ...]:
    """The same, where two of one method and path are told apart by their names."""
    taken: set[tuple[str, str]] = set()
    kept = []
    for one in operations:
        path, number = one.path, 1
        while (one.method, path) in taken:
            suffix = f"#{one.operation_id}" if number == 1 else f"#{one.operation_id}-{number}"
            path, number = one.path[: PATH_MAX_LENGTH - len(suffix)] + suffix, number + 1
        taken.add((one.method, path))
        kept.append(one if path == one.path else replace(one, path=path))
    return tuple(kept)


def first_sentence(text: str, length: int = 200) -> str:
    """Of the first paragraph, shortened at a word."""
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    sentence, full_stop, _rest = paragraph.partition(". ")
    sentence += full_stop.strip()
    if len(sentence) <= length:
        return sentence
    return sentence[: length - 1].rsplit(" ", 1)[0] + "…"
