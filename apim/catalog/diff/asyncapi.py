"""What changed between two AsyncAPI documents, of version 2 or 3.

What the application receives is a request of its clients, what it sends a response to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.asyncapi import Action, Message, actions_of
from apim.catalog.diff.change import Direction, Effect, Level
from apim.catalog.diff.document import Document, Node, Sameness
from apim.catalog.diff.schemas import Frame, Scope, Walks, has_types
from apim.catalog.diff.subjects import Subject, add_found

if TYPE_CHECKING:
    from datetime import date

    from apim.catalog.diff.report import Report
    from apim.catalog.openapi.positions import Path

_JSON = "application/json"


def compare_asyncapi(old: dict[str, Any], new: dict[str, Any], report: Report, day: date) -> None:
    """Note every change between two documents."""
    _Comparison(old, new, report, day).run()


class _Comparison:
    def __init__(self, old: dict[str, Any], new: dict[str, Any], report: Report, day: date) -> None:
        self._old, self._new = (Document(data, has_siblings=False) for data in (old, new))
        self._report = report
        sameness = Sameness(self._old, self._new)
        self._walks = Walks(self._old, self._new, sameness, day)
        self._places = {id(old): _places(old), id(new): _places(new)}

    def run(self) -> None:
        data = self._old.root.value, self._new.root.value
        before, after = ({_name(one): one for one in actions_of(document)} for document in data)
        for name, action in after.items():
            if name not in before:
                text = _("The operation was added.")
                self._note("operation-added", Effect.NONE, action, text)
            else:
                self._action(before[name], action)
        for name, action in before.items():
            if name not in after:
                level = Level.COMPATIBLE if _is_deprecated(action) else Level.BREAKING
                text = _("The operation was removed.")
                self._note("operation-removed", level, action, text, is_in_old=True)
        self._servers()

    def _note(
        self,
        code: str,
        effect: Effect | Level,
        action: Action,
        text: str,
        *,
        is_in_old: bool = False,
        before: Any = None,
        after: Any = None,
    ) -> None:
        self._report.add(
            f"asyncapi-{code}",
            effect,
            _direction(action),
            _name(action),
            action.path,
            text,
            is_in_old=is_in_old,
            before=before,
            after=after,
        )

    def _action(self, old: Action, new: Action) -> None:
        was, now = _is_deprecated(old), _is_deprecated(new)
        if now and not was:
            self._note("deprecated", Effect.NONE, new, _("The operation is deprecated now."))
        elif was and not now:
            self._note("reactivated", Effect.NONE, new, _("The operation is no longer deprecated."))
        if old.operation_id != new.operation_id:
            text = _("The operation's name changed from %(before)s to %(after)s.")
            values: dict[str, Any] = {"before": old.operation_id, "after": new.operation_id}
            self._note("operation-id-changed", Effect.NONE, new, text % values, **values)
        self._parameters(old, new)
        self._messages(old, new)
        if old.value.get("bindings") != new.value.get("bindings"):
            text = _("What the operation says about its protocol changed (bindings).")
            self._note("operation-bindings-changed", Effect.UNKNOWN, new, text)
        if old.channel.get("bindings") != new.channel.get("bindings"):
            text = _("What the channel says about its protocol changed (bindings).")
            self._note("channel-bindings-changed", Effect.UNKNOWN, new, text)

    def _parameters(self, old: Action, new: Action) -> None:
        for name, value in new.parameters.items():
            if name not in old.parameters:
                text = _("The channel's parameter %(name)s was added.") % {"name": name}
                self._note("parameter-added", Effect.SWAPS, new, text)
                continue
            title = _("Parameter “%(name)s”") % {"name": name}
            frame = Frame(_direction(new), Scope.PARAMETER, is_strong=False)
            pair = (
                self._node(_schema_of(old.parameters[name]), old),
                self._node(_schema_of(value), new),
            )
            self._walk(title, new, *pair, frame)
        for name in old.parameters:
            if name not in new.parameters:
                text = _("The channel's parameter %(name)s was removed.") % {"name": name}
                self._note("parameter-removed", Effect.SWAPS, old, text, is_in_old=True)

    def _messages(self, old: Action, new: Action) -> None:
        before, after = _by_name(old.messages), _by_name(new.messages)
        if len(before) == len(after) == 1:  # a message that was only renamed
            after = dict(zip(before, after.values(), strict=True))
        for name, message in after.items():
            if name not in before:
                text = _("The message %(name)s was added.") % {"name": name}
                is_sent = new.action == "send"
                effect = Effect.UNKNOWN if is_sent else Effect.NONE
                self._note("message-added", effect, new, text)
            else:
                self._message(name, (old, before[name]), (new, message))
        for name in before:
            if name not in after:
                text = _("The message %(name)s was removed.") % {"name": name}
                self._note("message-removed", Effect.SWAPS, old, text, is_in_old=True)

    def _message(self, name: str, old: tuple[Action, Message], new: tuple[Action, Message]) -> None:
        (old_action, before), (action, after) = old, new
        if before.content_type != after.content_type:
            text = _("The message %(name)s is now sent as %(after)s instead of %(before)s.")
            values: dict[str, Any] = {
                "before": before.content_type or "–",
                "after": after.content_type or "–",
            }
            code = "message-content-type-changed"
            self._note(code, Effect.SWAPS, action, text % {"name": name, **values}, **values)
        if before.payload_format or after.payload_format:
            if (before.payload, before.payload_format) != (after.payload, after.payload_format):
                text = _("The payload of the message %(name)s changed.") % {"name": name}
                self._note("message-payload-changed", Effect.UNKNOWN, action, text)
            return
        frame = Frame(
            _direction(action), Scope.BODY, is_strong=has_types(after.content_type or _JSON)
        )
        for title, one, other in (
            (_("Message “%(name)s”"), before.payload, after.payload),
            (_("Headers of message “%(name)s”"), before.headers, after.headers),
        ):
            pair = self._node(one, old_action), self._node(other, action)
            self._walk(title % {"name": name}, action, *pair, frame)

    def _walk(self, title: str, action: Action, old: Node, new: Node, frame: Frame) -> None:
        if old.value is None and new.value is None:
            return
        old, new = (Node(True, n.path) if n.value is None else n for n in (old, new))
        subject = Subject(operation=_name(action), direction=_direction(action), title=title)
        add_found(self._report, subject, self._walks.compare(old, new, frame))

    def _node(self, value: Any, action: Action) -> Node:
        for places in self._places.values():
            if id(value) in places:
                return Node(value, places[id(value)])
        return Node(value, action.path)

    def _servers(self) -> None:
        old, new = self._old.root.mapping("servers"), self._new.root.mapping("servers")
        for name in dict.fromkeys([*new, *old]):
            if name not in old:
                text = _("The server %(name)s was added.")
                self._note_server("server-added", Effect.NONE, new[name], text % {"name": name})
            elif name not in new:
                text = _("The server %(name)s was removed.") % {"name": name}
                node = old[name]
                self._note_server("server-removed", Effect.UNKNOWN, node, text, is_in_old=True)
            else:
                self._server(name, self._old.follow(old[name]), self._new.follow(new[name]))

    def _server(self, name: str, old: Node, new: Node) -> None:
        before, after = _address(old), _address(new)
        if before != after:
            text = _("The server %(name)s moved from %(before)s to %(after)s.")
            values: dict[str, Any] = {"name": name, "before": before, "after": after}
            self._note_server("server-moved", Effect.UNKNOWN, new, text % values)
        before, after = old.text("protocol"), new.text("protocol")
        if before != after:
            text = _("The server %(name)s speaks %(after)s now instead of %(before)s.")
            values = {"name": name, "before": before, "after": after}
            self._note_server("server-protocol-changed", Effect.SWAPS, new, text % values)
        if old.get("security").value != new.get("security").value:
            text = _("The server %(name)s asks for other credentials now.") % {"name": name}
            self._note_server("server-security-changed", Effect.UNKNOWN, new, text)

    def _note_server(
        self, code: str, effect: Effect, node: Node, text: str, *, is_in_old: bool = False
    ) -> None:
        self._report.add(
            f"asyncapi-{code}", effect, Direction.NONE, "", node.path, text, is_in_old=is_in_old
        )


def _name(action: Action) -> str:
    return f"{action.action} {action.address}"


def _direction(action: Action) -> Direction:
    return Direction.RESPONSE if action.action == "send" else Direction.REQUEST


def _is_deprecated(action: Action) -> bool:
    return any(
        holder.get(name) is True
        for holder in (action.value, action.channel)
        for name in ("deprecated", "x-deprecated")
    )


def _by_name(messages: tuple[Message, ...]) -> dict[str, Message]:
    found: dict[str, Message] = {}
    for number, message in enumerate(messages, start=1):
        found.setdefault(message.name or message.title or f"#{number}", message)
    return found


def _schema_of(parameter: Any) -> Any:
    """Version 2 has a schema in it; version 3 is itself a list of values and a default."""
    if isinstance(parameter, dict) and "schema" in parameter:
        return parameter["schema"]
    kept = parameter.items() if isinstance(parameter, dict) else ()
    return {"type": "string"} | {k: v for k, v in kept if k in {"enum", "default"}}


def _address(node: Node) -> str:
    return node.text("url") or f"{node.text('host')}{node.text('pathname')}"


def _places(data: Any) -> dict[int, Path]:
    """Where each container stands in the document, by identity."""
    found: dict[int, Path] = {id(data): ()}
    pending = [data]
    while pending:
        value = pending.pop()
        path = found[id(value)]
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in items:
            if isinstance(below, dict | list) and id(below) not in found:
                found[id(below)] = (*path, key)
                pending.append(below)
    return found
