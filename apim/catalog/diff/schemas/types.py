"""Whether values of one type are still read where another is declared.

The lattice is oasdiff's (checker/check_breaking_type_format_changed.go, Apache-2.0): integer lies
within number, int32 within int64, date within date-time; where the media type has no types of its
own (a query string, a form) anything may become a string.
"""

from __future__ import annotations

from collections.abc import Callable

from apim.catalog.diff.change import Direction, Effect

_WIDER_FORMATS = {
    "number": {("float", "double")},
    "integer": {("int32", "int64"), ("int32", "bigint"), ("int64", "bigint")},
    "string": {("date", "date-time"), ("time", "date-time")},
}

Types = tuple[str, ...]
Typed = tuple[Types, str]


def has_types(media_type: str) -> bool:
    """Whether a number and the text of it differ in this media type: they do in JSON."""
    bare = media_type.partition(";")[0].strip().lower()
    return bare == "application/json" or bare.endswith("+json")


def classify(
    old: Typed, new: Typed, direction: Direction, *, is_strong: bool
) -> tuple[str, Effect] | None:
    """The end of the code and the effect of a change of type or format; None for none."""
    if set(old[0]) == set(new[0]) and old[1] == new[1]:
        return None
    if direction is Direction.RESPONSE:
        return _in_response(old, new, is_strong=is_strong)
    if not _is_refused(old, new, is_strong=is_strong):
        is_plain = is_strong or not _is_refused(old, new, is_strong=True)
        return ("type-generalized" if is_plain else "type-compatible"), Effect.WIDENS
    return "type-changed", Effect.SWAPS


def _in_response(old: Typed, new: Typed, *, is_strong: bool) -> tuple[str, Effect]:
    if not _is_refused(new, old, is_strong=is_strong):
        is_plain = is_strong or not _is_refused(new, old, is_strong=True)
        return ("type-specialized" if is_plain else "type-compatible"), Effect.NARROWS
    if not _is_refused(old, new, is_strong=True):
        return "type-generalized", Effect.WIDENS
    return "type-changed", Effect.SWAPS


def classify_parameter(old: Typed, new: Typed) -> tuple[str, Effect] | None:
    """The same for a parameter's own value, which is text on the wire."""
    found = classify(old, new, Direction.REQUEST, is_strong=False)
    return ("type-generalized", Effect.WIDENS) if found and found[1] is Effect.WIDENS else found


def classify_parameter_property(old: Typed, new: Typed) -> tuple[str, Effect] | None:
    """The same for a property of an object in a parameter, of which nobody knows how it is sent."""
    if set(old[0]) == set(new[0]) and old[1] == new[1]:
        return None
    strongly = _is_refused(old, new, is_strong=True)
    weakly = _is_refused(old, new, is_strong=False)
    if strongly != weakly:
        return "type-changed", Effect.UNKNOWN
    return ("type-specialized", Effect.NARROWS) if strongly else ("type-generalized", Effect.WIDENS)


def _is_refused(source: Typed, target: Typed, *, is_strong: bool) -> bool:
    """Whether some value of `source` is none of `target`."""
    if set(source[0]) != set(target[0]) and not target[0]:
        return False  # any type will do
    return _is_type_refused(source[0], target[0], is_strong=is_strong) or (
        source[1] != target[1] and not _is_format_within(source[1], target)
    )


def _is_type_refused(source: Types, target: Types, *, is_strong: bool) -> bool:
    if set(source) == set(target):
        return False
    if source and all(any(_is_subtype(one, t) for t in target) for one in source):
        return False
    added = [t for t in target if t not in source]
    return is_strong or added != ["string"]


def _is_subtype(one: str, other: str) -> bool:
    return one == other or (one == "integer" and other == "number")


def _is_format_within(source: str, target: Typed) -> bool:
    types, wanted = target
    if not wanted:
        return True
    return len(types) == 1 and (source, wanted) in _WIDER_FORMATS.get(types[0], ())


Classifier = Callable[[Typed, Typed], tuple[str, Effect] | None]
