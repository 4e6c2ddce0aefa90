"""From a ruleset's text to a Ruleset (docs.stoplight.io/docs/spectral, rulesets)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.openapi.load import load
from apim.catalog.openapi.problems import InvalidSpecification
from apim.catalog.rulesets.build import build
from apim.catalog.rulesets.definition import Definition
from apim.catalog.rulesets.errors import InvalidRuleset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apim.catalog.rulesets.ruleset import Ruleset

MAX_BYTES = 512 * 1024


def load_ruleset(
    text: str, *, name: str = "", others: Mapping[str, Ruleset] | None = None
) -> Ruleset:
    """Read a ruleset in YAML or JSON, in Spectral's format.

    `extends` may name the built-in sets and `others`; nothing is fetched and no code is run.
    Raises InvalidRuleset, naming the line and what to change.
    """
    try:
        # JSON is YAML as well, and YAML may begin with a brace.
        loaded = load(text.encode(), filename="ruleset.yaml", max_bytes=MAX_BYTES)
    except InvalidSpecification as error:
        first = error.problems[0]
        message = " ".join(filter(None, (first.message, first.hint)))
        raise InvalidRuleset(message, line=first.line, column=first.column) from error
    if not isinstance(loaded.data, dict):
        raise InvalidRuleset(
            _(
                "A ruleset is a mapping with “rules” or “extends”, for example: extends: apim:default"
            )
        )
    return build(Definition(loaded.data, loaded.positions, name or "ruleset"), others=others or {})
