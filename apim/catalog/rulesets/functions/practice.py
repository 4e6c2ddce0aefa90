"""What apim:default asks beyond the core functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apim.catalog.rulesets.functions.contract import Function

PRACTICE: dict[str, Function] = {}
