"""All functions by the name that a ruleset calls them by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim.catalog.rulesets.functions.asyncapi import ASYNCAPI
from apim.catalog.rulesets.functions.core import CORE
from apim.catalog.rulesets.functions.examples import EXAMPLES
from apim.catalog.rulesets.functions.openapi import OPENAPI
from apim.catalog.rulesets.functions.practice import PRACTICE
from apim.catalog.rulesets.functions.schema import SCHEMA
from apim.catalog.rulesets.functions.shared import SHARED
from apim.catalog.rulesets.functions.structure import STRUCTURE

if TYPE_CHECKING:
    from apim.catalog.rulesets.functions.contract import Function

# What a publisher's ruleset may name.
PUBLIC: dict[str, Function] = {**CORE, "schema": SCHEMA}
FUNCTIONS: dict[str, Function] = {
    **PUBLIC,
    **SHARED,
    **OPENAPI,
    **EXAMPLES,
    **STRUCTURE,
    **ASYNCAPI,
    **PRACTICE,
}
