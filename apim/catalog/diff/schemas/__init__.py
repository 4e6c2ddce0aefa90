"""What changed between two schemas, by the direction in which their values travel."""

from apim.catalog.diff.schemas.found import Found, Frame, Scope
from apim.catalog.diff.schemas.types import has_types
from apim.catalog.diff.schemas.walk import Walks
from apim.catalog.diff.schemas.words import WORDS

__all__ = ["WORDS", "Found", "Frame", "Scope", "Walks", "has_types"]
