"""Services, messages and enums of several files, put together: the tree of gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.tokens import Spots, Text
from apim.catalog.openapi.problems import Findings

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path

Tree = dict[str, Any]
SCALARS = frozenset({
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
    "fixed64", "sfixed32", "sfixed64", "bool", "string", "bytes",
})  # fmt: skip
# What every compiler brings along.
WELL_KNOWN = "google.protobuf."


class ProtoFiles:
    """Gathers definitions; `resolve` then gives every type its full name."""

    def __init__(self) -> None:
        self.files: Tree = {}
        self.spots = Spots()
        self.findings = Findings()
        self._made: dict[str, Tree] = {"services": {}, "messages": {}, "enums": {}}
        # Who names a type: the holder, the key in it, the scope it stands in, its path.
        self._uses: list[tuple[Tree, str, str, Path]] = []

    def define(self, group: str, full: str, made: Tree, text: Text, start: int) -> None:
        """Add a definition. Raises InvalidSpecification if the name is taken."""
        path = (group, full)
        for taken in self._made.values():
            if full in taken:
                text.refuse(
                    start,
                    _("“%(name)s” is defined twice.") % {"name": full},
                    _("Rename or remove one of the two."),
                )
        self._made[group][full] = made
        self.spots.put(path, text, start)

    def put_field(
        self, made: Tree, path: Path, name: str, one: Tree, scope: str, text: Text, start: int
    ) -> None:
        """Add a field to a message. Raises InvalidSpecification for a name in use."""
        fields = made.setdefault("fields", {})
        if name in fields:
            text.refuse(start, _("The field “%(name)s” stands here twice.") % {"name": name})
        fields[name] = one
        here = (*path, "fields", name)
        self.spots.put(here, text, start)
        self._uses.append((one, "type", scope, here))

    def put_method(
        self, service: Tree, full: str, name: str, made: Tree, scope: str, text: Text, start: int
    ) -> None:
        """Add a method to a service. Raises InvalidSpecification for a name in use."""
        if name in service["methods"]:
            text.refuse(start, _("The method “%(name)s” stands here twice.") % {"name": name})
        service["methods"][name] = made
        path = ("services", full, "methods", name)
        self.spots.put(path, text, start)
        self._uses += [(made, key, scope, path) for key in ("request", "response")]

    def resolve(self) -> Tree:
        """The whole tree. Types that no file defines are findings."""
        missing = sorted(
            {
                name
                for file in self.files.values()
                for name in file["imports"]
                if name not in self.files and not name.startswith("google/protobuf/")
            }
        )
        for holder, key, scope, path in self._uses:
            written = holder[key]
            if written in SCALARS and key == "type":
                continue
            found = self._find(written, scope)
            holder[key] = found or written.lstrip(".")
            if not found and not holder[key].startswith(WELL_KNOWN):
                self._complain(holder[key], path, missing)
        for group in self._made.values():
            for one in group.values():
                _drop_empty(one)
        first = next((one["file"] for one in self._made["services"].values()), "")
        package = self.files.get(first, {}).get("package", "")
        return {
            **({"package": package} if package else {}),
            "files": self.files,
            **self._made,
        }

    def _find(self, written: str, scope: str) -> str:
        """The full name, looked for from the innermost scope outwards."""
        messages, enums = self._made["messages"], self._made["enums"]
        if written.startswith("."):
            name = written[1:]
            return name if name in messages or name in enums else ""
        while True:
            name = f"{scope}.{written}" if scope else written
            if name in messages or name in enums:
                return name
            if not scope:
                return ""
            scope = scope.rpartition(".")[0]

    def _complain(self, name: str, path: Path, missing: list[str]) -> None:
        if missing:
            self.findings.warning(
                path,
                _("The type “%(name)s” is not in the upload; only its name is shown.")
                % {"name": name},
                _("It may be in %(files)s; upload all files together in a zip.")
                % {"files": ", ".join(missing[:5])},
            )
        else:
            self.findings.error(
                path,
                _("The type “%(name)s” is not defined.") % {"name": name},
                _("Define it, or import the file that does."),
            )


def _drop_empty(one: Tree) -> None:
    for key in [key for key, value in one.items() if value in ({}, [], "")]:
        if key not in {"methods", "values"}:
            del one[key]
