"""What a ruleset says differently for some files, or for parts of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.rulesets import build
from apim.catalog.rulesets.definition import severity_sentence, unknown
from apim.catalog.rulesets.findings import severity_of
from apim.catalog.rulesets.globs import matches
from apim.catalog.rulesets.ruleset import Pointed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.definition import Definition
    from apim.catalog.rulesets.findings import Severity
    from apim.catalog.rulesets.ruleset import Ruleset

_KEYS = ("aliases", "extends", "files", "formats", "parserOptions", "rules")


@dataclass(frozen=True, slots=True)
class Override:
    """`files` get the whole of what stands at `at`; `parts`, file and pointer, its severities."""

    definition: Definition
    others: Mapping[str, Ruleset]
    at: Path
    files: tuple[str, ...]
    parts: tuple[tuple[str, str], ...]
    severities: tuple[tuple[str, Severity | None], ...]

    def applied(self, base: Ruleset) -> Ruleset:
        return build.layer(self.definition, self.others, self.at, base)


def read_overrides(
    definition: Definition, others: Mapping[str, Ruleset], whole: Ruleset
) -> list[Override]:
    """Raises InvalidRuleset."""
    entries = definition.data["overrides"]
    if not isinstance(entries, list):
        definition.refuse(("overrides",), _("“overrides” is a list."))
    overrides = [
        _read(definition, others, entry, ("overrides", index), whole)
        for index, entry in enumerate(entries)
    ]
    for one in overrides:
        if one.files:
            one.applied(whole)  # mistakes are told now, not when a file first matches
    return overrides


def _read(
    definition: Definition,
    others: Mapping[str, Ruleset],
    entry: Any,
    path: Path,
    whole: Ruleset,
) -> Override:
    files = entry.get("files") if isinstance(entry, dict) else None
    if not isinstance(files, list) or not all(isinstance(one, str) and one for one in files):
        definition.refuse(path, _("Each override needs “files”, a list of patterns."))
    for key in entry:
        if key not in _KEYS:
            definition.refuse((*path, key), unknown(key, _KEYS))
    parts = [one.partition("#") for one in files if "#" in one]
    return Override(
        definition,
        others,
        path,
        tuple(one for one in files if "#" not in one),
        tuple((glob or "*", pointer) for glob, _mark, pointer in parts),
        tuple(_severities(definition, entry, (*path, "rules"), whole)) if parts else (),
    )


def _severities(
    definition: Definition, entry: dict[str, Any], path: Path, whole: Ruleset
) -> list[tuple[str, Severity | None]]:
    rules = entry.get("rules")
    found: list[tuple[str, Severity | None]] = []
    for name, value in rules.items() if isinstance(rules, dict) else ():
        if name not in whole.rules:
            message = _("“%(rule)s” is not a rule of this set.") % {"rule": name}
            definition.refuse((*path, name), message)
        try:
            found.append((name, severity_of(value)))
        except ValueError:
            definition.refuse((*path, name), severity_sentence())
    return found


def overridden(whole: Ruleset, overrides: Sequence[Override], source: str) -> Ruleset:
    """The set as it holds for one file."""
    ruleset = whole
    pointed: dict[str, list[Pointed]] = {}
    for override in overrides:
        if any(matches(glob, source) for glob in override.files):
            ruleset = override.applied(ruleset)
        for glob, pointer in override.parts:
            if matches(glob, source):
                for name, severity in override.severities:
                    pointed.setdefault(name, []).append(Pointed(pointer, severity))
    rules = {
        name: replace(rule, pointed=tuple(pointed.get(name, ())))
        for name, rule in ruleset.rules.items()
    }
    return replace(ruleset, rules=rules, rebuilt=None)
