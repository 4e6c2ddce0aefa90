"""What changed between two WSDL documents: services, operations, and the schemas of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect
from apim.catalog.diff.document import Document, Node, Sameness
from apim.catalog.diff.schemas import Frame, Scope, Walks
from apim.catalog.diff.subjects import Subject, add_found

if TYPE_CHECKING:
    from datetime import date

    from apim.catalog.diff.report import Report
    from apim.catalog.openapi.positions import Path

Tree = dict[str, Any]
_NONE = Direction.NONE


def compare_wsdl(old: Tree, new: Tree, report: Report, day: date) -> None:
    """Note every change between two trees (docs/descriptions.md)."""
    _Comparison(old, new, report, day).run()


class _Comparison:
    def __init__(self, old: Tree, new: Tree, report: Report, day: date) -> None:
        self._old, self._new = (Document(tree, has_siblings=True) for tree in (old, new))
        self._report = report
        self._port_of = _ports_of_types(self._old.root) | _ports_of_types(self._new.root)
        self._walks = Walks(self._old, self._new, Sameness(self._old, self._new), day)

    def run(self) -> None:
        before, after = self._old.root.value, self._new.root.value
        if before.get("target_namespace") != after.get("target_namespace"):
            text = _("The namespace changed from %(before)s to %(after)s.")
            values = {
                "before": before.get("target_namespace"),
                "after": after.get("target_namespace"),
            }
            self._note("namespace-changed", Effect.SWAPS, "", (), text % values)
        self._ports()
        self._bindings()
        self._port_types()

    def _note(
        self,
        code: str,
        effect: Effect,
        operation: str,
        path: Path,
        text: str,
        *,
        is_in_old: bool = False,
    ) -> None:
        self._report.add(f"wsdl-{code}", effect, _NONE, operation, path, text, is_in_old=is_in_old)

    def _name(self, node: Node) -> str:
        """As the catalog calls the operation: `soap <port>/<operation>`."""
        port_type, operation = str(node.path[1]), str(node.path[-1])
        port = self._port_of.get(port_type)
        return f"soap {port}/{operation}" if port else operation

    def _ports(self) -> None:
        old, new = (_ports(document.root) for document in (self._old, self._new))
        for name, node in new.items():
            if name not in old:
                text = _("The port %(name)s was added.") % {"name": name}
                self._note("port-added", Effect.NONE, "", node.path, text)
                continue
            for key, code, effect in (
                ("address", "port-address-changed", Effect.UNKNOWN),
                ("protocol", "port-protocol-changed", Effect.SWAPS),
            ):
                before, after = old[name].text(key), node.text(key)
                if before != after:
                    text = _("The port %(name)s changed from %(before)s to %(after)s.")
                    values = {"name": name, "before": before, "after": after}
                    self._note(code, effect, "", (*node.path, key), text % values)
        for name, node in old.items():
            if name not in new:
                text = _("The port %(name)s was removed.") % {"name": name}
                self._note("port-removed", Effect.SWAPS, "", node.path, text, is_in_old=True)

    def _bindings(self) -> None:
        old, new = (document.root.mapping("bindings") for document in (self._old, self._new))
        for name, node in new.items():
            if name not in old:
                continue
            if old[name].text("style") != node.text("style"):
                text = _("The style of the binding %(name)s changed.") % {"name": name}
                self._note("binding-style-changed", Effect.SWAPS, "", node.path, text)
            before, after = old[name].mapping("operations"), node.mapping("operations")
            for operation, told in after.items():
                if operation in before and before[operation].text("action") != told.text("action"):
                    values = {
                        "before": before[operation].text("action"),
                        "after": told.text("action"),
                    }
                    text = _("The SOAP action changed from %(before)s to %(after)s.") % values
                    self._note("action-changed", Effect.SWAPS, operation, told.path, text)

    def _port_types(self) -> None:
        old, new = (_operations(document.root) for document in (self._old, self._new))
        for name, node in new.items():
            if name not in old:
                text = _("The operation was added.")
                self._note("operation-added", Effect.NONE, self._name(node), node.path, text)
            else:
                self._operation(old[name], node)
        for name, node in old.items():
            if name not in new:
                text = _("The operation was removed.")
                operation = self._name(node)
                path = node.path
                self._note("operation-removed", Effect.SWAPS, operation, path, text, is_in_old=True)

    def _operation(self, old: Node, new: Node) -> None:
        for key, direction in (("input", Direction.REQUEST), ("output", Direction.RESPONSE)):
            before, after = old.text(key), new.text(key)
            if bool(before) != bool(after):
                text = _("The %(part)s of the operation came or went.") % {"part": key}
                self._note(f"{key}-changed", Effect.SWAPS, self._name(new), new.path, text)
            elif after:
                self._message(self._name(new), direction, before, after)
        before_faults, after_faults = old.mapping("faults"), new.mapping("faults")
        for name in dict.fromkeys([*after_faults, *before_faults]):
            if name not in before_faults:
                text = _("The fault %(name)s was added.") % {"name": name}
                self._note("fault-added", Effect.UNKNOWN, self._name(new), new.path, text)
            elif name not in after_faults:
                text = _("The fault %(name)s was removed.") % {"name": name}
                path = old.path
                self._note(
                    "fault-removed", Effect.NONE, self._name(new), path, text, is_in_old=True
                )
            else:
                messages = str(before_faults[name].value), str(after_faults[name].value)
                self._message(self._name(new), Direction.RESPONSE, *messages)

    def _message(self, operation: str, direction: Direction, old: str, new: str) -> None:
        before = self._old.root.mapping("messages", old, "parts")
        after = self._new.root.mapping("messages", new, "parts")
        for part in dict.fromkeys([*after, *before]):
            if part not in before:
                text = _("The part %(name)s was added to the message %(message)s.")
                values = {"name": part, "message": new}
                effect = Effect.NARROWS if direction is Direction.REQUEST else Effect.NONE
                path = after[part].path
                self._report.add(
                    "wsdl-part-added", effect, direction, operation, path, text % values
                )
            elif part not in after:
                text = _("The part %(name)s was removed from the message %(message)s.")
                values = {"name": part, "message": old}
                node = before[part]
                self._report.add(
                    "wsdl-part-removed",
                    Effect.SWAPS,
                    direction,
                    operation,
                    node.path,
                    text % values,
                    is_in_old=True,
                )
            else:
                title = _("Message %(name)s") % {"name": new}
                subject = Subject(operation=operation, direction=direction, title=title)
                # XML tells no number from its text, but the schema does, and validates.
                frame = Frame(direction, Scope.BODY, is_strong=True)
                found = self._walks.compare(before[part], after[part], frame)
                add_found(self._report, subject, found)


def _ports(root: Node) -> dict[str, Node]:
    return {
        f"{service}.{name}": node
        for service, one in root.mapping("services").items()
        for name, node in one.mapping("ports").items()
    }


def _operations(root: Node) -> dict[tuple[str, str], Node]:
    return {
        (port_type, name): node
        for port_type, one in root.mapping("port_types").items()
        for name, node in one.mapping("operations").items()
    }


def _ports_of_types(root: Node) -> dict[str, str]:
    """The first port through which the operations of each port type are called."""
    found: dict[str, str] = {}
    for service in root.mapping("services").values():
        for name, port in service.mapping("ports").items():
            binding = root.get("bindings", port.text("binding"))
            found.setdefault(binding.text("port_type"), name)
    return found
