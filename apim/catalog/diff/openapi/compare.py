"""Walking through both documents: paths, webhooks, callbacks, and what belongs to the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect
from apim.catalog.diff.document import Document, Node, Sameness
from apim.catalog.diff.openapi.context import Call, Context
from apim.catalog.diff.openapi.operations import (
    compare_operation,
    is_promised,
    note_added,
    note_removed,
)
from apim.catalog.diff.openapi.paths import PathPair, match_paths, operations_of, paths_of
from apim.catalog.diff.openapi.security import compare_global_requirements, compare_schemes
from apim.catalog.diff.schemas import Walks

if TYPE_CHECKING:
    from datetime import date

    from apim.catalog.diff.report import Report

# Callbacks may themselves have callbacks.
_MAX_CALLBACKS = 3


def compare_openapi(old: Any, new: Any, report: Report, today: date) -> None:
    """Note every change between two documents of OpenAPI 3."""
    old_document, new_document = (
        Document(data, has_siblings=not str(data.get("openapi", "")).startswith("3.0"))
        for data in (old, new)
    )
    sameness = Sameness(old_document, new_document)
    walks = Walks(old_document, new_document, sameness, today)
    context = Context(old_document, new_document, sameness, walks, report, today)
    is_inherited = _compare_paths(context)
    _compare_webhooks(context)
    _compare_servers(context)
    compare_global_requirements(context, is_inherited=is_inherited)
    compare_schemes(context)
    _compare_components(context)


def _compare_paths(context: Context) -> bool:
    """Also tells whether some operation has the document's security on both sides."""
    old, new = (paths_of(d.root.get("paths")) for d in (context.old, context.new))
    is_inherited = False
    for pair in match_paths(old, new):
        is_inherited |= _compare_path(context, pair)
    return is_inherited


def _compare_path(context: Context, pair: PathPair) -> bool:
    is_inherited = False
    before = operations_of(context.old, pair.old)
    after = operations_of(context.new, pair.new)
    for method, (node, item) in after.items():
        name = f"{method} {pair.new_template}"
        if method not in before:
            note_added(context, name, node)
            continue
        old_node, old_item = before[method]
        call = Call(
            context,
            name,
            old_node,
            node,
            old_item,
            item,
            renamed=pair.renamed,
            is_promised=is_promised(old_node, node),
        )
        _compare_call(call, 0)
        holders = (old_node.value, node.value)
        is_inherited |= call.is_promised and all(one.get("security") is None for one in holders)
    for method, (node, _item) in before.items():
        if method not in after:
            name = f"{method} {pair.old_template}"
            note_removed(context, name, node, with_path=pair.new is None)
    return is_inherited


def _compare_call(call: Call, depth: int) -> None:
    if _is_untouched(call):
        return
    compare_operation(call)
    if depth < _MAX_CALLBACKS:
        _compare_callbacks(call, depth)


def _is_untouched(call: Call) -> bool:
    """Whether neither the operation differs nor anything around it that concerns it."""
    same = call.context.sameness.same
    return (
        same(call.old.value, call.new.value)
        and same(call.old_item.get("parameters").value, call.new_item.get("parameters").value)
        and all(old == new for old, new in call.renamed.items())
    )


def _compare_callbacks(call: Call, depth: int) -> None:
    """By name, then by address; what the API sends there is a response to the client."""
    context = call.context
    old, new = call.old.mapping("callbacks"), call.new.mapping("callbacks")
    for name, node in new.items():
        if name not in old:
            text = _("The callback %(name)s was added.") % {"name": name}
            call.add("callback-added", Effect.NONE, node, text)
        elif not context.sameness.same(old[name].value, node.value):
            items = context.old.follow(old[name]), context.new.follow(node)
            _compare_callback(call, name, *items, depth)
    for name, node in old.items():
        if name not in new:
            text = _("The callback %(name)s was removed.") % {"name": name}
            call.add("callback-removed", Effect.SWAPS, node, text, is_in_old=True)


def _compare_callback(call: Call, name: str, old: Node, new: Node, depth: int) -> None:
    for pair in match_paths(paths_of(old), paths_of(new)):
        before = operations_of(call.context.old, pair.old)
        after = operations_of(call.context.new, pair.new)
        for method in dict.fromkeys([*after, *before]):
            values = {
                "name": name,
                "operation": f"{method} {pair.new_template or pair.old_template}",
            }
            if method not in before:
                text = _("The callback %(name)s has the call %(operation)s now.") % values
                call.add("callback-operation-added", Effect.NONE, after[method][0], text)
            elif method not in after:
                text = _("The callback %(name)s no longer has the call %(operation)s.") % values
                node = before[method][0]
                call.add("callback-operation-removed", Effect.SWAPS, node, text, is_in_old=True)
            else:
                inner = _callback_call(call, before[method], after[method], pair)
                _compare_call(inner, depth + 1)


def _callback_call(
    call: Call, old: tuple[Node, Node], new: tuple[Node, Node], pair: PathPair
) -> Call:
    return Call(
        call.context,
        call.name,
        old[0],
        new[0],
        old[1],
        new[1],
        renamed=pair.renamed,
        is_callback=not call.is_callback,
        is_promised=call.is_promised,
    )


def _compare_webhooks(context: Context) -> None:
    """Calls of the API to the client; what it sends is a response to the client."""
    old, new = (paths_of(d.root.get("webhooks")) for d in (context.old, context.new))
    for name in dict.fromkeys([*new, *old]):
        before = operations_of(context.old, old.get(name))
        after = operations_of(context.new, new.get(name))
        for method in dict.fromkeys([*after, *before]):
            if method not in before:
                text = _("The webhook %(name)s was added.") % {"name": name}
                _note_webhook(context, "webhook-added", Effect.WIDENS, method, name, after, text)
            elif method not in after:
                text = _("The webhook %(name)s was removed.") % {"name": name}
                _note_webhook(
                    context, "webhook-removed", Effect.NARROWS, method, name, before, text,
                    is_in_old=True,
                )  # fmt: skip
            else:
                (old_node, old_item), (new_node, new_item) = before[method], after[method]
                call = Call(
                    context,
                    f"{method} {name}",
                    old_node,
                    new_node,
                    old_item,
                    new_item,
                    renamed={},
                    is_callback=True,
                    is_promised=is_promised(old_node, new_node),
                )
                _compare_call(call, 0)


def _note_webhook(
    context: Context,
    code: str,
    effect: Effect,
    method: str,
    name: str,
    found: dict[str, tuple[Node, Node]],
    text: str,
    *,
    is_in_old: bool = False,
) -> None:
    node = found[method][0]
    operation = f"{method} {name}"
    context.report.add(
        code, effect, Direction.NONE, operation, node.path, text, is_in_old=is_in_old
    )


def _compare_servers(context: Context) -> None:
    old, new = (_servers(d) for d in (context.old, context.new))
    for url, node in new.items():
        if url not in old:
            text = _("The server %(url)s was added.") % {"url": url}
            context.report.add(
                "api-server-added", Effect.NONE, Direction.NONE, "", node.path, text, after=url
            )
    for url, node in old.items():
        if url not in new:
            text = _("The server %(url)s was removed.") % {"url": url}
            context.report.add(
                "api-server-removed",
                Effect.UNKNOWN,
                Direction.NONE,
                "",
                node.path,
                text,
                is_in_old=True,
                before=url,
            )


def _servers(document: Document) -> dict[str, Node]:
    entries = document.root.entries("servers")
    return {entry.text("url").rstrip("/"): entry for entry in entries if entry.text("url")}


def _compare_components(context: Context) -> None:
    keys = ("components", "schemas")
    old, new = (d.root.mapping(*keys) for d in (context.old, context.new))
    for name, node in old.items():
        if name not in new:
            text = _("The schema %(name)s was removed from the components.") % {"name": name}
            code, effect = "api-schema-removed", Effect.NONE
            context.report.add(code, effect, Direction.NONE, "", node.path, text, is_in_old=True)
