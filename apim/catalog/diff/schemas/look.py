"""Comparing two schemas, apart from the schemas below them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from apim.catalog.diff.change import Direction, Effect
from apim.catalog.diff.report import shown
from apim.catalog.diff.schemas.found import Found, Frame, Scope, Spot
from apim.catalog.diff.schemas.keywords import compare_nullability, compare_types, compare_values
from apim.catalog.diff.schemas.members import Matched, name_of
from apim.catalog.diff.schemas.pair import Pair
from apim.catalog.diff.schemas.properties import (
    MARKS,
    compare_existence,
    compare_marks,
    compare_required,
    unsent,
)
from apim.catalog.diff.schemas.shape import (
    allows_all,
    as_schema,
    is_false,
    names_in,
    types_of,
)
from apim.catalog.diff.schemas.transitions import (
    flattened,
    null_wrap,
    one_of_wrap,
    types_alone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.diff.document import Node
    from apim.catalog.diff.schemas.walk import Walks

# A keyword with one schema below, and its name in codes.
_HOLDERS = (
    ("if", "if"),
    ("then", "then"),
    ("else", "else"),
    ("contains", "contains"),
    ("propertyNames", "property-names"),
    ("unevaluatedItems", "unevaluated-items"),
    ("unevaluatedProperties", "unevaluated-properties"),
    ("contentSchema", "content-schema"),
    ("not", "not"),
    ("items", "items"),
)
_ALTERNATIVES = (("oneOf", "one-of"), ("anyOf", "any-of"))

# Tells a schema from others.
Identity = int | tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Two schemas to compare; the label of their spot leads there from the schemas above them."""

    old: Node
    new: Node
    spot: Spot
    is_required: bool

    @property
    def identity(self) -> tuple[Identity, Identity]:
        return _identity(self.old), _identity(self.new)


def _identity(node: Node) -> Identity:
    # Only a mapping with something in it is sure to be held by its document, and by it alone.
    return id(node.value) if isinstance(node.value, dict) and node.value else node.path


class Look:
    """What differs between two schemas themselves, and the pairs of schemas below them."""

    __slots__ = ("_walks", "below", "found")

    def __init__(self, walks: Walks) -> None:
        self._walks = walks
        self.found: list[Found] = []
        self.below: list[Step] = []

    def compare(self, step: Step, frame: Frame) -> None:
        pair = self._pair(step, frame)
        self._compare(pair, is_required=step.is_required)

    def give_up(self, step: Step, frame: Frame) -> Found:
        """The schemas are too deep or too many: how they differ stays open."""
        self._pair(step, frame).note("schema-changed", Effect.UNKNOWN, words="too-much")
        return self.found[-1]

    def _pair(self, step: Step, frame: Frame) -> Pair:
        spot = replace(step.spot, label=())
        sameness = self._walks.sameness
        return Pair(step.old, step.new, sameness, frame=frame, spot=spot, found=self.found)

    def _leave(self, old: Node, new: Node, spot: Spot, *, is_required: bool = False) -> None:
        """Leave two schemas below for later."""
        step = self._walks.step(old, new, spot, is_required=is_required)
        if step is not None:
            self.below.append(step)

    def _compare(self, pair: Pair, *, is_required: bool) -> None:
        if pair.changed & MARKS and not pair.spot.is_root:
            compare_marks(pair, is_required=is_required, today=self._walks.today)
        if self._is_only_rewritten(pair) or self._compare_false(pair):
            return
        if self._compare_null_wrap(pair) or self._is_exploded(pair):
            return
        has_types = self._compare_list_of_types(pair)
        wrapped = None
        if "oneOf" in pair.changed and not has_types:
            wrapped = one_of_wrap(self._walks.new, pair.old_node, pair.new_node)
        compare_nullability(pair)
        if not has_types and wrapped is None:
            compare_types(pair)
        compare_values(pair)
        if wrapped is not None:
            self._note_wrap(pair, wrapped)
            return
        self._compare_discriminator(pair)
        self._compare_all_of(pair)
        if not has_types:
            for keyword, stem in _ALTERNATIVES:
                self._compare_alternatives(pair, keyword, stem)
        self._compare_holders(pair)
        self._compare_properties(pair)
        self._compare_additional(pair)
        self._compare_prefix_items(pair)
        self._compare_named(pair)

    # Rewritings

    def _is_only_rewritten(self, pair: Pair) -> bool:
        """An allOf was made or taken apart, and says the same."""
        if "allOf" not in pair.changed:
            return False
        old = flattened(self._walks.old, pair.old_node)
        new = flattened(self._walks.new, pair.new_node)
        return old is not None and new is not None and self._is_same_inside(old, new)

    def _is_same_inside(self, old: dict[str, Any], new: dict[str, Any]) -> bool:
        """The same for mappings that were put together, in which references may differ."""
        if old.keys() != new.keys():
            return False
        same = self._walks.sameness.same
        return all(
            old[key].keys() == new[key].keys()
            and all(same(one, new[key][name]) for name, one in old[key].items())
            if key == "properties"
            else same(old[key], new[key])
            for key in old
        )

    def _compare_false(self, pair: Pair) -> bool:
        was, now = is_false(pair.old_node.value), is_false(pair.new_node.value)
        if was == now:
            return was
        # A body that nothing matches is no body for a client that asks for it.
        is_body = pair.spot.is_root and pair.frame.scope is Scope.BODY
        is_body = is_body and pair.frame.direction is Direction.RESPONSE
        if now:
            effect = Effect.SWAPS if is_body else Effect.NARROWS
            pair.note("schema-became-false", effect)
        else:
            effect = Effect.NONE if is_body else Effect.WIDENS
            pair.note("schema-became-not-false", effect)
        return True

    def _compare_null_wrap(self, pair: Pair) -> bool:
        """X became `oneOf: [null, X]`, or the other way round."""
        if not pair.changed & {"oneOf", "anyOf"}:
            return False
        walks = self._walks
        inner = null_wrap(walks.new, pair.new_node)
        if inner is not None and null_wrap(walks.old, pair.old_node) is None:
            if self._walks.is_equivalent(pair.old_node, inner, pair.frame):
                pair.note("became-nullable", Effect.WIDENS)
                return True
            return False
        inner = null_wrap(walks.old, pair.old_node)
        if (
            inner is not None
            and null_wrap(walks.new, pair.new_node) is None
            and self._walks.is_equivalent(inner, pair.new_node, pair.frame)
        ):
            pair.note("became-not-nullable", Effect.NARROWS, is_in_old=True)
            return True
        return False

    def _compare_list_of_types(self, pair: Pair) -> bool:
        """One type became several by oneOf or anyOf, or the other way round."""
        if not pair.changed & {"oneOf", "anyOf"}:
            return False
        old = types_alone(self._walks.old, pair.old_node)
        new = types_alone(self._walks.new, pair.new_node)
        if old is None or new is None or not (old[1] or new[1]) or set(old[0]) == set(new[0]):
            return False
        added = [t for t in new[0] if t not in old[0]]
        removed = [t for t in old[0] if t not in new[0]]
        is_narrower = bool(removed) if pair.frame.direction is Direction.REQUEST else not added
        if is_narrower:
            names = ", ".join(removed)
            pair.note("list-of-types-narrowed", Effect.NARROWS, is_in_old=True, names=names)
        else:
            pair.note("list-of-types-widened", Effect.WIDENS, names=", ".join(added))
        return True

    def _is_exploded(self, pair: Pair) -> bool:
        """A parameter's single value became a list of such values, which looks the same."""
        if not (pair.frame.is_exploded and pair.spot.is_root):
            return False
        if types_of(pair.new) != ("array",) or types_of(pair.old) in ((), ("array",)):
            return False
        if not self._walks.is_equivalent(pair.old_node, pair.new_node.get("items"), pair.frame):
            return False
        before, after = " | ".join(types_of(pair.old)), "array"
        pair.note("type-generalized", Effect.WIDENS, "type", before=before, after=after)
        return True

    def _note_wrap(self, pair: Pair, branches: list[Node]) -> None:
        if not pair.spot.is_root:
            names = ", ".join(name_of(node) for node in pair.new_node.entries("oneOf"))
            pair.note("one-of-added", Effect.WIDENS, "oneOf", names=shown(names))
            return
        if any(self._walks.is_equivalent(pair.old_node, branch, pair.frame) for branch in branches):
            pair.note("wrapped-in-one-of-original-preserved", Effect.UNKNOWN, "oneOf")
        else:
            pair.note("wrapped-in-one-of", Effect.SWAPS, "oneOf")

    # Lists of schemas

    def _compare_all_of(self, pair: Pair) -> None:
        matched = self._match(pair, "allOf")
        if matched is None:
            return
        for action, nodes, effect in (
            ("removed", matched.removed, Effect.WIDENS),
            ("added", matched.added, Effect.NARROWS),
        ):
            document = self._walks.new if action == "added" else self._walks.old
            mute = [n for n in nodes if allows_all(document.follow_schema(n).value)]
            for ending, some, judged in (
                (f"all-of-{action}", [n for n in nodes if n not in mute], effect),
                (f"all-of-{action}-annotation-only", mute, Effect.NONE),
            ):
                self._note_members(pair, ending, some, judged)
        self._descend(pair, "allOf", matched)

    def _compare_alternatives(self, pair: Pair, keyword: str, stem: str) -> None:
        matched = self._match(pair, keyword)
        if matched is None:
            return
        self._note_members(pair, f"{stem}-removed", matched.removed, Effect.NARROWS)
        self._note_members(pair, f"{stem}-added", matched.added, Effect.WIDENS)
        self._descend(pair, keyword, matched)

    def _match(self, pair: Pair, keyword: str) -> Matched | None:
        if keyword not in pair.changed:
            return None
        old, new = pair.old_node.entries(keyword), pair.new_node.entries(keyword)
        matched = self._walks.matching.match(old, new)
        if matched.is_unclear:
            ending = "alternatives-changed"
            pair.note(ending, Effect.UNKNOWN, keyword, keyword=keyword)
            return None
        return matched

    @staticmethod
    def _note_members(pair: Pair, ending: str, nodes: list[Node], effect: Effect) -> None:
        if nodes:
            keys = nodes[0].path[-2:]
            names = shown(", ".join(name_of(node) for node in nodes))
            is_in_old = "-removed" in ending
            pair.note(ending, effect, *keys, is_in_old=is_in_old, names=names)

    def _descend(self, pair: Pair, keyword: str, matched: Matched) -> None:
        for old, new in matched.pairs:
            spot = pair.spot.below(f"{keyword}[{name_of(new)}]")
            self._leave(old, new, spot)

    # Keywords that hold one schema, or a mapping of them

    def _compare_holders(self, pair: Pair) -> None:
        for keyword, stem in _HOLDERS:
            if keyword in pair.changed:
                self._compare_holder(pair, keyword, stem)

    def _compare_holder(self, pair: Pair, keyword: str, stem: str) -> None:
        old, new = pair.old_node.get(keyword), pair.new_node.get(keyword)
        if isinstance(old.value, list) or isinstance(new.value, list):
            return  # items before JSON Schema 2020-12
        if keyword == "not" and (is_false(pair.old) or is_false(pair.new)):
            return
        if keyword == "items" and not all(_may_be_list(one) for one in (pair.old, pair.new)):
            return
        was, now = (self._restricts(keyword, node) for node in (old, new))
        if was and now:
            spot = pair.spot.below(keyword, is_uncertain=keyword in {"not", "if"})
            self._leave(old, new, spot)
        elif now:
            words = "keyword-added"
            pair.note(f"{stem}-added", Effect.NARROWS, keyword, words=words, keyword=keyword)
        elif was:
            pair.note(
                f"{stem}-removed",
                Effect.WIDENS,
                keyword,
                words="keyword-removed",
                is_in_old=True,
                keyword=keyword,
            )

    @staticmethod
    def _restricts(keyword: str, node: Node) -> bool:
        """Whether there is a schema that could refuse something."""
        if keyword in {"items", "unevaluatedItems", "unevaluatedProperties"}:
            return not allows_all(node.value)
        return node.value is not None

    def _compare_named(self, pair: Pair) -> None:
        for keyword, stem in (
            ("patternProperties", "pattern-property"),
            ("dependentSchemas", "dependent-schema"),
        ):
            if keyword not in pair.changed:
                continue
            old, new = pair.old_node.mapping(keyword), pair.new_node.mapping(keyword)
            for name in dict.fromkeys([*new, *old]):
                if name not in old:
                    pair.note(f"{stem}-added", Effect.NARROWS, keyword, name, name=name)
                elif name not in new:
                    ending = f"{stem}-removed"
                    pair.note(ending, Effect.WIDENS, keyword, name, is_in_old=True, name=name)
                else:
                    spot = pair.spot.below(f"{keyword}[{name}]")
                    self._leave(old[name], new[name], spot)

    def _compare_prefix_items(self, pair: Pair) -> None:
        if "prefixItems" not in pair.changed:
            return
        old, new = pair.old_node.entries("prefixItems"), pair.new_node.entries("prefixItems")
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            spot = pair.spot.below(f"prefixItems[{index}]")
            self._leave(before, after, spot)
        same = self._walks.sameness.same
        for node in old[len(new) :]:
            if not same(node.value, pair.new.get("items")):
                self._note_prefix(pair, "removed", node)
        for node in new[len(old) :]:
            if not same(pair.old.get("items"), node.value):
                self._note_prefix(pair, "added", node)

    @staticmethod
    def _note_prefix(pair: Pair, action: str, node: Node) -> None:
        index = node.path[-1]
        pair.note(
            f"prefix-items-{action}",
            Effect.UNKNOWN,
            "prefixItems",
            index,
            is_in_old=action == "removed",
            name=index,
        )

    def _compare_additional(self, pair: Pair) -> None:
        """additionalProperties, which nobody who reads tolerantly minds in a response."""
        keyword = "additionalProperties"
        if keyword not in pair.changed:
            return
        old, new = pair.old_node.get(keyword), pair.new_node.get(keyword)
        was, now = (_openness(node.value) for node in (old, new))
        if was == now == "schema":
            spot = pair.spot.below(keyword)
            self._leave(old, new, spot)
        elif was != now:
            ending, effect = _ADDITIONAL[was, now]
            is_tolerated = pair.frame.direction is Direction.RESPONSE and effect is Effect.WIDENS
            judged = Effect.NONE if is_tolerated else effect
            pair.note(ending, judged, keyword, is_in_old=new.value is None)

    # Properties

    def _compare_properties(self, pair: Pair) -> None:
        if not pair.changed & {"properties", "required"}:
            return
        old, new = pair.old_node.mapping("properties"), pair.new_node.mapping("properties")
        follow_old, follow_new = self._walks.old.follow_schema, self._walks.new.follow_schema
        before = {name: as_schema(follow_old(node).value) for name, node in old.items()}
        after = {name: as_schema(follow_new(node).value) for name, node in new.items()}
        compare_existence(pair, before, after)
        compare_required(pair, before, after)
        required = set(names_in(pair.new.get("required")))
        for name, node in new.items():
            if name in old:
                hidden = unsent(after[name], pair.frame.direction)
                spot = pair.spot.below(name, is_unsent=hidden)
                is_required = name in required
                self._leave(old[name], node, spot, is_required=is_required)

    # Discriminators

    def _compare_discriminator(self, pair: Pair) -> None:
        keyword = "discriminator"
        if keyword not in pair.changed:
            return
        old, new = pair.old.get(keyword), pair.new.get(keyword)
        old, new = (one if isinstance(one, dict) else None for one in (old, new))
        before, after = ((one or {}).get("propertyName") for one in (old, new))
        if old is None or new is None:
            action = "added" if old is None else "removed"
            pair.note(
                f"discriminator-{action}",
                Effect.NONE,
                keyword,
                is_in_old=new is None,
                before=before,
                after=after,
            )
            return
        if before != after:
            ending = "discriminator-property-name-changed"
            pair.note(ending, Effect.NONE, keyword, before=before, after=after)
        for ending, is_in_old, values in _mapping_changes(old, new):
            pair.note(
                f"discriminator-mapping-{ending}",
                Effect.NONE,
                keyword,
                "mapping",
                is_in_old=is_in_old,
                **values,
            )


_ADDITIONAL = {
    ("open", "closed"): ("additional-properties-forbidden", Effect.NARROWS),
    ("schema", "closed"): ("additional-properties-forbidden", Effect.NARROWS),
    ("closed", "open"): ("additional-properties-allowed", Effect.WIDENS),
    ("closed", "schema"): ("additional-properties-allowed", Effect.WIDENS),
    ("open", "schema"): ("additional-properties-restricted", Effect.NARROWS),
    ("schema", "open"): ("additional-properties-freed", Effect.WIDENS),
}


def _may_be_list(schema: dict[str, Any]) -> bool:
    types = types_of(schema)
    return not types or "array" in types


def _openness(value: Any) -> str:
    if is_false(value):
        return "closed"
    return "open" if allows_all(value) else "schema"


def _mapping_changes(
    old: dict[str, Any], new: dict[str, Any]
) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    before, after = (
        one["mapping"] if isinstance(one.get("mapping"), dict) else {} for one in (old, new)
    )
    added = [name for name in after if name not in before]
    removed = [name for name in before if name not in after]
    if added:
        yield "added", False, {"names": shown(", ".join(added))}
    if removed:
        yield "deleted", True, {"names": shown(", ".join(removed))}
    for name, value in after.items():
        if name in before and before[name] != value:
            yield "changed", False, {"name": name, "before": before[name], "after": value}
