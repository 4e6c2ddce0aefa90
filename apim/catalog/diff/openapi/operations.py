"""One operation: its life, its names, and then what it takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect, Level
from apim.catalog.diff.lifecycle import FIRST_PROMISED, STABILITY, stability_of, sunset_of
from apim.catalog.diff.openapi.content import compare_request_body, compare_responses
from apim.catalog.diff.openapi.parameters import compare_parameters
from apim.catalog.diff.openapi.security import compare_requirements
from apim.catalog.diff.schemas.shape import names_in

if TYPE_CHECKING:
    from apim.catalog.diff.document import Node
    from apim.catalog.diff.openapi.context import Call, Context

_NONE = Direction.NONE
_STABILITY_NAMES = {number: name for name, number in STABILITY.items()}


def is_promised(old: Node, new: Node) -> bool:
    """Whether clients may rely on it: it is, or was, no draft or alpha.

    A level that is none counts as stable, which is what it is told of as an error for.
    """
    levels = (stability_of(node.value) for node in (old, new))
    return any(level is None or level >= FIRST_PROMISED for level in levels)


def compare_operation(call: Call) -> None:
    """Everything about an operation that is in both documents."""
    _compare_stability(call)
    _compare_deprecation(call)
    _compare_operation_id(call)
    _compare_tags(call)
    compare_requirements(call)
    compare_parameters(call)
    compare_request_body(call)
    compare_responses(call)


def _compare_stability(call: Call) -> None:
    before, after = stability_of(call.old.value), stability_of(call.new.value)
    node = call.new.get("x-stability-level")
    if before is None or after is None:
        text = _("The stability level of the operation is none of %(names)s.")
        values = {"names": ", ".join(STABILITY)}
        _add_regardless(call, "api-invalid-stability-level", Level.BREAKING, node, text % values)
    elif before != after:
        values = {"before": _STABILITY_NAMES[before], "after": _STABILITY_NAMES[after]}
        if after < before:
            text = _("The operation became less stable: %(before)s, now %(after)s.")
            _add_regardless(call, "api-stability-decreased", Level.BREAKING, node, text % values)
        else:
            text = _("The operation became more stable: %(before)s, now %(after)s.")
            call.add("api-stability-increased", Effect.NONE, node, text % values)


def _add_regardless(call: Call, code: str, level: Level, node: Node, text: str) -> None:
    """What is judged even for a draft."""
    direction = call.direction(_NONE)
    call.context.report.add(code, level, direction, call.name, node.path, text)


def _compare_deprecation(call: Call) -> None:
    was, now = call.old.is_true("deprecated"), call.new.is_true("deprecated")
    node = call.new.get("deprecated")
    written, day = sunset_of(call.new.value)
    if was and not now:
        call.add(
            "endpoint-reactivated", Effect.NONE, node, _("The operation is no longer deprecated.")
        )
    elif was:
        _compare_sunset(call)
    elif now and not written:
        call.add("endpoint-deprecated", Effect.NONE, node, _("The operation is deprecated now."))
    elif now and day is None:
        text = _("The operation is deprecated now, but its x-sunset %(day)s is no date.")
        call.add("api-deprecated-sunset-parse", Effect.VIOLATES, node, text % {"day": written})
    elif now and day is not None and day < call.context.today:
        text = _("The operation is deprecated now, but ends in the past: %(day)s.")
        call.add("api-sunset-date-too-small", Effect.VIOLATES, node, text % {"day": written})
    elif now:
        text = _("The operation is deprecated now and ends on %(day)s.")
        call.add("endpoint-deprecated-with-sunset", Effect.NONE, node, text % {"day": written})


def _compare_sunset(call: Call) -> None:
    (before, old_day), (after, new_day) = sunset_of(call.old.value), sunset_of(call.new.value)
    if before == after or not before:
        return
    values = {"before": before, "after": after}
    node = call.new.get("x-sunset")
    if not after:
        text = _("The day on which the operation ends (x-sunset) was taken back.")
        call.add(
            "sunset-deleted", Effect.VIOLATES, call.old.get("x-sunset"), text, is_in_old=True,
            before=before,
        )  # fmt: skip
    elif old_day is None or new_day is None:
        text = _("The operation's x-sunset is no date.")
        call.add(
            "api-deprecated-sunset-parse", Effect.VIOLATES, node, text, before=before, after=after
        )
    elif new_day < old_day:
        text = _("The operation ends earlier than announced: %(after)s, not %(before)s.") % values
        code = "api-sunset-date-changed-too-small"
        call.add(code, Effect.VIOLATES, node, text, before=before, after=after)


def _compare_operation_id(call: Call) -> None:
    before, after = call.old.text("operationId"), call.new.text("operationId")
    if before == after:
        return
    values = {"before": before, "after": after}
    if not before:
        text = _("The operation has a name now (operationId): %(after)s.")
        code, node = "api-operation-id-added", call.new
    elif not after:
        text = _("The operation's name (operationId) %(before)s was removed.")
        code, node = "api-operation-id-removed", call.old
    else:
        text = _("The operation's name (operationId) changed from %(before)s to %(after)s.")
        code, node = "api-operation-id-removed", call.old
    call.add(
        code,
        Effect.NONE,
        node.get("operationId"),
        text % values,
        is_in_old=node is call.old,
        before=before,
        after=after,
    )


def _compare_tags(call: Call) -> None:
    old, new = (names_in(node.get("tags").value) for node in (call.old, call.new))
    for tag in new:
        if tag not in old:
            text = _("The operation has the tag %(name)s now.") % {"name": tag}
            call.add("api-tag-added", Effect.NONE, call.new.get("tags"), text)
    for tag in old:
        if tag not in new:
            text = _("The operation no longer has the tag %(name)s.") % {"name": tag}
            call.add("api-tag-removed", Effect.NONE, call.old.get("tags"), text, is_in_old=True)


def note_added(context: Context, name: str, node: Node) -> None:
    text = _("The operation was added.")
    context.report.add("endpoint-added", Effect.WIDENS, _NONE, name, node.path, text)


def note_removed(context: Context, name: str, node: Node, *, with_path: bool) -> None:
    """An operation that is gone; `with_path`: as is all of its path."""
    stem = "api-path-removed" if with_path else "api-removed"
    written, day = sunset_of(node.value)
    text = _("The operation was removed.")
    level = stability_of(node.value)
    if not node.is_true("deprecated"):
        code, effect = f"{stem}-without-deprecation", Effect.NARROWS
        text = _("The operation was removed without having been deprecated.")
    elif written and day is None:
        code, effect = "api-path-sunset-parse", Effect.VIOLATES
        text = _("The operation was removed, and its x-sunset is no date.")
    elif day is not None and context.today < day:
        code, effect = f"{stem}-before-sunset", Effect.VIOLATES
        text = _("The operation was removed before the day that was announced, %(day)s.")
    else:
        code, effect = f"{stem}-with-deprecation", Effect.NONE
        text = _("The operation was removed; it was deprecated.")
    is_draft = level is not None and level < FIRST_PROMISED
    judged = Level.COMPATIBLE if is_draft else effect
    values = {"day": written}
    context.report.add(
        code, judged, _NONE, name, node.path, text % values, is_in_old=True, before=written
    )
