"""What changed between two pages: the operations that their tables list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect

if TYPE_CHECKING:
    from apim.catalog.diff.report import Report

_NONE = Direction.NONE


def compare_prose(old: dict[str, Any], new: dict[str, Any], report: Report) -> None:
    """Note operations that came and went, and that the text is another."""
    before, after = (_operations(tree) for tree in (old, new))
    for name, index in after.items():
        if name not in before:
            text = _("The operation was added.")
            path = ("operations", index)
            report.add("endpoint-added", Effect.NONE, _NONE, name, path, text)
    for name, index in before.items():
        if name not in after:
            text = _("The operation was removed.")
            path = ("operations", index)
            code = "api-removed-without-deprecation"
            report.add(code, Effect.NARROWS, _NONE, name, path, text, is_in_old=True)
    if old["text"] != new["text"]:
        text = _("The text changed.")
        report.add("prose-changed", Effect.NONE, _NONE, "", ("text",), text)


def _operations(tree: dict[str, Any]) -> dict[str, int]:
    return {f"{one['method']} {one['path']}": i for i, one in enumerate(tree["operations"])}
