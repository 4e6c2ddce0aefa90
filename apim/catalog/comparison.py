"""What changed between two revisions, with the lines at which it stands, in the reader's language."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import get_language, override

from apim.catalog.diff import Change, Direction, Level, diff, summarize
from apim.catalog.openapi.problems import field_of
from apim.catalog.selectors import description_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.descriptions import Description
    from apim.catalog.diff import Summary
    from apim.catalog.models import SpecRevision

CACHE_SECONDS = 7 * 24 * 3600
# Raise it when what is cached changes its form, or the differ what it says.
CACHE_FORM = 1


@dataclass(frozen=True, slots=True)
class ComparedChange(Change):
    """A change and where it stands; `line` counts from 1 and is 0 where it is not known."""

    line: int = 0

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
        return self.summary.breaking

    @property
    def risky(self) -> int:
        return self.summary.risky

    @property
    def compatible(self) -> int:
        return self.summary.compatible

    @property
    def is_breaking(self) -> bool:
        return self.summary.is_breaking

    @property
    def advice(self) -> str:
        """The part of a semantic version that must grow: major, minor, patch or none."""
        return str(self.summary.bump)

    @property
    def summary(self) -> Summary:
        return summarize(self.changes)

    def operations(self, level: Level) -> tuple[str, ...]:
        """The operations with a change of that level, in order of appearance."""
        found = (c.operation for c in self.changes if c.level is level and c.operation)
        return tuple(dict.fromkeys(found))

    def as_json(self) -> list[dict[str, Any]]:
        return [{**asdict(change), "path": list(change.path)} for change in self.changes]


NO_CHANGES = Comparison(())


def compare_descriptions(old: Description, new: Description) -> Comparison:
    """In the active language."""
    return Comparison(tuple(_placed(change, old, new) for change in diff(old, new)))


def compare(old: SpecRevision, new: SpecRevision) -> Comparison:
    """Cached by pair and language, because reading two large documents takes seconds."""
    return (
        _remembered(old, new)
        or _compare_in(old, new, (get_language() or settings.LANGUAGE_CODE,)).popitem()[1]
    )


def compare_in_every_language(
    old: SpecRevision, new: SpecRevision, *, after: Description | None = None
) -> dict[str, Comparison]:
    """Per language of the platform, each cached; `after` is what `new` says, if read already."""
    found: dict[str, Comparison] = {}
    for code, _name_of in settings.LANGUAGES:
        with override(code):
            known = _remembered(old, new)
        if known is not None:
            found[code] = known
    missing = tuple(code for code, _name_of in settings.LANGUAGES if code not in found)
    return {**found, **(_compare_in(old, new, missing, after) if missing else {})}


def _compare_in(
    old: SpecRevision,
    new: SpecRevision,
    languages: tuple[str, ...],
    after: Description | None = None,
) -> dict[str, Comparison]:
    before, after = description_of(old), after or description_of(new)
    found: dict[str, Comparison] = {}
    for code in languages:
        with override(code):
            found[code] = _remember(old, new, compare_descriptions(before, after))
    return found


def _remembered(old: SpecRevision, new: SpecRevision) -> Comparison | None:
    """In the active language; None when it has to be worked out."""
    if old.pk == new.pk or old.sha256 == new.sha256:
        return NO_CHANGES
    kept: bytes | None = cache.get(_name(old, new))
    return None if kept is None else comparison_from(json.loads(zlib.decompress(kept)))


def _remember(old: SpecRevision, new: SpecRevision, found: Comparison) -> Comparison:
    packed = zlib.compress(json.dumps(found.as_json(), ensure_ascii=False).encode())
    cache.set(_name(old, new), packed, CACHE_SECONDS)
    return found


def comparison_from(rows: Iterable[dict[str, Any]]) -> Comparison:
    """From what `as_json` gave."""
    return Comparison(
        tuple(
            ComparedChange(
                **{
                    **row,
                    "level": Level(row["level"]),
                    "direction": Direction(row["direction"]),
                    "path": tuple(row["path"]),
                }
            )
            for row in rows
        )
    )


def _name(old: SpecRevision, new: SpecRevision) -> str:
    return f"diff:{CACHE_FORM}:{get_language()}:{old.pk}:{new.pk}"


def _placed(change: Change, old: Description, new: Description) -> ComparedChange:
    positions = (old if change.is_in_old else new).positions
    line = positions.find(change.path)[0] if positions is not None else 0
    return ComparedChange(
        change.code,
        change.level,
        change.direction,
        change.operation,
        change.path,
        change.is_in_old,
        change.text,
        change.before,
        change.after,
        line,
    )
