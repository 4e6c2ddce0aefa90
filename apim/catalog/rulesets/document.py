"""A description as rules see it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from apim.catalog.openapi.references import References
from apim.catalog.rulesets.javascript import UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.openapi.positions import Path, Positions

_OAS = re.compile(r"3\.([0-9]+)(?:\.[0-9]*)?\Z")
_ASYNC = re.compile(r"([23])\.([0-9]+)\.([0-9]+)\Z")
_NOWHERE = (1, 1)
_HOLDERS = (dict, list)
_SIZE = "size"
_DANGLING = "dangling references"


class Document:
    """The tree of one description, with where things stand and what references lead to."""

    def __init__(self, data: Any, positions: Positions | None) -> None:
        self.data = data
        self.formats = formats_of(data)
        self._positions = positions
        self._references = References(data)
        self._resolved: dict[str, tuple[Any, Path] | None] = {}
        # For rule functions that look something up for the whole document once.
        self.memory: dict[str, Any] = {}

    def target(self, ref: str) -> tuple[Any, Path] | None:
        """The value that `ref` leads to in the end, and where it stands; None if to nothing."""
        try:
            return self._resolved[ref]
        except KeyError:
            pass
        try:
            found = self._references.target(ref)
        except LookupError:
            self._resolved[ref] = None
        else:
            self._resolved[ref] = (found.value, found.path)
        return self._resolved[ref]

    def resolve(self, value: Any, above: Path, key: str | int) -> tuple[Any, Path]:
        """`value`, which stands in `above` as `key`, or what it refers to; and where that is."""
        found = self.follow(value)
        return (value, (*above, key)) if found is None else found

    def follow(self, value: Any) -> tuple[Any, Path] | None:
        """What `value` refers to, if it is a reference that leads somewhere."""
        if isinstance(value, dict):
            ref = value.get("$ref")
            if isinstance(ref, str):
                return self.target(ref)
        return None

    def plain(self, value: Any) -> Any:
        """`value` itself, or what it refers to."""
        found = self.follow(value)
        return value if found is None else found[0]

    def below(self, value: Any, path: Path, tokens: Iterable[str | int]) -> tuple[Any, Path, Path]:
        """What stands below `value`, following references; where that is, and what was missing.

        The value is UNDEFINED when tokens are missing.
        """
        tokens = tuple(tokens)
        for done, token in enumerate(tokens):
            found, key = step(value, token)
            if found is UNDEFINED:
                return UNDEFINED, path, tokens[done:]
            value, path = self.resolve(found, path, key)
        return value, path, ()

    def closest(self, path: Path, *, is_resolved: bool) -> tuple[Path, Path]:
        """The part of `path` that exists, with references followed if wanted; and the rest."""
        value: Any = self.data
        reached: Path = ()
        for done, token in enumerate(path):
            if is_resolved and (found := self.follow(value)) is not None:
                value, reached = found
            found_value, key = step(value, token)
            if found_value is UNDEFINED:
                return reached, path[done:]
            value, reached = found_value, (*reached, key)
        if is_resolved and (found := self.follow(value)) is not None:
            reached = found[1]
        return reached, ()

    def written(self, path: Path) -> Any:
        """What stands at `path`, which exists, references not followed."""
        value = self.data
        for token in path:
            value = value[token]
        return value

    def size(self) -> int:
        """How many values there are."""
        self._survey()
        return int(self.memory[_SIZE])

    def dangling(self) -> list[Path]:
        """Where references stand that lead to nothing in this document."""
        self._survey()
        return list(self.memory[_DANGLING])

    def _survey(self) -> None:
        if _SIZE in self.memory:
            return
        count, dangling = 0, []
        pending: list[tuple[Any, Path]] = [(self.data, ())]
        while pending:
            value, path = pending.pop()
            count += 1
            if isinstance(value, dict):
                ref = value.get("$ref")
                if isinstance(ref, str) and ref.startswith("#") and self.target(ref) is None:
                    dangling.append((*path, "$ref"))
                count += len(value)
                pending.extend((v, (*path, k)) for k, v in value.items() if isinstance(v, _HOLDERS))
            elif isinstance(value, list):
                count += len(value)
                pending.extend(
                    (v, (*path, i)) for i, v in enumerate(value) if isinstance(v, _HOLDERS)
                )
        self.memory[_SIZE], self.memory[_DANGLING] = count, dangling

    def find(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1."""
        return _NOWHERE if self._positions is None else self._positions.find(path)


def step(value: Any, token: str | int) -> tuple[Any, str | int]:
    """The member of `value` that `token` names, and its exact key; UNDEFINED if there is none."""
    if isinstance(value, dict):
        key = str(token)
        return value.get(key, UNDEFINED), key
    if isinstance(value, list):
        text = str(token)
        if text.isascii() and text.isdigit() and len(text) < 9 and int(text) < len(value):
            return value[int(text)], int(text)
    return UNDEFINED, token


def formats_of(data: Any) -> frozenset[str]:
    """Names that rules use for the document's kind: oas3, oas3_1, asyncapi2, aas2_6 …."""
    if not isinstance(data, dict):
        return frozenset()
    found: set[str] = set()
    if str(data.get("swagger", "")).split(".")[0] == "2":
        found.add("oas2")
    declared = str(data.get("openapi", ""))
    if declared.split(".", maxsplit=1)[0] == "3":
        found.add("oas3")
        if match := _OAS.match(declared):
            found.add(f"oas3_{match[1]}")
    if match := _ASYNC.match(str(data.get("asyncapi", ""))):
        found |= {f"asyncapi{match[1]}", f"aas{match[1]}", f"aas{match[1]}_{match[2]}"}
    return frozenset(found)
