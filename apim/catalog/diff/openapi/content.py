"""Request bodies and responses: what is sent, in which media types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect
from apim.catalog.diff.openapi.context import Frame, Scope, said
from apim.catalog.diff.openapi.media_types import MediaType, match
from apim.catalog.diff.schemas import has_types

if TYPE_CHECKING:
    from apim.catalog.diff.document import Node
    from apim.catalog.diff.openapi.context import Call
    from apim.catalog.diff.subjects import Subject


def compare_request_body(call: Call) -> None:
    context = call.context
    old, new = call.old.get("requestBody"), call.new.get("requestBody")
    if context.sameness.same(old.value, new.value):
        return
    old, new = context.old.follow(old), context.new.follow(new)
    subject = call.subject(Direction.REQUEST)
    if old.value is None:
        _note_body_added(call, subject, new)
    elif new.value is None:
        text = said(subject, _("the body was removed"))
        code = "request-body-removed"
        effect = Effect.SWAPS
        call.add(code, effect, old, text, direction=Direction.REQUEST, is_in_old=True)
    else:
        _compare_required(call, subject, old, new)
        compare_content(call, subject, old.get("content"), new.get("content"), scope=Scope.BODY)


def _note_body_added(call: Call, subject: Subject, new: Node) -> None:
    if new.is_true("required"):
        code, effect = "request-body-added-required", Effect.NARROWS
        text = said(subject, _("a body was added and is required"))
    else:
        code, effect = "request-body-added-optional", Effect.NONE
        text = said(subject, _("a body was added"))
    call.add(code, effect, new, text, direction=Direction.REQUEST)


def _compare_required(call: Call, subject: Subject, old: Node, new: Node) -> None:
    was, now = old.is_true("required"), new.is_true("required")
    node = new.get("required")
    if now and not was:
        text = said(subject, _("the body is required now"))
        code, effect = "request-body-became-required", Effect.NARROWS
    elif was and not now:
        text = said(subject, _("the body is no longer required"))
        code, effect = "request-body-became-optional", Effect.WIDENS
    else:
        return
    call.add(code, effect, node, text, direction=Direction.REQUEST)


def compare_responses(call: Call) -> None:
    context = call.context
    old, new = call.old.mapping("responses"), call.new.mapping("responses")
    for status in new:
        if status.startswith("x-"):
            continue
        if status not in old:
            _note_status(call, status, new[status], is_added=True)
        elif not context.sameness.same(old[status].value, new[status].value):
            responses = context.old.follow(old[status]), context.new.follow(new[status])
            _compare_response(call, status, *responses)
    for status, node in old.items():
        if status not in new and not status.startswith("x-"):
            _note_status(call, status, node, is_added=False)


def _note_status(call: Call, status: str, node: Node, *, is_added: bool) -> None:
    is_success = status[:1] == "2"
    kind = "success" if is_success else "non-success"
    code = f"response-{kind}-status-{'added' if is_added else 'removed'}"
    # The client relies on the statuses that mean success, as if it asked for them.
    effect = Effect.SWAPS if is_success and not is_added else Effect.NONE
    what = _("was added") if is_added else _("was removed")
    text = said(call.subject(Direction.RESPONSE, status=status), what)
    call.add(code, effect, node, text, direction=Direction.RESPONSE, is_in_old=not is_added)


def _compare_response(call: Call, status: str, old: Node, new: Node) -> None:
    subject = call.subject(Direction.RESPONSE, status=status)
    _compare_headers(call, status, old, new)
    compare_content(call, subject, old.get("content"), new.get("content"), scope=Scope.BODY)
    _compare_links(call, subject, old, new)


def _compare_headers(call: Call, status: str, old: Node, new: Node) -> None:
    """By name without regard to case (RFC 9110, section 5.1)."""
    before = {name.lower(): (name, node) for name, node in old.mapping("headers").items()}
    after = {name.lower(): (name, node) for name, node in new.mapping("headers").items()}
    for key, (name, node) in after.items():
        subject = call.subject(Direction.RESPONSE, status=status, name=name)
        if key not in before:
            text = said(subject, _("was added"))
            call.add("response-header-added", Effect.NONE, node, text, direction=Direction.RESPONSE)
        elif not call.context.sameness.same(before[key][1].value, node.value):
            _compare_header(call, subject, before[key][1], node)
    for key, (name, node) in before.items():
        if key not in after:
            _note_header_removed(call, status, name, node)


def _note_header_removed(call: Call, status: str, name: str, node: Node) -> None:
    subject = call.subject(Direction.RESPONSE, status=status, name=name)
    is_required = call.context.old.follow(node).is_true("required")
    code = f"{'required' if is_required else 'optional'}-response-header-removed"
    effect = Effect.SWAPS if is_required else Effect.NONE
    text = said(subject, _("was removed"))
    call.add(code, effect, node, text, direction=Direction.RESPONSE, is_in_old=True)


def _compare_header(call: Call, subject: Subject, old: Node, new: Node) -> None:
    context = call.context
    old, new = context.old.follow(old), context.new.follow(new)
    was, now = old.is_true("required"), new.is_true("required")
    node = new.get("required")
    if was and not now:
        text = said(subject, _("may now be missing"))
        code, effect = "response-header-became-optional", Effect.WIDENS
        call.add(code, effect, node, text, direction=Direction.RESPONSE)
    elif now and not was:
        text = said(subject, _("is always sent now"))
        code, effect = "response-header-became-required", Effect.NARROWS
        call.add(code, effect, node, text, direction=Direction.RESPONSE)
    before, after = old.get("schema"), new.get("schema")
    frame = Frame(call.direction(Direction.RESPONSE), Scope.HEADER, is_strong=False)
    if before.value is not None and after.value is not None:
        call.compare_schemas(subject, before, after, frame)


def _compare_links(call: Call, subject: Subject, old: Node, new: Node) -> None:
    before, after = old.mapping("links"), new.mapping("links")
    for name in dict.fromkeys([*after, *before]):
        if name not in before:
            text = said(subject, _("the link %(name)s was added") % {"name": name})
            call.add(
                "response-link-added", Effect.NONE, after[name], text, direction=Direction.RESPONSE
            )
        elif name not in after:
            text = said(subject, _("the link %(name)s was removed") % {"name": name})
            code, effect = "response-link-removed", Effect.UNKNOWN
            node = before[name]
            call.add(code, effect, node, text, direction=Direction.RESPONSE, is_in_old=True)


def compare_content(call: Call, subject: Subject, old: Node, new: Node, *, scope: Scope) -> None:
    """The media types of a body, or of a parameter that is written as one."""
    before, after = old.mapping(), new.mapping()
    is_response = subject.direction is Direction.RESPONSE
    pairs, removed, added = match(before, after, is_loose=is_response)
    stem = "response-media-type" if is_response else f"request-{_noun(scope)}-media-type"
    for media_type in removed:
        text = said(subject, _("%(name)s is no longer offered") % {"name": media_type.written})
        node = before[media_type.written]
        direction = call.direction(subject.direction)
        call.add(f"{stem}-removed", Effect.SWAPS, node, text, direction=direction, is_in_old=True)
    for media_type in added:
        text = said(subject, _("%(name)s is offered now") % {"name": media_type.written})
        node = after[media_type.written]
        direction = call.direction(subject.direction)
        call.add(f"{stem}-added", Effect.NONE, node, text, direction=direction)
    for old_type, new_type in pairs:
        named = subject.of_media_type(new_type.written) if len(after) > 1 else subject
        if is_response and old_type.written != new_type.written:
            _compare_names(call, subject, old_type, new_type, after[new_type.written])
        nodes = before[old_type.written], after[new_type.written]
        _compare_media_type(call, named, *nodes, scope=scope, media_type=new_type)


def _noun(scope: Scope) -> str:
    return "body" if scope is Scope.BODY else "parameter"


def _compare_names(
    call: Call, subject: Subject, old: MediaType, new: MediaType, node: Node
) -> None:
    """A media type of a response that is now called differently."""
    added = [name for name in new.parameters if name not in old.parameters]
    removed = [name for name in old.parameters if name not in new.parameters]
    changed = [n for n, v in new.parameters.items() if old.parameters.get(n, v) != v]
    is_renamed = old.bare != new.bare
    stem = "response-media-type"
    if bool(added) + bool(removed) + bool(changed) + is_renamed > 1:
        ending, effect = "name-changed", Effect.UNKNOWN
    elif added:
        ending, effect = "parameter-added", Effect.NARROWS
    elif removed:
        ending, effect = "parameter-removed", Effect.WIDENS
    elif changed:
        ending, effect = "parameter-changed", Effect.SWAPS
    elif not is_renamed:
        return  # only the case, or spaces
    elif old.contains(new):
        ending, effect = "name-specialized", Effect.NARROWS
    else:
        ending, effect = "name-generalized", Effect.WIDENS
    values = {"before": old.written, "after": new.written}
    text = said(subject, _("%(before)s is now called %(after)s") % values)
    call.add(
        f"{stem}-{ending}",
        effect,
        node,
        text,
        direction=call.direction(subject.direction),
        before=old.written,
        after=new.written,
    )


def _compare_media_type(
    call: Call, subject: Subject, old: Node, new: Node, *, scope: Scope, media_type: MediaType
) -> None:
    context = call.context
    if context.sameness.same(old.value, new.value):
        return
    old, new = context.old.follow(old), context.new.follow(new)
    frame = Frame(subject.direction, scope, is_strong=has_types(media_type.written))
    for keyword, noun in (("schema", "schema"), ("itemSchema", "item-schema")):
        before, after = old.get(keyword), new.get(keyword)
        if before.value is not None and after.value is not None:
            call.compare_schemas(subject, before, after, frame)
        elif before.value is not None:
            is_untyped = keyword == "itemSchema" and new.get("schema").value is None
            ending = "-untyped" if is_untyped and frame.direction is Direction.RESPONSE else ""
            _note_schema(call, subject, noun, scope, before, is_added=False, ending=ending)
        elif after.value is not None:
            _note_schema(call, subject, noun, scope, after, is_added=True)
    if old.get("encoding").value != new.get("encoding").value:
        text = said(subject, _("properties are encoded differently now (encoding)"))
        code = f"{subject.direction}-{_noun(scope)}-encoding-changed"
        direction = call.direction(subject.direction)
        call.add(code, Effect.UNKNOWN, new.get("encoding"), text, direction=direction)


def _note_schema(
    call: Call,
    subject: Subject,
    noun: str,
    scope: Scope,
    node: Node,
    *,
    is_added: bool,
    ending: str = "",
) -> None:
    action = "added" if is_added else "removed"
    code = f"{subject.direction}-{_noun(scope)}-media-type-{noun}-{action}{ending}"
    effect = Effect.NARROWS if is_added else Effect.WIDENS
    what = _("must now match a schema") if is_added else _("need no longer match a schema")
    direction = call.direction(subject.direction)
    call.add(code, effect, node, said(subject, what), direction=direction, is_in_old=not is_added)
