"""Small rules from which the shapes of OpenAPI objects are put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.openapi.problems import Findings
from apim.catalog.openapi.references import Circular, External, Missing, References

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path, Positions


# Looking for likely names among thousands takes a tenth of a second each.
MAX_SUGGESTIONS = 5


class Check:
    """One run over one document: what was found, and what rules need to know."""

    def __init__(self, document: Any, positions: Positions, version: tuple[int, int]) -> None:
        self.document = document
        self.version = version
        self.references = References(document)
        self.findings = Findings()
        self.error = self.findings.error
        self.warning = self.findings.warning
        self.operation_ids: dict[str, Path] = {}
        self._positions = positions

    def line(self, path: Path) -> int:
        return self._positions.find(path)[0]

    def reference(self, ref: Any, path: Path, *, is_needed: bool = True) -> None:
        """`path` is that of the $ref itself. What is not needed may lead nowhere, with a warning."""
        complain = self.error if is_needed else self.warning
        if not isinstance(ref, str):
            self.error(path, _("$ref must be text, not %(kind)s.") % {"kind": kind_of(ref)})
            return
        try:
            self.references.target(ref)
        except External:
            complain(
                path,
                _("$ref points outside this document: %(ref)s") % {"ref": ref},
                _(
                    "Bundle all files into one with `redocly bundle`, or upload them together in a zip."
                ),
            )
        except Missing:
            complain(
                path,
                _("$ref points to nothing: %(ref)s") % {"ref": ref},
                self._suggestion(ref),
            )
        except Circular:
            complain(path, _("$ref leads in a circle: %(ref)s") % {"ref": ref})

    def _suggestion(self, ref: str) -> str:
        if len(self.findings) > MAX_SUGGESTIONS:
            return ""
        parent, _slash, name = ref.rpartition("/")
        try:
            siblings = self.references.target(parent).value if parent.startswith("#/") else None
        except LookupError:
            siblings = None
        close = get_close_matches(name, siblings, 1) if isinstance(siblings, dict) else []
        return _("Did you mean %(name)s?") % {"name": f"{parent}/{close[0]}"} if close else ""


Rule = Callable[[Check, Any, "Path"], None]


def kind_of(value: Any) -> str:
    """What a value is, in words that hold for JSON and YAML."""
    if value is None:
        return _("nothing (null)")
    if isinstance(value, bool):
        return _("true or false")
    if isinstance(value, int | float):
        return _("a number")
    if isinstance(value, str):
        return _("text")
    return _("a list") if isinstance(value, list) else _("a mapping")


def anything(check: Check, value: Any, path: Path) -> None:
    """Examples and extensions may be whatever they like."""


def text(check: Check, value: Any, path: Path) -> None:
    if not isinstance(value, str):
        is_plain = isinstance(value, bool | int | float)
        check.error(
            path,
            _("Must be text, not %(kind)s.") % {"kind": kind_of(value)},
            _("Put it in quotes: '%(value)s'") % {"value": value} if is_plain else "",
        )


def flag(check: Check, value: Any, path: Path) -> None:
    if not isinstance(value, bool):
        check.error(path, _("Must be true or false, not %(kind)s.") % {"kind": kind_of(value)})


def choice(*allowed: str) -> Rule:
    def rule(check: Check, value: Any, path: Path) -> None:
        if value not in allowed:
            check.error(
                path,
                _("“%(value)s” is not one of %(allowed)s.")
                % {"value": str(value)[:80], "allowed": ", ".join(allowed)},
            )

    return rule


def list_of(item: Rule) -> Rule:
    def rule(check: Check, value: Any, path: Path) -> None:
        if not isinstance(value, list):
            check.error(path, _("Must be a list, not %(kind)s.") % {"kind": kind_of(value)})
            return
        for index, one in enumerate(value):
            item(check, one, (*path, index))

    return rule


def map_of(item: Rule) -> Rule:
    def rule(check: Check, value: Any, path: Path) -> None:
        if is_mapping(check, value, path):
            for key, one in value.items():
                if not key.startswith("x-"):
                    item(check, one, (*path, key))

    return rule


def is_mapping(check: Check, value: Any, path: Path) -> bool:
    if isinstance(value, dict):
        return True
    check.error(path, _("Must be a mapping, not %(kind)s.") % {"kind": kind_of(value)})
    return False


@dataclass(frozen=True)
class Shape:
    """An object of the standard: its fields, those it must have, and what else must hold."""

    name: str
    fields: dict[str, Rule]
    required: tuple[str, ...] = ()
    # Asked for by the standard; the platform does without.
    expected: tuple[str, ...] = ()
    also: Rule = field(default=anything)

    def __call__(self, check: Check, value: Any, path: Path) -> None:
        if not is_mapping(check, value, path):
            return
        for name in (*self.required, *self.expected):
            if name not in value:
                complain = check.error if name in self.required else check.warning
                complain(
                    path,
                    _("The %(object)s has no “%(field)s”.") % {"object": self.name, "field": name},
                )
        for name, below in value.items():
            if rule := self.fields.get(name):
                rule(check, below, (*path, name))
            elif not name.startswith("x-"):
                self._unknown(check, name, path)
        self.also(check, value, path)

    def _unknown(self, check: Check, name: str, path: Path) -> None:
        close = get_close_matches(name, self.fields, 1)
        check.warning(
            (*path, name),
            _("“%(field)s” is not a field of the %(object)s and is ignored.")
            % {"field": name, "object": self.name},
            _("Did you mean “%(name)s”?") % {"name": close[0]}
            if close
            else _("Names of your own begin with x-."),
        )


def or_reference(rule: Rule) -> Rule:
    """The object itself, or a $ref to one."""

    def either(check: Check, value: Any, path: Path) -> None:
        if isinstance(value, dict) and "$ref" in value:
            check.reference(value["$ref"], (*path, "$ref"))
        else:
            rule(check, value, path)

    return either
