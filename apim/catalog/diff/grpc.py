"""What changed between two sets of protocol buffers and the services that use them.

The measure is buf's catalogue of breaking rules (buf.build/docs/breaking/rules): what breaks the
wire format or a generated client is breaking; what only renames, or is safe because a number was
reserved, is risky. A field is the same one if its number is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect, Level

if TYPE_CHECKING:
    from apim.catalog.diff.report import Report
    from apim.catalog.openapi.positions import Path

Tree = dict[str, Any]
_NONE = Direction.NONE
# Types whose bytes are read alike (protobuf.dev, Language Guide, Updating A Message Type).
_ALIKE = (
    {"int32", "uint32", "int64", "uint64", "bool"},
    {"sint32", "sint64"},
    {"string", "bytes"},
    {"fixed32", "sfixed32"},
    {"fixed64", "sfixed64"},
)


def compare_grpc(old: Tree, new: Tree, report: Report) -> None:
    """Note every change between two trees (docs/descriptions.md)."""
    comparison = _Comparison(report)
    comparison.services(old["services"], new["services"])
    comparison.messages(old["messages"], new["messages"], {*old["enums"], *new["enums"]})
    comparison.enums(old["enums"], new["enums"])


class _Comparison:
    def __init__(self, report: Report) -> None:
        self._report = report

    def _note(
        self,
        code: str,
        effect: Effect | Level,
        path: Path,
        text: str,
        *,
        operation: str = "",
        is_in_old: bool = False,
        before: Any = None,
        after: Any = None,
        **values: Any,
    ) -> None:
        texts = {"before": before, "after": after, **values}
        self._report.add(
            f"grpc-{code}",
            effect,
            _NONE,
            operation,
            path,
            text % texts,
            is_in_old=is_in_old,
            before=before,
            after=after,
        )

    # Services

    def services(self, old: Tree, new: Tree) -> None:
        for name in dict.fromkeys([*new, *old]):
            before = old.get(name, {}).get("methods", {})
            after = new.get(name, {}).get("methods", {})
            for method in dict.fromkeys([*after, *before]):
                path = ("services", name, "methods", method)
                self._method(f"POST /{name}/{method}", path, before.get(method), after.get(method))

    def _method(self, operation: str, path: Path, old: Tree | None, new: Tree | None) -> None:
        at: dict[str, Any] = {"operation": operation}
        if old is None:
            self._note("method-added", Effect.NONE, path, _("The method was added."), **at)
            return
        if new is None:
            level = Level.COMPATIBLE if old.get("deprecated") else Level.BREAKING
            text = _("The method was removed.")
            self._note("method-removed", level, path, text, is_in_old=True, **at)
            return
        for key, text in (
            ("request", _("The request changed from %(before)s to %(after)s.")),
            ("response", _("The response changed from %(before)s to %(after)s.")),
        ):
            if old.get(key) != new.get(key):
                values: dict[str, Any] = {"before": old.get(key), "after": new.get(key), **at}
                self._note(f"{key}-type-changed", Level.BREAKING, (*path, key), text, **values)
        for key, text in (
            ("client_streaming", _("How many requests the client sends changed (streaming).")),
            ("server_streaming", _("How many responses the client gets changed (streaming).")),
        ):
            if bool(old.get(key)) != bool(new.get(key)):
                code = key.replace("_", "-") + "-changed"
                self._note(code, Level.BREAKING, path, text, **at)
        if old.get("http") != new.get("http"):
            text = _("The method's HTTP path changed from %(before)s to %(after)s.")
            values = {
                "before": old.get("http") or "–",
                "after": new.get("http") or "–",
                **at,
            }
            self._note("http-changed", Level.BREAKING, path, text, **values)
        self._deprecation(path, operation, old, new, _("The method"))

    def _deprecation(self, path: Path, operation: str, old: Tree, new: Tree, name: str) -> None:
        was, now = bool(old.get("deprecated")), bool(new.get("deprecated"))
        if now and not was:
            text = _("%(name)s is deprecated now.")
            self._note("deprecated", Effect.NONE, path, text, operation=operation, name=name)
        elif was and not now:
            text = _("%(name)s is no longer deprecated.")
            self._note("reactivated", Effect.NONE, path, text, operation=operation, name=name)

    # Messages

    def messages(self, old: Tree, new: Tree, enums: set[str]) -> None:
        for name in dict.fromkeys([*new, *old]):
            path: Path = ("messages", name)
            if name not in old:
                text = _("The message %(name)s was added.")
                self._note("message-added", Effect.NONE, path, text, name=name)
            elif name not in new:
                text = _("The message %(name)s was removed.")
                self._note("message-removed", Level.BREAKING, path, text, is_in_old=True, name=name)
            elif old[name] != new[name]:
                self._message(name, path, old[name], new[name], enums)

    def _message(self, name: str, path: Path, old: Tree, new: Tree, enums: set[str]) -> None:
        before, after = _by_number(old), _by_number(new)
        for number, (field, value) in after.items():
            here = (*path, "fields", field)
            if number not in before:
                self._field_added(f"{name}.{field}", here, value)
            else:
                self._field(name, here, before[number], (field, value), enums)
        for number, (field, _value) in before.items():
            if number not in after:
                self._field_removed(name, field, number, path, new)
        self._reserved(name, path, old, new)
        self._deprecation(path, "", old, new, name)

    def _field_added(self, name: str, path: Path, value: Tree) -> None:
        if value.get("label") == "required":
            text, level = _("The field %(name)s was added and is required."), Level.BREAKING
            self._note("required-field-added", level, path, text, name=name)
        else:
            text = _("The field %(name)s was added.")
            self._note("field-added", Effect.NONE, path, text, name=name)

    def _field_removed(self, name: str, field: str, number: int, path: Path, new: Tree) -> None:
        is_reserved = _is_reserved(new, number, field)
        if is_reserved:
            text = _("The field %(name)s was removed; its number %(number)d is reserved.")
        else:
            text = _("The field %(name)s was removed, and its number %(number)d is not reserved.")
        self._note(
            "field-removed",
            Level.RISKY if is_reserved else Level.BREAKING,
            (*path, "fields", field),
            text,
            is_in_old=True,
            name=f"{name}.{field}",
            number=number,
        )

    def _field(
        self,
        message: str,
        path: Path,
        old: tuple[str, Tree],
        new: tuple[str, Tree],
        enums: set[str],
    ) -> None:
        (old_name, before), (new_name, after) = old, new
        name = f"{message}.{new_name}"
        if old_name != new_name:
            text = _("The field %(before)s is called %(after)s now; its number is the same.")
            self._note("field-renamed", Level.RISKY, path, text, before=old_name, after=new_name)
        if _type_of(before) != _type_of(after):
            is_alike = _is_alike(before, after, enums)
            text = _("The type of %(name)s changed from %(before)s to %(after)s.")
            values: dict[str, Any] = {
                "name": name,
                "before": _type_of(before),
                "after": _type_of(after),
            }
            level = Level.RISKY if is_alike else Level.BREAKING
            self._note("field-type-changed", level, path, text, **values)
        self._label(name, path, before, after)
        if before.get("oneof") != after.get("oneof"):
            text = _("%(name)s moved into another choice (oneof), or out of one.")
            self._note("field-oneof-changed", Level.BREAKING, path, text, name=name)
        if before.get("default") != after.get("default"):
            text = _("The default of %(name)s changed from %(before)s to %(after)s.")
            values = {
                "name": name,
                "before": before.get("default") or "–",
                "after": after.get("default") or "–",
            }
            self._note("field-default-changed", Level.BREAKING, path, text, **values)
        if before.get("json_name", old_name) != after.get("json_name", new_name) and (
            "json_name" in before or "json_name" in after
        ):
            text = _("The name of %(name)s in JSON changed.")
            self._note("field-json-name-changed", Level.BREAKING, path, text, name=name)
        self._deprecation(path, "", before, after, name)

    def _label(self, name: str, path: Path, old: Tree, new: Tree) -> None:
        before, after = old.get("label", ""), new.get("label", "")
        if before == after:
            return
        is_hard = {before, after} & {"repeated", "required"}
        text = _("%(name)s changed from %(before)s to %(after)s.")
        values: dict[str, Any] = {
            "name": name,
            "before": before or "singular",
            "after": after or "singular",
        }
        level = Level.BREAKING if is_hard else Level.RISKY
        self._note("field-label-changed", level, path, text, **values)

    def _reserved(self, name: str, path: Path, old: Tree, new: Tree) -> None:
        """A number or name that was reserved may be in use by old clients."""
        before, after = old.get("reserved", {}), new.get("reserved", {})
        lost = [one for one in before.get("names", []) if one not in after.get("names", [])]
        lost += [
            f"{first}–{last}" if last != first else str(first)
            for first, last in before.get("ranges", [])
            if not any(a <= first and last <= b for a, b in after.get("ranges", []))
        ]
        if lost:
            text = _("%(name)s no longer reserves %(names)s.")
            here = (*path, "reserved")
            names = ", ".join(lost)
            code, level = "reserved-removed", Level.BREAKING
            self._note(code, level, here, text, is_in_old=True, name=name, names=names)

    # Enums

    def enums(self, old: Tree, new: Tree) -> None:
        for name in dict.fromkeys([*new, *old]):
            path: Path = ("enums", name)
            if name not in old:
                text = _("The enum %(name)s was added.")
                self._note("enum-added", Effect.NONE, path, text, name=name)
            elif name not in new:
                text = _("The enum %(name)s was removed.")
                self._note("enum-removed", Level.BREAKING, path, text, is_in_old=True, name=name)
            elif old[name] != new[name]:
                self._values(name, path, old[name], new[name])
                self._reserved(name, path, old[name], new[name])

    def _values(self, name: str, path: Path, old: Tree, new: Tree) -> None:
        before = {one["number"]: value for value, one in old.get("values", {}).items()}
        after = {one["number"]: value for value, one in new.get("values", {}).items()}
        for number, value in after.items():
            here = (*path, "values", value)
            if number not in before:
                text = _("The value %(name)s was added.")
                self._note("enum-value-added", Effect.NONE, here, text, name=f"{name}.{value}")
            elif before[number] != value:
                text = _("The value %(before)s is called %(after)s now; its number is the same.")
                values: dict[str, Any] = {"before": before[number], "after": value}
                self._note("enum-value-renamed", Level.RISKY, here, text, **values)
        for number, value in before.items():
            if number not in after:
                is_reserved = _is_reserved(new, number, value)
                text = _("The value %(name)s was removed.")
                level = Level.RISKY if is_reserved else Level.BREAKING
                here = (*path, "values", value)
                name_of = f"{name}.{value}"
                self._note("enum-value-removed", level, here, text, is_in_old=True, name=name_of)


def _by_number(message: Tree) -> dict[int, tuple[str, Tree]]:
    return {value["number"]: (name, value) for name, value in message.get("fields", {}).items()}


def _type_of(field: Tree) -> str:
    return f"map<{field['key']}, {field['type']}>" if "key" in field else str(field["type"])


def _is_alike(old: Tree, new: Tree, enums: set[str]) -> bool:
    if "key" in old or "key" in new:
        return False
    before, after = ("int32" if f["type"] in enums else f["type"] for f in (old, new))
    return before == after or any({before, after} <= group for group in _ALIKE)


def _is_reserved(holder: Tree, number: int, name: str) -> bool:
    reserved = holder.get("reserved", {})
    is_number = any(first <= number <= last for first, last in reserved.get("ranges", []))
    return is_number and (name in reserved.get("names", []) or not reserved.get("names"))
