"""Rules, and sets of them, ready to be applied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.given import parse_given

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.findings import Severity
    from apim.catalog.rulesets.functions.contract import Function
    from apim.catalog.rulesets.given import Given

_ALIAS = re.compile(r"#([A-Za-z0-9_-]+)")
# An alias may be made of others, which may each stand for several expressions.
MAX_EXPRESSIONS = 200


class BadAlias(ValueError):
    """An alias that is unknown, or leads back to itself."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an alias stands for in documents of these formats; of any if there are none."""

    formats: frozenset[str]
    given: tuple[str, ...]


Aliases = Mapping[str, tuple[Target, ...]]


@dataclass(frozen=True, slots=True)
class Then:
    """One thing to ask of what was found, or of its `field`."""

    function: Function
    field: str | None
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pointed:
    """Another severity (none is off) for one part of the document."""

    pointer: str
    severity: Severity | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `given` may begin with an alias, whose meaning depends on the document's format."""

    name: str
    given: tuple[str, ...]
    then: tuple[Then, ...]
    severity: Severity
    description: str = ""
    message: str = ""
    remedy: str = ""
    url: str = ""
    formats: frozenset[str] | None = None
    is_resolved: bool = True
    is_recommended: bool = True
    is_enabled: bool = True
    # Texts of apim:default are translated; Spectral's are what people's tools compare.
    is_translated: bool = False
    aliases: Aliases = field(default_factory=dict, repr=False, compare=False)
    pointed: tuple[Pointed, ...] = ()

    def applies_to(self, formats: frozenset[str]) -> bool:
        return self.formats is None or bool(self.formats & formats)

    def expressions(self, formats: frozenset[str]) -> tuple[str, ...]:
        """`given` with its aliases spelled out. Raises BadAlias."""
        return expand(self.given, self.aliases, formats)

    def severity_at(self, path: Path) -> Severity | None:
        """As the nearest override says; None is off."""
        severity: Severity | None = self.severity
        longest = -1
        pointer = "".join("/" + str(t).replace("~", "~0").replace("/", "~1") for t in path)
        for one in self.pointed:
            is_inside = (
                not one.pointer or pointer == one.pointer or pointer.startswith(f"{one.pointer}/")
            )
            if is_inside and len(one.pointer) >= longest:
                longest, severity = len(one.pointer), one.severity
        return severity


def expand(
    given: tuple[str, ...], aliases: Aliases, formats: frozenset[str] | None
) -> tuple[str, ...]:
    """Expressions without aliases; None for formats takes every target. Raises BadAlias."""
    found: list[str] = []
    pending = [(one, frozenset[str]()) for one in reversed(given)]
    while pending:
        text, above = pending.pop()
        if not text.startswith("#"):
            found.append(text)
            continue
        match = _ALIAS.match(text)
        name = match[1] if match else ""
        if not match or name not in aliases:
            raise BadAlias(f"the alias “#{name}” does not exist")
        if name in above:
            raise BadAlias(f"the alias “#{name}” leads back to itself")
        if len(found) + len(pending) > MAX_EXPRESSIONS:
            raise BadAlias(f"the alias “#{name}” stands for more than {MAX_EXPRESSIONS} places")
        for target in reversed(_targets(aliases[name], formats)):
            pending.extend(
                (one + text[match.end() :], above | {name}) for one in reversed(target.given)
            )
    return tuple(dict.fromkeys(found))


def _targets(targets: tuple[Target, ...], formats: frozenset[str] | None) -> tuple[Target, ...]:
    """The last target that fits wins."""
    if formats is None:
        return targets
    fitting = [one for one in targets if not one.formats or one.formats & formats]
    return tuple(fitting[-1:])


@dataclass(frozen=True)
class Ruleset:
    """Rules by name. `for_source` applies what the set overrides for single files."""

    name: str
    rules: Mapping[str, Rule]
    formats: frozenset[str] = frozenset()
    aliases: Aliases = field(default_factory=dict, repr=False)
    # Ours are trusted to end.
    is_built_in: bool = False
    rebuilt: Callable[[str], Ruleset] | None = field(default=None, repr=False, compare=False)

    def for_source(self, source: str) -> Ruleset:
        """The set as it holds for the file `source`, a path with slashes, relative to the set."""
        return self if self.rebuilt is None else self.rebuilt(source)

    def enabled(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules.values() if rule.is_enabled or rule.pointed)


@lru_cache(maxsize=4096)
def parsed(expression: str) -> Given:
    """Raises BadGiven."""
    return parse_given(expression)
