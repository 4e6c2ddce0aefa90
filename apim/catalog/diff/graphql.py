"""What changed between two GraphQL schemas.

Levels are those of the reference implementation (graphql-js, utilities/findBreakingChanges), whose
dangerous changes are risky here: optional arguments, enum values and union members that were added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect, Level

if TYPE_CHECKING:
    from apim.catalog.diff.report import Report
    from apim.catalog.openapi.positions import Path

Tree = dict[str, Any]
_NONE, _REQUEST, _RESPONSE = Direction.NONE, Direction.REQUEST, Direction.RESPONSE


@dataclass(frozen=True, slots=True)
class _Spot:
    """`name` is a schema coordinate such as `Query.pets`; `operation` is empty for plain types."""

    name: str
    path: Path
    operation: str = ""

    def below(self, group: str, key: str, name: str) -> _Spot:
        return _Spot(name, (*self.path, group, key), self.operation)


def compare_graphql(old: Tree, new: Tree, report: Report) -> None:
    """Note every change between two trees (docs/descriptions.md)."""
    _Comparison(old, new, report).run()


class _Comparison:
    def __init__(self, old: Tree, new: Tree, report: Report) -> None:
        self._old, self._new, self._report = old, new, report
        # The kind of operation of a root type, by the type's name.
        self._roots = {name: kind for kind, name in new["roots"].items()}

    def run(self) -> None:
        self._compare_roots()
        old, new = self._old["types"], self._new["types"]
        for name in dict.fromkeys([*new, *old]):
            spot = _Spot(name, ("types", name))
            if name not in old:
                self._note("type-added", Effect.NONE, spot, _("The type %(name)s was added."))
            elif name not in new:
                text = _("The type %(name)s was removed.")
                self._note("type-removed", Level.BREAKING, spot, text, is_in_old=True)
            elif old[name] != new[name]:
                self._compare_type(spot, old[name], new[name])
        self._compare_directives()

    def _note(
        self,
        code: str,
        effect: Effect | Level,
        spot: _Spot,
        text: str,
        *,
        direction: Direction = _NONE,
        is_in_old: bool = False,
        before: Any = None,
        after: Any = None,
        **values: Any,
    ) -> None:
        texts = {"name": spot.name, "before": before, "after": after, **values}
        self._report.add(
            f"graphql-{code}",
            effect,
            direction,
            spot.operation,
            spot.path,
            text % texts,
            is_in_old=is_in_old,
            before=before,
            after=after,
        )

    def _compare_roots(self) -> None:
        old, new = self._old["roots"], self._new["roots"]
        for kind in dict.fromkeys([*new, *old]):
            before, after = old.get(kind), new.get(kind)
            if before and after and before != after:
                text = _("The type for each %(name)s changed from %(before)s to %(after)s.")
                spot = _Spot(kind, ("roots", kind))
                code = "root-type-changed"
                self._note(code, Level.BREAKING, spot, text, before=before, after=after)

    def _compare_type(self, spot: _Spot, old: Tree, new: Tree) -> None:
        if old["kind"] != new["kind"]:
            text = _("%(name)s changed from %(before)s to %(after)s.")
            kinds = {"before": old["kind"], "after": new["kind"]}
            self._note("type-kind-changed", Level.BREAKING, spot, text, **kinds)
            return
        if new["kind"] == "input":
            self._compare_input(spot, old.get("fields", {}), new.get("fields", {}))
        else:
            self._compare_fields(spot, old.get("fields", {}), new.get("fields", {}))
        self._compare_values(spot, old.get("values", {}), new.get("values", {}))
        self._compare_names(spot, old, new)

    def _compare_names(self, spot: _Spot, old: Tree, new: Tree) -> None:
        """Members of a union and interfaces of an object."""
        for key, noun, came, went in (
            (
                "members",
                "union-member",
                _("%(name)s may now also be %(member)s."),
                _("%(name)s may no longer be %(member)s."),
            ),
            (
                "interfaces",
                "interface",
                _("%(name)s now implements %(member)s."),
                _("%(name)s no longer implements %(member)s."),
            ),
        ):
            before, after = old.get(key, []), new.get(key, [])
            for member in after:
                if member not in before:
                    self._note(f"{noun}-added", Effect.UNKNOWN, spot, came, member=member)
            for member in before:
                if member not in after:
                    code = f"{noun}-removed"
                    self._note(code, Level.BREAKING, spot, went, is_in_old=True, member=member)

    def _compare_values(self, spot: _Spot, old: Tree, new: Tree) -> None:
        for value in dict.fromkeys([*new, *old]):
            below = spot.below("values", value, f"{spot.name}.{value}")
            if value not in old:
                text = _("The value %(name)s was added.")
                self._note("enum-value-added", Effect.UNKNOWN, below, text)
            elif value not in new:
                text = _("The value %(name)s was removed.")
                self._note("enum-value-removed", Level.BREAKING, below, text, is_in_old=True)
            else:
                self._compare_deprecation(below, old[value], new[value])

    def _compare_fields(self, spot: _Spot, old: Tree, new: Tree) -> None:
        for name in dict.fromkeys([*new, *old]):
            kind = self._roots.get(spot.name)
            below = _Spot(
                f"{spot.name}.{name}",
                (*spot.path, "fields", name),
                f"{kind} {name}" if kind else "",
            )
            if name not in old:
                text = _("The field %(name)s was added.")
                self._note("field-added", Effect.NONE, below, text, direction=_RESPONSE)
            elif name not in new:
                text = _("The field %(name)s was removed.")
                level = Level.BREAKING
                self._note("field-removed", level, below, text, direction=_RESPONSE, is_in_old=True)
            elif old[name] != new[name]:
                self._compare_field(below, old[name], new[name])

    def _compare_field(self, spot: _Spot, old: Tree, new: Tree) -> None:
        before, after = old["type"], new["type"]
        if before != after:
            level = Level.COMPATIBLE if _is_within(after, before) else Level.BREAKING
            text = _("The type of %(name)s changed from %(before)s to %(after)s.")
            self._note(
                "field-type-changed", level, spot, text, direction=_RESPONSE, before=before,
                after=after,
            )  # fmt: skip
        self._compare_deprecation(spot, old, new)
        self._compare_arguments(spot, old.get("arguments", {}), new.get("arguments", {}))

    def _compare_arguments(self, spot: _Spot, old: Tree, new: Tree) -> None:
        for name in dict.fromkeys([*new, *old]):
            below = spot.below("arguments", name, f"{spot.name}({name}:)")
            self._compare_given("argument", below, old.get(name), new.get(name))

    def _compare_input(self, spot: _Spot, old: Tree, new: Tree) -> None:
        for name in dict.fromkeys([*new, *old]):
            below = spot.below("fields", name, f"{spot.name}.{name}")
            self._compare_given("input-field", below, old.get(name), new.get(name))

    def _compare_given(self, noun: str, spot: _Spot, old: Tree | None, new: Tree | None) -> None:
        """What clients give: an argument, or a field of an input."""
        if new is None:
            text = _("%(name)s was removed.")
            level = Level.BREAKING
            self._note(f"{noun}-removed", level, spot, text, direction=_REQUEST, is_in_old=True)
        elif old is None:
            self._note_given_added(noun, spot, new)
        elif old != new:
            self._compare_given_types(noun, spot, old, new)

    def _note_given_added(self, noun: str, spot: _Spot, new: Tree) -> None:
        if new["type"].endswith("!") and "default" not in new:
            text, level = _("%(name)s was added and is required."), Level.BREAKING
            self._note(f"required-{noun}-added", level, spot, text, direction=_REQUEST)
        else:
            text, level = _("%(name)s was added."), Level.RISKY
            self._note(f"optional-{noun}-added", level, spot, text, direction=_REQUEST)

    def _compare_given_types(self, noun: str, spot: _Spot, old: Tree, new: Tree) -> None:
        before, after = old["type"], new["type"]
        if before != after:
            level = Level.COMPATIBLE if _is_within(before, after) else Level.BREAKING
            text = _("The type of %(name)s changed from %(before)s to %(after)s.")
            self._note(
                f"{noun}-type-changed", level, spot, text, direction=_REQUEST, before=before,
                after=after,
            )  # fmt: skip
        self._compare_default(noun, spot, old.get("default"), new.get("default"))
        self._compare_deprecation(spot, old, new)

    def _compare_default(
        self, noun: str, spot: _Spot, before: str | None, after: str | None
    ) -> None:
        if before == after:
            return
        if before is None:
            text = _("%(name)s has a default now: %(after)s.")
        elif after is None:
            text = _("%(name)s has no default any more; it was %(before)s.")
        else:
            text = _("The default of %(name)s changed from %(before)s to %(after)s.")
        code = f"{noun}-default-changed"
        self._note(code, Effect.UNKNOWN, spot, text, direction=_REQUEST, before=before, after=after)

    def _compare_deprecation(self, spot: _Spot, old: Tree, new: Tree) -> None:
        was, now = "deprecated" in old, "deprecated" in new
        if now and not was:
            text = _("%(name)s is deprecated now: %(reason)s.")
            reason = str(new["deprecated"]).rstrip(".")
            self._note("deprecated", Effect.NONE, spot, text, reason=reason)
        elif was and not now:
            text = _("%(name)s is no longer deprecated.")
            self._note("reactivated", Effect.NONE, spot, text, is_in_old=True)

    def _compare_directives(self) -> None:
        old, new = self._old.get("directives", {}), self._new.get("directives", {})
        for name in dict.fromkeys([*new, *old]):
            spot = _Spot(f"@{name}", ("directives", name))
            if name not in old:
                text = _("The directive %(name)s was added.")
                self._note("directive-added", Effect.NONE, spot, text)
            elif name not in new:
                text = _("The directive %(name)s was removed.")
                self._note("directive-removed", Level.BREAKING, spot, text, is_in_old=True)
            else:
                self._compare_directive(spot, old[name], new[name])

    def _compare_directive(self, spot: _Spot, old: Tree, new: Tree) -> None:
        self._compare_arguments(spot, old.get("arguments", {}), new.get("arguments", {}))
        for location in old.get("locations", []):
            if location not in new.get("locations", []):
                text = _("The directive %(name)s may no longer stand at %(location)s.")
                code = "directive-location-removed"
                self._note(code, Level.BREAKING, spot, text, is_in_old=True, location=location)


def _is_within(inner: str, outer: str) -> bool:
    """Whether each value of the type `inner` is one of `outer`: `[Int!]!` within `[Int]`."""
    while True:
        if outer.endswith("!"):
            if not inner.endswith("!"):
                return False
            inner, outer = inner[:-1], outer[:-1]
        elif inner.endswith("!"):
            inner = inner[:-1]
        if not (outer.startswith("[") and inner.startswith("[")):
            return inner == outer
        inner, outer = inner[1:-1], outer[1:-1]
