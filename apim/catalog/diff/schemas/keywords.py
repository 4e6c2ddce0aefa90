"""Keywords whose values are compared as they are: bounds, enum, const, pattern, flags."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from apim.catalog.diff.change import Direction, Effect
from apim.catalog.diff.report import shown
from apim.catalog.diff.schemas.found import Scope
from apim.catalog.diff.schemas.shape import (
    BOUNDS,
    Number,
    bounds_of,
    is_nullable,
    keyed,
    number,
    types_of,
)
from apim.catalog.diff.schemas.types import (
    Typed,
    classify,
    classify_parameter,
    classify_parameter_property,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.catalog.diff.schemas.pair import Pair

_MATCH_ANYTHING = {".*", "^.*$", "^.*", ".*$", "^"}
# Codes that name a property which the client does not send.
_READ_ONLY_ENDINGS = {
    "max-decreased", "exclusive-max-decreased", "max-length-decreased", "max-items-decreased",
    "max-properties-decreased", "min-increased", "exclusive-min-increased", "enum-value-removed",
}  # fmt: skip


def compare_values(pair: Pair) -> None:
    """Everything but type, nullability and what holds schemas."""
    for keywords, compare in _COMPARED:
        if pair.changed & keywords:
            compare(pair)


def compare_types(pair: Pair) -> None:
    if not pair.changed & _TYPE_KEYWORDS:
        return
    old: Typed = types_of(pair.old), _format(pair.old)
    new: Typed = types_of(pair.new), _format(pair.new)
    frame = pair.frame
    if frame.scope in {Scope.PARAMETER, Scope.HEADER_PARAMETER} and (
        frame.direction is Direction.REQUEST
    ):
        classifier = classify_parameter if pair.spot.is_root else classify_parameter_property
        found = classifier(old, new)
    else:
        found = classify(old, new, frame.direction, is_strong=frame.is_strong)
    if found:
        ending, effect = found
        has_moved = old[0] != new[0]
        pair.note(
            ending,
            effect,
            "type"
            if has_moved and "type" in pair.new
            else "format"
            if "format" in pair.new
            else "",
            before=_typed(old),
            after=_typed(new),
        )


def compare_nullability(pair: Pair) -> None:
    if not pair.changed & _NULL_KEYWORDS:
        return
    was, now = is_nullable(pair.old), is_nullable(pair.new)
    if was == now:
        return
    # Without a type null is allowed as everything is; that is told of the type.
    if not (types_of(pair.old) and types_of(pair.new)) and not _is_told_by_flag(pair):
        return
    if now:
        pair.note("became-nullable", Effect.WIDENS)
    else:
        pair.note("became-not-nullable", Effect.NARROWS)


def _is_told_by_flag(pair: Pair) -> bool:
    return pair.old.get("nullable") is True or pair.new.get("nullable") is True


def _format(schema: dict[str, Any]) -> str:
    value = schema.get("format")
    return value if isinstance(value, str) else ""


def _typed(typed: Typed) -> str:
    types, form = typed
    name = " | ".join(types) or "any"
    return f"{name} ({form})" if form else name


def _compare_bounds(pair: Pair) -> None:
    old, new = bounds_of(pair.old), bounds_of(pair.new)
    if old == new:
        return
    for side in ("max", "min"):
        _compare_strictness(pair, old, new, side)
    for name in dict.fromkeys([*new, *old]):
        _compare_bound(pair, name, old.get(name), new.get(name))


def _compare_strictness(
    pair: Pair, old: dict[str, Number], new: dict[str, Number], side: str
) -> None:
    """A bound that became strict, or no longer is: one change, not two."""
    strict = "exclusive-" + side
    for was, now in ((side, strict), (strict, side)):
        if was in old and now in new and was not in new and now not in old:
            before, after = old.pop(was), new.pop(now)
            beyond = after > before if side == "max" else after < before
            is_wider = beyond or (after == before and now == side)
            if is_wider:
                _note_bound(pair, was, "unset", Effect.WIDENS, before, None)
            else:
                _note_bound(pair, now, "set", Effect.NARROWS, None, after)


def _compare_bound(pair: Pair, name: str, before: Number | None, after: Number | None) -> None:
    if before == after:
        return
    if before is None:
        _note_bound(pair, name, "set", Effect.NARROWS, None, after)
    elif after is None:
        _note_bound(pair, name, "unset", Effect.WIDENS, before, None)
    else:
        is_up = after > before
        widens = is_up == BOUNDS[name][1]
        effect = Effect.WIDENS if widens else Effect.NARROWS
        _note_bound(pair, name, "increased" if is_up else "decreased", effect, before, after)


def _note_bound(
    pair: Pair,
    name: str,
    action: str,
    effect: Effect,
    before: Number | None,
    after: Number | None,
) -> None:
    keyword = BOUNDS[name][0]
    ending = f"{name}-{action}"
    pair.note(
        ending,
        effect,
        keyword,
        words=action,
        is_in_old=after is None,
        before=before,
        after=after,
        code=_unsent_code(pair, ending),
        keyword=keyword,
    )


def _unsent_code(pair: Pair, ending: str) -> str:
    """The code of oasdiff for what the client never sends, if it has one."""
    is_read_only = pair.spot.is_unsent and pair.frame.direction is Direction.REQUEST
    if is_read_only and pair.frame.scope is Scope.BODY and ending in _READ_ONLY_ENDINGS:
        return f"request-read-only-property-{ending}"
    return ""


def _compare_enum(pair: Pair) -> None:
    has_old, has_new = (isinstance(s.get("enum"), list) for s in (pair.old, pair.new))
    old, new = keyed(pair.old.get("enum")), keyed(pair.new.get("enum"))
    if has_new and not has_old:
        names = ", ".join(shown(v) for v in new.values())
        pair.note(
            "became-enum", Effect.NARROWS, "enum", after=list(new.values()), names=shown(names)
        )
    elif has_old and not has_new:
        pair.note(
            "became-not-enum", Effect.WIDENS, "enum", is_in_old=True, before=list(old.values())
        )
    else:
        _compare_enum_values(pair, old, new)


def _compare_enum_values(pair: Pair, old: dict[str, Any], new: dict[str, Any]) -> None:
    for index, (key, value) in enumerate(old.items()):
        if key not in new:
            pair.note(
                "enum-value-removed",
                Effect.NARROWS,
                "enum",
                index,
                is_in_old=True,
                before=value,
                code=_unsent_code(pair, "enum-value-removed"),
                name=shown(value),
            )
    is_write_only = pair.spot.is_unsent and pair.frame.direction is Direction.RESPONSE
    code = "response-write-only-property-enum-value-added" if is_write_only else ""
    for index, (key, value) in enumerate(new.items()):
        if key not in old:
            pair.note(
                "enum-value-added",
                Effect.WIDENS,
                "enum",
                index,
                after=value,
                code=code,
                name=shown(value),
            )


def _compare_extensible_enum(pair: Pair) -> None:
    """Values of x-extensible-enum; the list may grow at any time (Zalando guidelines, rule 112)."""
    name = "x-extensible-enum"
    old, new = keyed(pair.old.get(name)), keyed(pair.new.get(name))
    if not old or not new:
        return
    for key, value in old.items():
        if key not in new:
            pair.note(
                f"{name}-value-removed", Effect.NARROWS, name, is_in_old=True, name=shown(value)
            )
    for key, value in new.items():
        if key not in old:
            pair.note(f"{name}-value-added", Effect.NONE, name, name=shown(value))


def _compare_const(pair: Pair) -> None:
    _compare_any(pair, "const", "const", Effect.NARROWS, Effect.WIDENS, Effect.SWAPS)


def _compare_default(pair: Pair) -> None:
    _compare_any(pair, "default", "default-value", Effect.NONE, Effect.NONE, Effect.NONE)


def _compare_any(
    pair: Pair, keyword: str, stem: str, added: Effect, removed: Effect, changed: Effect
) -> None:
    """A keyword whose value may be anything, null included."""
    has_old, has_new = keyword in pair.old, keyword in pair.new
    before = _told(pair.old[keyword]) if has_old else None
    after = _told(pair.new[keyword]) if has_new else None
    if has_new and not has_old:
        pair.note(f"{stem}-added", added, keyword, after=after)
    elif has_old and not has_new:
        pair.note(f"{stem}-removed", removed, keyword, is_in_old=True, before=before)
    elif has_old and keyed([pair.old[keyword]]).keys() != keyed([pair.new[keyword]]).keys():
        pair.note(f"{stem}-changed", changed, keyword, before=before, after=after)


def _told(value: Any) -> Any:
    return "null" if value is None else value


def _compare_pattern(pair: Pair) -> None:
    before, after = pair.old.get("pattern"), pair.new.get("pattern")
    if before == after:
        return
    if before is None:
        pair.note("pattern-added", Effect.NARROWS, "pattern", after=after)
    elif after is None:
        pair.note("pattern-removed", Effect.WIDENS, "pattern", is_in_old=True, before=before)
    elif after in _MATCH_ANYTHING and pair.frame.direction is Direction.REQUEST:
        pair.note("pattern-generalized", Effect.WIDENS, "pattern", before=before, after=after)
    else:
        pair.note("pattern-changed", Effect.UNKNOWN, "pattern", before=before, after=after)


def _compare_unique(pair: Pair) -> None:
    was, now = (s.get("uniqueItems") is True for s in (pair.old, pair.new))
    if now and not was:
        pair.note("unique-items-set", Effect.NARROWS, "uniqueItems")
    elif was and not now:
        pair.note("unique-items-unset", Effect.WIDENS, "uniqueItems", is_in_old=True)


def _compare_multiple(pair: Pair) -> None:
    before, after = number(pair.old.get("multipleOf")), number(pair.new.get("multipleOf"))
    if before == after:
        return
    if before is None:
        pair.note("multiple-of-set", Effect.NARROWS, "multipleOf", after=after)
    elif after is None:
        pair.note("multiple-of-unset", Effect.WIDENS, "multipleOf", is_in_old=True, before=before)
    else:
        ending, effect = _classify_multiple(pair.frame.direction, before, after)
        pair.note(ending, effect, "multipleOf", before=before, after=after)


def _classify_multiple(direction: Direction, before: Number, after: Number) -> tuple[str, Effect]:
    if _is_multiple(before, after) and direction is Direction.REQUEST:
        return "multiple-of-generalized", Effect.WIDENS
    if _is_multiple(after, before) and direction is Direction.RESPONSE:
        return "multiple-of-specialized", Effect.NARROWS
    return "multiple-of-changed", Effect.SWAPS


def _is_multiple(value: Number, of: Number) -> bool:
    try:
        return of != 0 and Decimal(str(value)) % Decimal(str(of)) == 0
    except ArithmeticError:  # more digits than a Decimal divides
        return False


def _compare_content(pair: Pair) -> None:
    for keyword, stem in (
        ("contentMediaType", "content-media-type"),
        ("contentEncoding", "content-encoding"),
    ):
        before, after = pair.old.get(keyword), pair.new.get(keyword)
        if before != after:
            pair.note(
                f"{stem}-changed",
                Effect.SWAPS,
                keyword,
                is_in_old=after is None,
                before=before or "–",
                after=after or "–",
            )


def _compare_dependent_required(pair: Pair) -> None:
    old, new = pair.old.get("dependentRequired"), pair.new.get("dependentRequired")
    old, new = (one if isinstance(one, dict) else {} for one in (old, new))
    for name in dict.fromkeys([*new, *old]):
        before, after = (set(map(str, one.get(name) or ())) for one in (old, new))
        if before == after:
            continue
        if not before:
            ending, effect = "dependent-required-added", Effect.NARROWS
        elif not after:
            ending, effect = "dependent-required-removed", Effect.WIDENS
        else:
            ending, effect = "dependent-required-changed", Effect.SWAPS
        pair.note(
            ending,
            effect,
            "dependentRequired",
            name,
            is_in_old=not after,
            before=", ".join(sorted(before)),
            after=", ".join(sorted(after)),
            name=name,
        )


_TYPE_KEYWORDS = frozenset({"type", "format"})
_NULL_KEYWORDS = frozenset({"type", "nullable"})
_COMPARED: tuple[tuple[frozenset[str], Callable[[Pair], None]], ...] = (
    (frozenset(keyword for keyword, _is_upper in BOUNDS.values()), _compare_bounds),
    (frozenset({"enum"}), _compare_enum),
    (frozenset({"x-extensible-enum"}), _compare_extensible_enum),
    (frozenset({"const"}), _compare_const),
    (frozenset({"default"}), _compare_default),
    (frozenset({"pattern"}), _compare_pattern),
    (frozenset({"uniqueItems"}), _compare_unique),
    (frozenset({"multipleOf"}), _compare_multiple),
    (frozenset({"contentMediaType", "contentEncoding"}), _compare_content),
    (frozenset({"dependentRequired"}), _compare_dependent_required),
)
