"""Parameters of an operation and of the path around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect
from apim.catalog.diff.lifecycle import sunset_of
from apim.catalog.diff.openapi.content import compare_content
from apim.catalog.diff.openapi.context import Frame, Scope, said
from apim.catalog.diff.schemas.shape import as_schema, types_of

if TYPE_CHECKING:
    from apim.catalog.diff.document import Document, Node
    from apim.catalog.diff.openapi.context import Call
    from apim.catalog.diff.subjects import Subject

# OpenAPI 3.1.1, section 4.8.12.2: what a parameter's style is if it does not say.
_STYLES = {"query": "form", "cookie": "form"}
_SCALARS = {"string", "number", "integer", "boolean"}

# Place and name; names of headers without regard to case.
Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Parameter:
    node: Node
    # It stands at the path, for all of its operations.
    is_shared: bool

    @property
    def place(self) -> str:
        return self.node.text("in")

    @property
    def name(self) -> str:
        return self.node.text("name")

    @property
    def style(self) -> str:
        return self.node.text("style") or _STYLES.get(self.place, "simple")

    @property
    def explodes(self) -> bool:
        told = self.node.get("explode").value
        return told if isinstance(told, bool) else self.style in {"form", "cookie"}


def compare_parameters(call: Call) -> None:
    context = call.context
    old = _parameters(context.old, call.old, call.old_item, call.renamed)
    new = _parameters(context.new, call.new, call.new_item, {})
    for identity, parameter in new.items():
        if identity in old:
            before = old[identity]
            if not context.sameness.same(before.node.value, parameter.node.value):
                _compare(call, before, parameter)
        else:
            _note_added(call, parameter)
    for identity, parameter in old.items():
        if identity not in new:
            _note_removed(call, parameter)


def _parameters(
    document: Document, operation: Node, item: Node, renamed: dict[str, str]
) -> dict[Identity, Parameter]:
    """Those of the operation, and those of the path that it does not replace."""
    found: dict[Identity, Parameter] = {}
    for holder in (operation, item):
        for entry in holder.entries("parameters"):
            parameter = Parameter(document.follow(entry), is_shared=holder is item)
            name = parameter.name
            if parameter.place == "path":
                name = renamed.get(name, name)
            elif parameter.place == "header":
                name = name.lower()
            if name:
                found.setdefault((parameter.place, name), parameter)
    return found


def _subject(call: Call, parameter: Parameter) -> Subject:
    return call.subject(Direction.REQUEST, place=parameter.place, name=parameter.name)


def _note_added(call: Call, parameter: Parameter) -> None:
    is_required = parameter.node.is_true("required")
    kind = "required" if is_required else "optional"
    if parameter.place == "path":
        code = "new-request-path-parameter"
    elif parameter.is_shared:
        code = f"new-{kind}-request-default-parameter-to-existing-path"
    else:
        code = f"new-{kind}-request-parameter"
    effect = Effect.NARROWS if is_required or parameter.place == "path" else Effect.NONE
    what = _("was added and is required") if is_required else _("was added")
    text = said(_subject(call, parameter), what)
    call.add(code, effect, parameter.node, text, direction=Direction.REQUEST)


def _note_removed(call: Call, parameter: Parameter) -> None:
    stem = "request-parameter-removed"
    written, day = sunset_of(parameter.node.value)
    what = _("was removed")
    if not parameter.node.is_true("deprecated"):
        code, effect = stem, Effect.UNKNOWN
    elif written and day is None:
        code, effect = "request-parameter-sunset-parse", Effect.VIOLATES
        what = _("was removed, and its x-sunset is no date")
    elif day is not None and call.context.today < day:
        code, effect = f"{stem}-before-sunset", Effect.VIOLATES
        what = _("was removed before the day that was announced, %(day)s") % {"day": written}
    else:
        code, effect = f"{stem}-with-deprecation", Effect.NONE
        what = _("was removed; it was deprecated")
    text = said(_subject(call, parameter), what)
    call.add(
        code, effect, parameter.node, text, direction=Direction.REQUEST, is_in_old=True,
        before=written,
    )  # fmt: skip


def _compare(call: Call, old: Parameter, new: Parameter) -> None:
    _compare_required(call, old, new)
    _compare_serialization(call, old, new)
    _compare_deprecation(call, old, new)
    _compare_schema(call, old, new)


def _compare_required(call: Call, old: Parameter, new: Parameter) -> None:
    was, now = (one.place == "path" or one.node.is_true("required") for one in (old, new))
    subject = _subject(call, new)
    if now and not was:
        text = said(subject, _("is required now"))
        _note(call, "became-required", Effect.NARROWS, new.node.get("required"), text)
    elif was and not now:
        text = said(subject, _("is no longer required"))
        _note(call, "became-optional", Effect.WIDENS, new.node.get("required"), text)


def _note(
    call: Call,
    ending: str,
    effect: Effect,
    node: Node,
    text: str,
    before: str = "",
    after: str = "",
    *,
    is_in_old: bool = False,
) -> None:
    call.add(
        f"request-parameter-{ending}",
        effect,
        node,
        text,
        direction=Direction.REQUEST,
        is_in_old=is_in_old,
        before=before,
        after=after,
    )


def _compare_serialization(call: Call, old: Parameter, new: Parameter) -> None:
    """How the value is written; OpenAPI 3.1.1, section 4.8.12.2."""
    subject = _subject(call, new)
    has_schema = all(one.node.get("schema").value is not None for one in (old, new))
    if has_schema and old.style != new.style:
        values = {"before": old.style, "after": new.style}
        text = said(subject, _("the style changed from %(before)s to %(after)s") % values)
        _note(
            call, "style-changed", Effect.SWAPS, new.node.get("style"), text, old.style, new.style
        )
    elif has_schema and old.explodes != new.explodes and not _are_scalars(call, old, new):
        what = (
            _("each element is now sent on its own (explode)")
            if new.explodes
            else _("elements are now sent as one value (explode)")
        )
        text = said(subject, what)
        _note(call, "explode-changed", Effect.SWAPS, new.node.get("explode"), text)
    if new.place != "query":
        return
    was, now = (one.node.is_true("allowReserved") for one in (old, new))
    if now and not was:
        text = said(subject, _("reserved characters may now be sent as they are"))
        _note(call, "became-allow-reserved", Effect.WIDENS, new.node.get("allowReserved"), text)
    elif was and not now:
        text = said(subject, _("reserved characters must now be encoded"))
        _note(call, "became-not-allow-reserved", Effect.NARROWS, new.node, text)


def _are_scalars(call: Call, old: Parameter, new: Parameter) -> bool:
    """Whether a value is always a single one, for which explode makes no difference."""
    context = call.context
    for document, one in ((context.old, old), (context.new, new)):
        schema = as_schema(document.follow_schema(one.node.get("schema")).value)
        types = types_of(schema)
        if not types or set(types) - _SCALARS or schema.keys() & {"oneOf", "anyOf", "allOf"}:
            return False
    return True


def _compare_deprecation(call: Call, old: Parameter, new: Parameter) -> None:
    was, now = (one.node.is_true("deprecated") for one in (old, new))
    subject = _subject(call, new)
    node = new.node.get("deprecated")
    written, day = sunset_of(new.node.value)
    if was and not now:
        _note(call, "reactivated", Effect.NONE, node, said(subject, _("is no longer deprecated")))
    elif was:
        _compare_sunset(call, old, new)
    elif now and written and day is None:
        text = said(subject, _("is deprecated now, but its x-sunset %(day)s is no date"))
        _note(call, "sunset-parse", Effect.VIOLATES, node, text % {"day": written})
    elif now and day is not None and day < call.context.today:
        text = said(subject, _("is deprecated now, but ends in the past: %(day)s"))
        _note(call, "sunset-date-too-small", Effect.VIOLATES, node, text % {"day": written})
    elif now:
        _note(call, "deprecated", Effect.NONE, node, said(subject, _("is deprecated now")))


def _compare_sunset(call: Call, old: Parameter, new: Parameter) -> None:
    """The announced day of something that stays deprecated."""
    (before, old_day), (after, new_day) = sunset_of(old.node.value), sunset_of(new.node.value)
    subject = _subject(call, new)
    if before == after or not before:
        return
    if not after:
        text = said(subject, _("the day of its end (x-sunset) was taken back"))
        node = old.node.get("x-sunset")
        _note(call, "sunset-deleted", Effect.VIOLATES, node, text, before, is_in_old=True)
    elif old_day is None or new_day is None:
        text = said(subject, _("its x-sunset is no date"))
        node = new.node.get("x-sunset")
        _note(call, "sunset-parse", Effect.VIOLATES, node, text, before, after)
    elif new_day < old_day:
        values = {"before": before, "after": after}
        text = said(subject, _("ends earlier than announced: %(after)s, not %(before)s") % values)
        node = new.node.get("x-sunset")
        ending = "sunset-date-changed-too-small"
        _note(call, ending, Effect.VIOLATES, node, text, before, after)


def _compare_schema(call: Call, old: Parameter, new: Parameter) -> None:
    subject = _subject(call, new)
    before, after = old.node.get("schema"), new.node.get("schema")
    scope = Scope.HEADER_PARAMETER if new.place == "header" else Scope.PARAMETER
    frame = Frame(
        call.direction(Direction.REQUEST),
        scope,
        is_strong=False,
        is_exploded=new.style == "form" and new.explodes and not call.is_callback,
    )
    if before.value is not None and after.value is not None:
        call.compare_schemas(subject, before, after, frame)
    elif (before.value is None) != (after.value is None):
        text = said(subject, _("is written in another way now (schema or content)"))
        _note(call, "serialization-changed", Effect.SWAPS, new.node, text)
    else:
        contents = old.node.get("content"), new.node.get("content")
        compare_content(call, subject, *contents, scope=scope)
