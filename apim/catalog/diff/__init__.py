"""What changed between two descriptions. Knows nothing of the catalog's tables."""

from apim.catalog.diff.change import Change, Direction, Level
from apim.catalog.diff.changelog import Entry, Section, as_text, changelog, entries_of
from apim.catalog.diff.compare import diff
from apim.catalog.diff.summary import Bump, Summary, advised_version, is_bumped_enough, summarize

__all__ = [
    "Bump",
    "Change",
    "Direction",
    "Entry",
    "Level",
    "Section",
    "Summary",
    "advised_version",
    "as_text",
    "changelog",
    "diff",
    "entries_of",
    "is_bumped_enough",
    "summarize",
]
