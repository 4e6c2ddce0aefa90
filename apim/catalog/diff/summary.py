"""What all changes together mean for those who publish and those who call."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from apim.catalog.diff.change import Direction, Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.diff.change import Change

_SEMVER = re.compile(r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:[-+].*)?\Z")


class Bump(StrEnum):
    """Which part of a version number (semver.org, 2.0.0) has to grow."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Summary:
    breaking: int
    risky: int
    compatible: int
    # How many operations some change belongs to.
    operations: int
    bump: Bump

    @property
    def is_breaking(self) -> bool:
        return self.breaking > 0

    @property
    def total(self) -> int:
        return self.breaking + self.risky + self.compatible


def summarize(changes: Iterable[Change]) -> Summary:
    """Count by level, and advise on the version number.

    What breaks asks for a major version. What adds for clients, or is risky, asks for a minor one;
    what concerns neither requests nor responses (tags, names, unused parts) for a patch.
    """
    found = tuple(changes)
    counts = Counter(change.level for change in found)
    return Summary(
        breaking=counts[Level.BREAKING],
        risky=counts[Level.RISKY],
        compatible=counts[Level.COMPATIBLE],
        operations=len({change.operation for change in found if change.operation}),
        bump=_bump(found, counts),
    )


def _bump(changes: tuple[Change, ...], counts: Counter[Level]) -> Bump:
    if not changes:
        return Bump.NONE
    if counts[Level.BREAKING]:
        return Bump.MAJOR
    if counts[Level.RISKY] or any(_is_noticed(change) for change in changes):
        return Bump.MINOR
    return Bump.PATCH


def _is_noticed(change: Change) -> bool:
    return change.direction is not Direction.NONE or change.code.endswith("added")


def advised_version(version: str, bump: Bump) -> str:
    """The next version after `version`; empty if it is no version of numbers."""
    match = _SEMVER.match(version.strip())
    if not match:
        return ""
    prefix = "v" if version.strip().startswith("v") else ""
    major, minor, patch = (int(part or 0) for part in match.groups())
    if bump is Bump.MAJOR and major == 0:
        bump = Bump.MINOR  # before 1.0.0 anything may change (item 4)
    following = {
        Bump.MAJOR: (major + 1, 0, 0),
        Bump.MINOR: (major, minor + 1, 0),
        Bump.PATCH: (major, minor, patch + 1),
        Bump.NONE: (major, minor, patch),
    }[bump]
    return prefix + ".".join(map(str, following))


def is_bumped_enough(old: str, new: str, bump: Bump) -> bool:
    """Whether the step from version `old` to `new` is as large as advised, or cannot be told."""
    before, after = _SEMVER.match(old.strip()), _SEMVER.match(new.strip())
    if not before or not after:
        return True
    least = _SEMVER.match(advised_version(old, bump))
    assert least is not None
    return _numbers(after) >= _numbers(least)


def _numbers(match: re.Match[str]) -> tuple[int, ...]:
    return tuple(int(part or 0) for part in match.groups())
