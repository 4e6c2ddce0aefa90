"""The rulesets that come with the platform, read when one is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from apim.catalog.openapi.load import load
from apim.catalog.rulesets.build import build
from apim.catalog.rulesets.built_in.practices import PRACTICES
from apim.catalog.rulesets.definition import Definition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.rulesets.ruleset import Ruleset

DEFAULT = "apim:default"
_FILES = {"spectral:oas": "oas.yaml", "spectral:asyncapi": "asyncapi.yaml"}
_HERE = Path(__file__).parent


class _BuiltIn(Mapping[str, "Ruleset"]):
    def __init__(self) -> None:
        self._built: dict[str, Ruleset] = {}

    def __getitem__(self, name: str) -> Ruleset:
        if name not in self._built:
            self._built[name] = build(_definition(name), others={})
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name == DEFAULT or name in _FILES

    def __iter__(self) -> Iterator[str]:
        yield DEFAULT
        yield from _FILES

    def __len__(self) -> int:
        return 1 + len(_FILES)


def _definition(name: str) -> Definition:
    if name == DEFAULT:
        return Definition(PRACTICES, None, name, is_built_in=True, is_translated=True)
    text = (_HERE / _FILES[name]).read_bytes()
    loaded = load(text, filename=_FILES[name])
    return Definition(loaded.data, loaded.positions, name, is_built_in=True)


BUILT_IN: Mapping[str, Ruleset] = _BuiltIn()
