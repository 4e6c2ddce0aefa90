"""How a ruleset is put together from what it extends, its own rules and its overrides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.rulesets.definition import severity_sentence, unknown
from apim.catalog.rulesets.findings import severity_of
from apim.catalog.rulesets.overrides import overridden, read_overrides
from apim.catalog.rulesets.rules import RuleReader
from apim.catalog.rulesets.ruleset import Rule, Ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.definition import Definition
    from apim.catalog.rulesets.findings import Severity

_KEYS = (
    "aliases",
    "description",
    "documentationUrl",
    "except",
    "extends",
    "formats",
    "functions",
    "functionsDir",
    "overrides",
    "parserOptions",
    "rules",
)
_EXTENTS = ("all", "recommended", "off")
_MAX_RULES = 1000


def build(definition: Definition, *, others: Mapping[str, Ruleset]) -> Ruleset:
    """Raises InvalidRuleset."""
    _check_keys(definition)
    definition = _without_exceptions(definition)
    whole = layer(definition, others)
    if "overrides" not in definition.data:
        return whole
    overrides = read_overrides(definition, others, whole)
    return replace(whole, rebuilt=lambda source: overridden(whole, overrides, source))


def layer(
    definition: Definition,
    others: Mapping[str, Ruleset],
    at: Path = (),
    base: Ruleset | None = None,
) -> Ruleset:
    """What stands in `definition` at the path `at`, on top of `base`. Raises InvalidRuleset."""
    return _Layer(definition, others, at, base).ruleset()


def _without_exceptions(definition: Definition) -> Definition:
    """`except` is how Spectral 5 switched rules off for parts of files."""
    exceptions = definition.data.get("except")
    if not isinstance(exceptions, dict):
        return definition
    overrides = [
        {"files": [place], "rules": dict.fromkeys(names, "off")}
        for place, names in exceptions.items()
        if isinstance(names, list)
    ]
    own = definition.data.get("overrides", [])
    if not isinstance(own, list):
        return definition
    return replace(definition, data={**definition.data, "overrides": [*own, *overrides]})


def _check_keys(definition: Definition) -> None:
    data = definition.data
    for key in ("functions", "functionsDir"):
        if data.get(key):
            definition.refuse(
                (key,),
                _("“%(key)s” names code of your own, which is not run here. ") % {"key": key}
                + _("Say it with the core functions, such as pattern or schema."),
            )
    for key in data:
        if key not in _KEYS and not key.startswith("x-"):
            definition.refuse((key,), unknown(key, _KEYS))
    if not data.keys() & {"extends", "rules", "overrides"}:
        definition.refuse((), _("A ruleset needs “rules”, “extends” or “overrides”."))


class _Layer:
    def __init__(
        self,
        definition: Definition,
        others: Mapping[str, Ruleset],
        at: Path,
        base: Ruleset | None,
    ) -> None:
        self._definition = definition
        self._others = others
        self._at = at
        self._base = base
        data: Any = definition.data
        for token in at:
            data = data[token]
        self._data: dict[str, Any] = data
        self._extended = list(self._read_extended())
        aliases = {
            name: targets
            for one in (*([base] if base else []), *(one for one, _extent in self._extended))
            for name, targets in one.aliases.items()
        }
        self._reader = RuleReader(definition, at, data, aliases)

    def ruleset(self) -> Ruleset:
        rules: dict[str, Rule] = dict(self._base.rules) if self._base else {}
        formats = set(self._reader.formats or ())
        for extended, extent in self._extended:
            formats |= extended.formats
            for name, rule in extended.rules.items():
                rules[name] = rule if extent is None else _to_extent(rule, extent)
        own = self._data.get("rules", {})
        path = (*self._at, "rules")
        if not isinstance(own, dict):
            self._definition.refuse(path, _("“rules” is a mapping of names to rules."))
        for name, value in own.items():
            rules[name] = self._rule(rules.get(name), name, value, (*path, name))
            formats |= rules[name].formats or set()
        if len(rules) > _MAX_RULES:
            self._definition.refuse(
                path, _("A ruleset has at most %(max)d rules.") % {"max": _MAX_RULES}
            )
        return Ruleset(
            self._definition.name,
            rules,
            frozenset(formats),
            self._reader.aliases,
            self._definition.is_built_in,
        )

    def _read_extended(self) -> Iterator[tuple[Ruleset, str | None]]:
        path = (*self._at, "extends")
        wanted = self._data.get("extends", [])
        entries = wanted if isinstance(wanted, list) else [wanted]
        for index, entry in enumerate(entries):
            where = (*path, index) if isinstance(wanted, list) else path
            extent: str | None = None
            if isinstance(entry, list) and len(entry) == 2:
                entry, extent = entry  # noqa: PLW2901 - the pair is name and extent
                if extent not in _EXTENTS:
                    self._definition.refuse(
                        where, _("The extent is one of %(all)s.") % {"all": ", ".join(_EXTENTS)}
                    )
            yield self._named(entry, where), extent

    def _named(self, entry: Any, where: Path) -> Ruleset:
        from apim.catalog.rulesets.built_in import BUILT_IN  # noqa: PLC0415 - itself built here

        if isinstance(entry, str):
            found = self._others.get(entry)
            if found is None and (entry in BUILT_IN):
                found = BUILT_IN[entry]
            if found is not None:
                return found
        known = ", ".join((*BUILT_IN, *self._others))
        return self._definition.refuse(
            where,
            _(
                "“%(name)s” cannot be extended here: files and addresses are not fetched. There are %(known)s."
            )
            % {"name": str(entry)[:80], "known": known},
        )

    def _rule(self, existing: Rule | None, name: str, value: Any, path: Path) -> Rule:
        if isinstance(value, dict):
            rule = self._reader.rule(name, value, path, existing)
            return (
                replace(rule, is_enabled=True)
                if existing
                else replace(rule, is_enabled=rule.is_recommended)
            )
        if existing is None:
            return self._definition.refuse(
                path,
                _("“%(rule)s” is not in any of the extended rulesets, so it cannot be switched.")
                % {"rule": name},
            )
        if isinstance(value, bool):
            return replace(existing, is_enabled=value)
        severity = self._severity(value, path)
        if severity is None:
            return replace(existing, is_enabled=False)
        return replace(existing, severity=severity, is_enabled=True)

    def _severity(self, value: Any, path: Path) -> Severity | None:
        try:
            return severity_of(value)
        except ValueError:
            return self._definition.refuse(path, severity_sentence())


def _to_extent(rule: Rule, extent: str) -> Rule:
    is_enabled = extent == "all" or (extent == "recommended" and rule.is_recommended)
    return replace(rule, is_enabled=is_enabled)
