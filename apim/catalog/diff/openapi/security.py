"""Who may call: requirements, scopes and schemes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect, Level
from apim.catalog.diff.schemas.shape import names_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.catalog.diff.document import Node
    from apim.catalog.diff.openapi.context import Call, Context

# The scopes wanted, by scheme; one alternative of a list. The empty one lets anybody call.
Alternative = dict[str, list[str]]
# By the names of the schemes that each needs together; no name: anybody may call.
Alternatives = dict[frozenset[str], Alternative]


def compare_requirements(call: Call) -> None:
    """Those of one operation, if either side has its own."""
    old, new = call.old.get("security"), call.new.get("security")
    if old.value is None and new.value is None:
        return
    document = (call.context.old.root, call.context.new.root)
    before, after = (
        _alternatives(own if own.value is not None else whole.get("security"))
        for own, whole in zip((old, new), document, strict=True)
    )

    def note(code: str, effect: Effect | Level, text: str, *, is_in_old: bool) -> None:
        node = call.old if is_in_old else call.new
        call.add(code, effect, node.get("security"), text, is_in_old=is_in_old)

    _compare_access("api-security", before, after, note)
    is_open = frozenset() in after
    _compare("api-security", before, after, note, Effect.NONE if is_open else Effect.NARROWS)


def compare_global_requirements(context: Context, *, is_inherited: bool) -> None:
    """Those of the document; `is_inherited`: some operation has none of its own on either side."""

    def note(code: str, effect: Effect | Level, text: str, *, is_in_old: bool) -> None:
        context.report.add(
            code, effect, Direction.NONE, "", ("security",), text, is_in_old=is_in_old
        )

    before, after = (
        _alternatives(document.root.get("security")) for document in (context.old, context.new)
    )
    if is_inherited:
        _compare_access("api-global-security", before, after, note)
    is_harmless = frozenset() in after or not is_inherited
    narrowing = Effect.NONE if is_harmless else Effect.NARROWS
    _compare("api-global-security", before, after, note, narrowing)


def _compare_access(
    stem: str, before: Alternatives, after: Alternatives, note: Callable[..., None]
) -> None:
    """Whether calls without credentials are accepted."""
    was, now = frozenset() in before, frozenset() in after
    if was and not now:
        text = _("Security: calls without credentials are no longer accepted.")
        note(f"{stem}-anonymous-access-removed", Effect.NARROWS, text, is_in_old=True)
    elif now and not was:
        text = _("Security: calls without credentials are accepted now.")
        note(f"{stem}-anonymous-access-added", Effect.WIDENS, text, is_in_old=False)


def _compare(
    stem: str,
    before: Alternatives,
    after: Alternatives,
    note: Callable[..., None],
    narrowing: Effect,
) -> None:
    """`narrowing`: what it does to clients if an alternative is gone or wants more."""
    is_silent = stem == "api-security" and narrowing is Effect.NONE
    for names, alternative in before.items():
        if names in after:
            _compare_scopes(stem, alternative, after[names], note, narrowing)
        elif names and not is_silent:
            text = _("Security: %(name)s is no longer accepted.")
            values = {"name": _named(alternative)}
            note(f"{stem}-removed", narrowing, text % values, is_in_old=True)
    for names, alternative in after.items():
        if names and names not in before:
            text = _("Security: %(name)s is accepted now.") % {"name": _named(alternative)}
            note(f"{stem}-added", Effect.WIDENS, text, is_in_old=False)


def _alternatives(node: Node) -> Alternatives:
    if not isinstance(node.value, list) or not node.value:
        return {frozenset(): {}}
    found: Alternatives = {}
    for one in node.value:
        if isinstance(one, dict):
            found.setdefault(frozenset(one), {name: names_in(one[name]) for name in one})
    return found


def _named(alternative: Alternative) -> str:
    return " + ".join(alternative)


def _compare_scopes(
    stem: str,
    old: Alternative,
    new: Alternative,
    note: Callable[..., None],
    narrowing: Effect,
) -> None:
    for name, scopes in new.items():
        for scope in scopes:
            if scope not in old[name]:
                text = _("Security: %(name)s now needs the scope %(scope)s.")
                values = {"name": name, "scope": scope}
                note(f"{stem}-scope-added", narrowing, text % values, is_in_old=False)
        for scope in old[name]:
            if scope not in scopes:
                text = _("Security: %(name)s no longer needs the scope %(scope)s.")
                values = {"name": name, "scope": scope}
                note(f"{stem}-scope-removed", Effect.WIDENS, text % values, is_in_old=True)


def compare_schemes(context: Context) -> None:
    """The schemes of the document; one that is required on both sides changes what is sent."""
    keys = ("components", "securitySchemes")
    old, new = context.old.root.mapping(*keys), context.new.root.mapping(*keys)
    used = _used_schemes(context)
    for name in dict.fromkeys([*new, *old]):
        if name not in old or name not in new:
            _note_scheme_existence(context, name, old.get(name), new.get(name))
        elif not context.sameness.same(old[name].value, new[name].value):
            scheme = context.old.follow(old[name]), context.new.follow(new[name])
            _compare_scheme(context, name, *scheme, is_used=name in used)


def _note_scheme_existence(context: Context, name: str, old: Node | None, new: Node | None) -> None:
    node = new or old
    assert node is not None
    text = (
        _("Security scheme %(name)s was added.")
        if new
        else _("Security scheme %(name)s was removed.")
    )
    code = f"api-security-component-{'added' if new else 'removed'}"
    values = {"name": name}
    context.report.add(
        code, Effect.NONE, Direction.NONE, "", node.path, text % values, is_in_old=not new
    )


def _used_schemes(context: Context) -> set[str]:
    """The schemes that some requirement of the old document names."""
    found: set[str] = set()
    pending = [context.old.root.get("security"), *_operation_requirements(context)]
    for requirements in pending:
        for entry in requirements.entries():
            found.update(name for name, _scopes in entry.items())
    return found


def _operation_requirements(context: Context) -> list[Node]:
    return [
        operation.get("security")
        for _template, item in context.old.root.get("paths").items()
        for _method, operation in context.old.follow(item).items()
    ]


# A field of a scheme, and its name in codes.
_WIRE_FIELDS = (
    ("type", "type"),
    ("in", "api-key-in"),
    ("name", "api-key-name"),
    ("scheme", "http-scheme"),
    ("openIdConnectUrl", "open-id-connect-url"),
    ("bearerFormat", "bearer-format"),
)


def _compare_scheme(context: Context, name: str, old: Node, new: Node, *, is_used: bool) -> None:
    for keyword, noun in _WIRE_FIELDS:
        before, after = old.text(keyword), new.text(keyword)
        if keyword == "scheme":  # without case: RFC 9110, section 11.1
            before, after = before.lower(), after.lower()
        if before == after:
            continue
        text = _("Security scheme %(name)s: %(keyword)s changed from %(before)s to %(after)s.")
        values = {"name": name, "keyword": keyword, "before": before, "after": after}
        is_harmless = not is_used or keyword == "bearerFormat"
        effect = Effect.NONE if is_harmless else Effect.SWAPS
        code = f"api-security-component-{noun}-changed"
        _note_scheme(context, code, effect, new.get(keyword), text % values, before, after)
        if keyword == "type":
            return  # the other fields come and go with it
    old_flows, new_flows = old.mapping("flows"), new.mapping("flows")
    for flow in new_flows:
        if flow in old_flows:
            _compare_flow(context, name, old_flows[flow], new_flows[flow])
    for flow, node in old_flows.items():
        if flow not in new_flows:
            text = _("Security scheme %(name)s: the flow %(flow)s was removed.")
            values = {"name": name, "flow": flow}
            code = "api-security-component-oauth-flow-removed"
            removed = Effect.NARROWS if is_used else Effect.NONE
            _note_scheme(context, code, removed, node, text % values, is_in_old=True)


def _compare_flow(context: Context, name: str, old: Node, new: Node) -> None:
    for keyword, noun in (("authorizationUrl", "url"), ("tokenUrl", "token-url")):
        before, after = old.text(keyword), new.text(keyword)
        if before != after:
            text = _("Security scheme %(name)s: %(keyword)s changed from %(before)s to %(after)s.")
            values = {"name": name, "keyword": keyword, "before": before, "after": after}
            code = f"api-security-component-oauth-{noun}-changed"
            node = new.get(keyword)
            _note_scheme(context, code, Effect.NONE, node, text % values, before, after)
    before_scopes, after_scopes = old.mapping("scopes"), new.mapping("scopes")
    for scope in dict.fromkeys([*after_scopes, *before_scopes]):
        _compare_scope(context, name, scope, before_scopes.get(scope), after_scopes.get(scope))


def _compare_scope(
    context: Context, name: str, scope: str, old: Node | None, new: Node | None
) -> None:
    values = {"name": name, "scope": scope}
    stem = "api-security-component-oauth-scope"
    if old is None and new is not None:
        text = _("Security scheme %(name)s: the scope %(scope)s was added.")
        _note_scheme(context, f"{stem}-added", Effect.NONE, new, text % values)
    elif new is None and old is not None:
        text = _("Security scheme %(name)s: the scope %(scope)s was removed.")
        _note_scheme(context, f"{stem}-removed", Effect.NONE, old, text % values, is_in_old=True)
    elif old is not None and new is not None and old.value != new.value:
        text = _("Security scheme %(name)s: the scope %(scope)s is described differently.")
        _note_scheme(context, f"{stem}-changed", Effect.NONE, new, text % values)


def _note_scheme(
    context: Context,
    code: str,
    effect: Effect,
    node: Node,
    text: str,
    before: str = "",
    after: str = "",
    *,
    is_in_old: bool = False,
) -> None:
    context.report.add(
        code,
        effect,
        Direction.NONE,
        "",
        node.path,
        text,
        is_in_old=is_in_old,
        before=before,
        after=after,
    )
