"""Reading one rule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.rulesets.definition import severity_sentence, unknown
from apim.catalog.rulesets.findings import Severity, severity_of
from apim.catalog.rulesets.functions import FUNCTIONS, PUBLIC
from apim.catalog.rulesets.given import BadGiven
from apim.catalog.rulesets.ruleset import BadAlias, Rule, Target, Then, expand, parsed

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.definition import Definition
    from apim.catalog.rulesets.functions.contract import Function
    from apim.catalog.rulesets.ruleset import Aliases

_KEYS = (
    "description",
    "documentationUrl",
    "enabled",
    "extensions",
    "formats",
    "given",
    "message",
    "recommended",
    "resolved",
    "severity",
    "tags",
    "then",
    "type",
)
_THEN_KEYS = ("field", "function", "functionOptions")
# As people write them, and as documents are told apart here.
_FORMATS = {
    "oas2": "oas2",
    "oas3": "oas3",
    "oas3.0": "oas3_0",
    "oas3.1": "oas3_1",
    "oas3.2": "oas3_2",
    **{f"oas3_{minor}": f"oas3_{minor}" for minor in range(3)},
    **dict.fromkeys(("asyncapi2", "asyncApi2", "aas2"), "asyncapi2"),
    **dict.fromkeys(("asyncapi3", "asyncApi3", "aas3"), "asyncapi3"),
    **{f"aas2_{minor}": f"aas2_{minor}" for minor in range(7)},
    **{f"aas2.{minor}": f"aas2_{minor}" for minor in range(7)},
    **{f"aas3_{minor}": f"aas3_{minor}" for minor in range(2)},
    **{f"aas3.{minor}": f"aas3_{minor}" for minor in range(2)},
}
# Known to Spectral; nothing that is read here is of these formats.
_OTHER_FORMATS = ("arazzo", "json-schema", "jsonSchema")
_MAX_THENS = 50


class RuleReader:
    """Reads the rules of one layer, with that layer's aliases, formats and documentation."""

    def __init__(
        self, definition: Definition, at: Path, data: dict[str, Any], aliases: Aliases
    ) -> None:
        self._definition = definition
        self._url = data.get("documentationUrl", "")
        self.formats = self._formats(data, at) if "formats" in data else None
        self.aliases: Aliases = self._aliases(data.get("aliases", {}), (*at, "aliases"), aliases)

    def rule(self, name: str, value: dict[str, Any], path: Path, existing: Rule | None) -> Rule:
        """A new rule, or the existing one with what `value` says differently."""
        for key in value:
            if key not in _KEYS:
                self._definition.refuse((*path, key), unknown(key, _KEYS))
        if existing is None:
            return self._new(name, value, path)
        changed = self._changes(value, path)
        return replace(existing, **changed)

    def _new(self, name: str, value: dict[str, Any], path: Path) -> Rule:
        for key in ("given", "then"):
            if key not in value:
                message = _("The rule needs “%(key)s”.") % {"key": key}
                self._definition.refuse(path, message)
        changes = self._changes(value, path)
        changes.setdefault("severity", Severity.WARN)
        changes.setdefault("formats", self.formats)
        changes.setdefault("url", f"{self._url}#{name}" if self._url else "")
        changes["is_translated"] = self._definition.is_translated
        return Rule(name=name, **changes)

    def _changes(self, value: dict[str, Any], path: Path) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for key, attribute in (
            ("description", "description"),
            ("message", "message"),
            ("documentationUrl", "url"),
        ):
            if key in value:
                changes[attribute] = self._text(value[key], (*path, key))
        for key, attribute in (("resolved", "is_resolved"), ("recommended", "is_recommended")):
            if key in value:
                changes[attribute] = self._flag(value[key], (*path, key))
        extensions = value.get("extensions")
        if isinstance(extensions, dict) and isinstance(extensions.get("remedy"), str):
            changes["remedy"] = extensions["remedy"]
        if "formats" in value:
            changes["formats"] = self._formats(value, path)
        if "severity" in value:
            changes["severity"] = self._severity(value["severity"], (*path, "severity"))
        if "given" in value:
            changes["given"] = self._given(value["given"], (*path, "given"))
            changes["aliases"] = self.aliases
        if "then" in value:
            changes["then"] = self._thens(value["then"], (*path, "then"))
        return changes

    def _text(self, value: Any, path: Path) -> str:
        return (
            value if isinstance(value, str) else self._definition.refuse(path, _("This is text."))
        )

    def _flag(self, value: Any, path: Path) -> bool:
        if isinstance(value, bool):
            return value
        return self._definition.refuse(path, _("This is true or false."))

    def _severity(self, value: Any, path: Path) -> Severity:
        try:
            severity = severity_of(value)
        except ValueError:
            severity = None
        return severity or self._definition.refuse(path, severity_sentence())

    def _formats(self, data: dict[str, Any], path: Path) -> frozenset[str]:
        names = data["formats"]
        where = (*path, "formats")
        if not isinstance(names, list) or not names:
            self._definition.refuse(where, _("“formats” is a list, for example [oas3]."))
        found = set()
        for index, name in enumerate(names):
            if isinstance(name, str) and name.startswith(_OTHER_FORMATS):
                found.add(name)
            elif name in _FORMATS:
                found.add(_FORMATS[name])
            else:
                self._definition.refuse((*where, index), unknown(str(name), tuple(_FORMATS)))
        return frozenset(found)

    def _given(self, value: Any, path: Path) -> tuple[str, ...]:
        texts = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(one, str) and one for one in texts):
            example = _("“given” is a JSONPath expression or a list of them, for example $.info")
            self._definition.refuse(path, example)
        given = tuple(texts)
        try:
            for expression in expand(given, self.aliases, None):
                parsed(expression)
        except (BadAlias, BadGiven) as error:
            message = _("The expression cannot be understood: %(reason)s.") % {"reason": error}
            self._definition.refuse(path, message)
        return given

    def _thens(self, value: Any, path: Path) -> tuple[Then, ...]:
        if not isinstance(value, list):
            return (self._then(value, path),)
        if not 0 < len(value) <= _MAX_THENS:
            self._definition.refuse(path, _("“then” has a function, or is a list of such."))
        return tuple(self._then(one, (*path, index)) for index, one in enumerate(value))

    def _then(self, value: Any, path: Path) -> Then:
        if not isinstance(value, dict) or not isinstance(value.get("function"), str):
            self._definition.refuse(path, _("“then” needs a “function”, for example truthy."))
        for key in value:
            if key not in _THEN_KEYS:
                self._definition.refuse((*path, key), unknown(key, _THEN_KEYS))
        function = self._function(value["function"], (*path, "function"))
        options = value.get("functionOptions")
        where = (*path, "functionOptions") if options is not None else path
        if options is not None and not isinstance(options, dict):
            self._definition.refuse(where, _("“functionOptions” is a mapping."))
        self._check_options(function, value["function"], options or {}, where)
        field = value.get("field")
        if field is not None and not isinstance(field, str):
            self._definition.refuse((*path, "field"), _("This is text."))
        if isinstance(field, str) and field.startswith("$"):
            self._given(field, (*path, "field"))
        return Then(function, field, options or {})

    def _function(self, name: str, path: Path) -> Function:
        known = FUNCTIONS if self._definition.is_built_in else PUBLIC
        if name not in known:
            names = ", ".join(sorted(PUBLIC))
            message = _("The function “%(name)s” does not exist here; there are %(names)s.")
            self._definition.refuse(path, message % {"name": name, "names": names})
        return known[name]

    def _check_options(
        self, function: Function, name: str, options: dict[str, Any], path: Path
    ) -> None:
        known = (*function.needs, *function.takes)
        for key in options:
            if key not in known:
                message = _("“%(function)s” has no option “%(option)s”; it has %(known)s.")
                shown = ", ".join(known) or _("none")
                values = {"function": name, "option": key, "known": shown}
                self._definition.refuse((*path, key), message % values)
        missing = [key for key in function.needs if key not in options]
        if missing or (function.needs_any and not options):
            message = _("“%(function)s” needs the option %(options)s.")
            shown = ", ".join(missing) or " / ".join(function.takes)
            self._definition.refuse(path, message % {"function": name, "options": shown})
        if reason := function.check(options):
            message = _("The options of “%(function)s” cannot be used: %(reason)s.")
            self._definition.refuse(path, message % {"function": name, "reason": reason})

    def _aliases(self, value: Any, path: Path, known: Aliases) -> Aliases:
        found: dict[str, tuple[Target, ...]] = dict(known)
        if not isinstance(value, dict):
            self._definition.refuse(path, _("“aliases” is a mapping of names to expressions."))
        for name, meaning in value.items():
            found[name] = self._alias(meaning, (*path, name))
        return found

    def _alias(self, meaning: Any, path: Path) -> tuple[Target, ...]:
        if isinstance(meaning, dict) and isinstance(meaning.get("targets"), list):
            return tuple(
                self._target(one, (*path, "targets", index))
                for index, one in enumerate(meaning["targets"])
            )
        return (Target(frozenset(), self._expressions(meaning, path)),)

    def _target(self, value: Any, path: Path) -> Target:
        if not isinstance(value, dict) or "formats" not in value or "given" not in value:
            self._definition.refuse(path, _("A target has “formats” and “given”."))
        return Target(self._formats(value, path), self._expressions(value["given"], path))

    def _expressions(self, value: Any, path: Path) -> tuple[str, ...]:
        texts = value if isinstance(value, list) else [value]
        if texts and all(isinstance(one, str) and one[:1] in {"$", "#"} for one in texts):
            return tuple(texts)
        message = _("An alias stands for expressions that begin with $ or with another alias.")
        return self._definition.refuse(path, message)
