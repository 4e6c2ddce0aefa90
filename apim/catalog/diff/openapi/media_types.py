"""Media types with parameters, suffixes and ranges: `application/problem+json; charset=utf-8`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class MediaType:
    written: str
    kind: str
    subtype: str
    suffix: str
    parameters: dict[str, str] = field(default_factory=dict, hash=False, compare=False)

    @property
    def bare(self) -> str:
        end = f"+{self.suffix}" if self.suffix else ""
        return f"{self.kind}/{self.subtype}{end}"

    def contains(self, other: MediaType) -> bool:
        """Whether the other is a special case: of a range, or of the format that its suffix names.

        RFC 9110, section 12.5.1 for ranges, RFC 6838, section 4.2.8 for suffixes.
        """
        if self.bare == other.bare or self.kind == "*":
            return True
        if self.kind != other.kind:
            return False
        return self.subtype == "*" or (not self.suffix and other.suffix == self.subtype)


def parse(written: str) -> MediaType:
    name, *parameters = written.split(";")
    kind, _slash, rest = name.strip().lower().partition("/")
    subtype, plus, suffix = rest.rpartition("+")
    if not plus:
        subtype, suffix = rest, ""
    pairs = (one.partition("=") for one in parameters if "=" in one)
    values = {key.strip().lower(): value.strip().strip('"') for key, _equals, value in pairs}
    return MediaType(written, kind, subtype, suffix, values)


def match(
    old: Iterable[str], new: Iterable[str], *, is_loose: bool
) -> tuple[list[tuple[MediaType, MediaType]], list[MediaType], list[MediaType]]:
    """Pairs that are the same or close, what was removed and what was added.

    `is_loose`: a range or a suffix that came or went also makes a pair, not only parameters.
    """
    waiting = {one: parse(one) for one in new}
    left: list[MediaType] = []
    pairs: list[tuple[MediaType, MediaType]] = []
    for one in old:
        if one in waiting:
            pairs.append((parse(one), waiting.pop(one)))
        else:
            left.append(parse(one))
    removed = []
    for media_type in left:
        close = _closest(media_type, waiting.values(), is_loose=is_loose)
        if close is None:
            removed.append(media_type)
        else:
            pairs.append((media_type, waiting.pop(close.written)))
    return pairs, removed, list(waiting.values())


def _closest(
    wanted: MediaType, candidates: Iterable[MediaType], *, is_loose: bool
) -> MediaType | None:
    found = list(candidates)
    for one in found:
        if one.bare == wanted.bare:
            return one
    if is_loose:
        for one in found:
            if one.contains(wanted) or wanted.contains(one):
                return one
    return None
