"""JSON, strictly: no repeated keys, no NaN, bounded depth; positions only when something is wrong."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn

from django.utils.translation import gettext as _

from apim.catalog.openapi.positions import LazyJsonPositions, Spot, json_tokens, scan_json
from apim.catalog.openapi.refusals import (
    MAX_DEPTH,
    refuse_at,
    repeated_keys,
    too_deep,
    unusable_text,
)

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Positions

_MAX_DIGITS = 300


class _NotANumber(ValueError):
    """NaN and Infinity, which JavaScript knows and JSON does not, and what overflows."""

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.token = token


def load_json(text: str) -> tuple[Any, Positions]:
    """Raises InvalidSpecification, naming line and column."""
    has_repeated = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_repeated
        mapping = dict(items)
        has_repeated = has_repeated or len(mapping) != len(items)
        return mapping

    try:
        data = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=_refuse_number,
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        message = _("The JSON cannot be read: %(reason)s.") % {"reason": error.msg}
        refuse_at(error.lineno, error.colno, message, _hint(error.msg))
    except RecursionError:
        too_deep(*_first_too_deep(text))
    except _NotANumber as error:
        message = _("%(number)s is no number that JSON readers agree on.")
        spot = next((spot for token, spot in json_tokens(text) if token == error.token), (1, 1))
        refuse_at(*spot, message % {"number": error.token[:40]}, _("Put it in quotes."))
    if has_repeated:
        repeated_keys(scan_json(text)[1])
    positions = LazyJsonPositions(text)
    unusable_text(data, positions)
    return data, positions


def _first_too_deep(text: str) -> Spot:
    depth = 0
    for part, spot in json_tokens(text):
        depth += (part in "[{") - (part in "]}")
        if depth > MAX_DEPTH:
            return spot
    return (1, 1)


def _refuse_number(token: str) -> NoReturn:
    raise _NotANumber(token)


def _float(token: str) -> float:
    value = float(token)
    return value if isfinite(value) else _refuse_number(token)


def _int(token: str) -> int:
    return int(token) if len(token) <= _MAX_DIGITS else _refuse_number(token)


def _hint(reason: str) -> str:
    if reason.startswith("Expecting property name"):
        return _("Keys stand in double quotes, and no comma follows the last one.")
    if reason.startswith("Expecting ',' delimiter"):
        return _("Look for a missing comma or bracket just before.")
    if reason.startswith("Extra data"):
        return _("One document, and nothing after its last brace.")
    return ""
