"""Properties that came, went, or are wanted differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim.catalog.diff.change import Direction, Effect
from apim.catalog.diff.lifecycle import STABILITY, sunset_of
from apim.catalog.diff.schemas.found import Scope
from apim.catalog.diff.schemas.shape import names_in

if TYPE_CHECKING:
    from datetime import date

    from apim.catalog.diff.schemas.pair import Pair

# The keywords that compare_marks looks at.
MARKS = frozenset({"readOnly", "writeOnly", "deprecated", "x-stability-level"})
# What a property is, once references are followed, by its name.
Members = dict[str, dict[str, Any]]


def compare_existence(pair: Pair, old: Members, new: Members) -> None:
    """Properties on one side only."""
    was_required = set(names_in(pair.old.get("required")))
    is_required = set(names_in(pair.new.get("required")))
    for name, schema in old.items():
        if name not in new:
            _note_removed(pair, name, schema, is_required=name in was_required)
    for name, schema in new.items():
        if name not in old:
            _note_added(pair, name, schema, is_required=name in is_required)


def _note_removed(pair: Pair, name: str, schema: dict[str, Any], *, is_required: bool) -> None:
    frame = pair.frame
    if frame.direction is Direction.REQUEST:
        if schema.get("readOnly") is True:
            return  # the client never sent it
        code = "" if frame.scope is Scope.BODY else "request-parameter-property-removed"
        _note(pair, "removed", Effect.UNKNOWN, name, code=code, words="property-removed", old=True)
        return
    is_unsent = schema.get("writeOnly") is True
    kind = "required" if is_required else "optional"
    effect = Effect.WIDENS if is_required and not is_unsent else Effect.NONE
    code = f"response-{kind}{'-write-only' if is_unsent else ''}-property-removed"
    if frame.scope is not Scope.BODY:
        code = frame.code("removed", is_root=False)
    _note(pair, "removed", effect, name, code=code, words="property-removed", old=True)


def _note_added(pair: Pair, name: str, schema: dict[str, Any], *, is_required: bool) -> None:
    frame = pair.frame
    if frame.direction is Direction.RESPONSE:
        is_unsent = schema.get("writeOnly") is True
        kind = "required" if is_required else "optional"
        code = f"response-{kind}{'-write-only' if is_unsent else ''}-property-added"
        if frame.scope is not Scope.BODY:
            code = frame.code("added", is_root=False)
        words = "property-added-required" if is_required else "property-added"
        _note(pair, "added", Effect.NONE, name, code=code, words=words)
        return
    if schema.get("readOnly") is True:
        return
    if not is_required:
        _note(
            pair,
            "",
            Effect.NONE,
            name,
            code=_new_code(frame.scope, "optional"),
            words="property-added",
        )
    elif "default" in schema and frame.scope is Scope.BODY:
        code = "new-required-request-property-with-default"
        _note(pair, "", Effect.NARROWS, name, code=code, words="property-added-with-default")
    else:
        code = _new_code(frame.scope, "required")
        _note(pair, "", Effect.NARROWS, name, code=code, words="property-added-required")


def _new_code(scope: Scope, kind: str) -> str:
    noun = {
        Scope.BODY: "request-property",
        Scope.HEADER_PARAMETER: "request-header-property",
    }.get(scope, "request-parameter-property")
    return f"new-{kind}-{noun}"


def _note(
    pair: Pair,
    ending: str,
    effect: Effect,
    name: str,
    *,
    code: str,
    words: str,
    old: bool = False,
) -> None:
    pair.note(
        ending,
        effect,
        "properties",
        name,
        words=words,
        code=code,
        label=(name,),
        is_in_old=old,
    )


def compare_required(pair: Pair, old: Members, new: Members) -> None:
    """Properties on both sides that became required or optional."""
    was = set(names_in(pair.old.get("required")))
    now = names_in(pair.new.get("required"))
    for name in now:
        if name not in was and name in old and name in new:
            _note_required(pair, name, new[name])
    for name in sorted(was - set(now)):
        if name in old and name in new:
            _note_optional(pair, name, new[name])


def _note_required(pair: Pair, name: str, schema: dict[str, Any]) -> None:
    if pair.frame.direction is Direction.REQUEST:
        if schema.get("readOnly") is True:
            return
        has_default = "default" in schema and pair.frame.scope is Scope.BODY
        ending = "became-required-with-default" if has_default else "became-required"
        pair.note(ending, Effect.NARROWS, "required", label=(name,))
        return
    code = _write_only_code(pair, schema, "became-required")
    pair.note("became-required", Effect.NARROWS, "required", label=(name,), code=code)


def _note_optional(pair: Pair, name: str, schema: dict[str, Any]) -> None:
    if pair.frame.direction is Direction.REQUEST:
        if schema.get("readOnly") is not True:
            pair.note("became-optional", Effect.WIDENS, "required", label=(name,))
        return
    code = _write_only_code(pair, schema, "became-optional")
    effect = Effect.NONE if code else Effect.WIDENS
    pair.note("became-optional", effect, "required", label=(name,), code=code)


def _write_only_code(pair: Pair, schema: dict[str, Any], ending: str) -> str:
    is_unsent = schema.get("writeOnly") is True and pair.frame.scope is Scope.BODY
    return f"response-write-only-property-{ending}" if is_unsent else ""


def compare_marks(pair: Pair, *, is_required: bool, today: date) -> None:
    """readOnly, writeOnly, deprecated and stability of a property on both sides."""
    kind = "required" if is_required else "optional"
    for keyword, word in (("readOnly", "read-only"), ("writeOnly", "write-only")):
        was, now = (one.get(keyword) is True for one in (pair.old, pair.new))
        if was == now:
            continue
        ending = f"became-{word}" if now else f"became-not-{word}"
        code = f"{pair.frame.direction}-{kind}-property-{ending}"
        if pair.frame.scope is not Scope.BODY:
            code = ""
        pair.note(ending, Effect.NONE, keyword, code=code, is_in_old=not now)
    _compare_deprecation(pair, today)
    _compare_stability(pair)


def _compare_deprecation(pair: Pair, today: date) -> None:
    was, now = (one.get("deprecated") is True for one in (pair.old, pair.new))
    if was == now:
        return
    if not now:
        pair.note("reactivated", Effect.NONE, "deprecated", is_in_old=True)
        return
    written, day = sunset_of(pair.new)
    if not written:
        pair.note("deprecated", Effect.NONE, "deprecated")
    elif day is None:
        pair.note("deprecated-sunset-invalid", Effect.VIOLATES, "x-sunset", after=written)
    elif day < today:
        pair.note("sunset-date-too-small", Effect.VIOLATES, "x-sunset", after=written)
    else:
        pair.note("deprecated-with-sunset", Effect.NONE, "x-sunset", after=written)


def _compare_stability(pair: Pair) -> None:
    name = "x-stability-level"
    before, after = pair.old.get(name, "stable"), pair.new.get(name, "stable")
    if before == after or before not in STABILITY or after not in STABILITY:
        return
    if STABILITY[after] < STABILITY[before]:
        pair.note("stability-decreased", Effect.VIOLATES, name, before=before, after=after)
    else:
        pair.note("stability-increased", Effect.NONE, name, before=before, after=after)


def unsent(schema: dict[str, Any], direction: Direction) -> bool:
    """Whether the property is not sent in this direction."""
    keyword = "readOnly" if direction is Direction.REQUEST else "writeOnly"
    return schema.get(keyword) is True
