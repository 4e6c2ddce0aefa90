"""A ruleset as it was read, and how to refuse what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from django.utils.translation import gettext as _

from apim.catalog.rulesets.errors import InvalidRuleset

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path, Positions


@dataclass(frozen=True, slots=True)
class Definition:
    """`is_built_in` ones may use all functions, and their texts may be ours."""

    data: dict[str, Any]
    positions: Positions | None
    name: str
    is_built_in: bool = False
    is_translated: bool = False

    def refuse(self, path: Path, message: str) -> NoReturn:
        """Raises InvalidRuleset at what stands at `path`."""
        line, column = (1, 1) if self.positions is None else self.positions.find(path)
        raise InvalidRuleset(message, line=line, column=column)


def unknown(key: str, known: tuple[str, ...]) -> str:
    """A sentence about a key that has no meaning."""
    close = get_close_matches(key, known, 1)
    if close:
        return _("“%(key)s” has no meaning here; did you mean “%(close)s”?") % {
            "key": key,
            "close": close[0],
        }
    return _("“%(key)s” has no meaning here; there are %(known)s.") % {
        "key": key,
        "known": ", ".join(known),
    }


def severity_sentence() -> str:
    return _("A severity is one of error, warn, info, hint, off, or a number from 0 to 3.")
