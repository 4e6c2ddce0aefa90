"""What changed between two revisions, with the lines at which it stands, in the reader's language."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import get_language, override

from apim.catalog.openapi.problems import field_of
from apim.catalog.selectors import description_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.descriptions import Description
    from apim.catalog.diff import Change
    from apim.catalog.models import SpecRevision
    from apim.catalog.openapi.positions import Path

CACHE_SECONDS = 7 * 24 * 3600
# Raise it when what is cached changes its form, or the differ what it says.
CACHE_FORM = 1


@dataclass(frozen=True, slots=True)
class ComparedChange:
    """A Change and where it stands; `line` counts from 1 and is 0 where it is not known."""

    code: str
    level: str
    direction: str
    operation: str
    # Into the old document when `is_in_old`, else into the new one.
    path: Path
    is_in_old: bool
    line: int
    text: str
    before: str
    after: str

    @property
    def field(self) -> str:
        """The path for people, for example `paths./tides.get.parameters[0]`."""
        return field_of(self.path)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Changes in the differ's order: breaking ones first."""

    changes: tuple[ComparedChange, ...]

    @property
    def breaking(self) -> int:
        return self._counts["breaking"]

    @property
    def risky(self) -> int:
        return self._counts["risky"]

    @property
    def compatible(self) -> int:
        return self._counts["compatible"]

    @property
    def is_breaking(self) -> bool:
        return self.breaking > 0

    @property
    def advice(self) -> str:
        """The part of a semantic version that must grow: major, minor or none."""
        if self.breaking:
            return "major"
        return "minor" if self.changes else "none"

    @property
    def _counts(self) -> Counter[str]:
        return Counter(change.level for change in self.changes)

    def operations(self, level: str) -> tuple[str, ...]:
        """The operations with a change of that level, in order of appearance."""
        found = (c.operation for c in self.changes if c.level == level and c.operation)
        return tuple(dict.fromkeys(found))

    def as_json(self) -> list[dict[str, Any]]:
        return [{**asdict(change), "path": list(change.path)} for change in self.changes]


NO_CHANGES = Comparison(())


def compare_descriptions(old: Description, new: Description) -> Comparison:
    """In the active language."""
    from apim.catalog.diff import diff  # noqa: PLC0415

    return Comparison(tuple(_placed(change, old, new) for change in diff(old, new)))


def compare(old: SpecRevision, new: SpecRevision) -> Comparison:
    """Cached by pair and language, because reading two large documents takes a second."""
    if old.pk == new.pk or old.sha256 == new.sha256:
        return NO_CHANGES
    kept: bytes | None = cache.get(_name(old, new))
    if kept is not None:
        return comparison_from(json.loads(zlib.decompress(kept)))
    return remember(old, new, compare_descriptions(description_of(old), description_of(new)))


def compare_in_every_language(old: SpecRevision, new: SpecRevision) -> dict[str, Comparison]:
    """Per language of the platform; each document is read once."""
    if old.sha256 == new.sha256:
        return {code: NO_CHANGES for code, _name_of in settings.LANGUAGES}
    before, after = description_of(old), description_of(new)
    found: dict[str, Comparison] = {}
    for code, _name_of in settings.LANGUAGES:
        with override(code):
            found[code] = remember(old, new, compare_descriptions(before, after))
    return found


def remember(old: SpecRevision, new: SpecRevision, found: Comparison) -> Comparison:
    packed = zlib.compress(json.dumps(found.as_json(), ensure_ascii=False).encode())
    cache.set(_name(old, new), packed, CACHE_SECONDS)
    return found


def comparison_from(rows: Iterable[dict[str, Any]]) -> Comparison:
    """From what `as_json` gave."""
    return Comparison(tuple(ComparedChange(**{**row, "path": tuple(row["path"])}) for row in rows))


def _name(old: SpecRevision, new: SpecRevision) -> str:
    return f"diff:{CACHE_FORM}:{get_language()}:{old.pk}:{new.pk}"


def _placed(change: Change, old: Description, new: Description) -> ComparedChange:
    positions = (old if change.is_in_old else new).positions
    return ComparedChange(
        code=change.code,
        level=str(change.level),
        direction=str(change.direction),
        operation=change.operation,
        path=change.path,
        is_in_old=change.is_in_old,
        line=positions.find(change.path)[0] if positions is not None else 0,
        text=str(change.text),
        before=change.before,
        after=change.after,
    )
