"""Several files of JSON or YAML as one document, all of whose references are internal.

What a reference to another file leads to becomes a component of the root document where its style
has components of that kind, and stands in the reference's place where it has not. Cycles stay what
they are: references.
"""

from __future__ import annotations

import posixpath
import re
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from django.utils.translation import gettext as _

from apim.catalog.descriptions.origins import BundledPositions
from apim.catalog.descriptions.upload import CannotBeHad
from apim.catalog.openapi.load import Loaded
from apim.catalog.openapi.problems import Findings, InvalidSpecification
from apim.catalog.openapi.references import Missing, References

if TYPE_CHECKING:
    from apim.catalog.descriptions.upload import Upload
    from apim.catalog.openapi.positions import Path, Positions

# Files that contain one another's content, one within the next.
_MAX_INLINED = 32
_SCHEMA = "schemas"
_SCHEMA_KEYS = {
    "schema", "items", "additionalProperties", "additionalItems", "not", "if", "then", "else",
    "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties", "payload",
    "itemSchema", "contentSchema",
}  # fmt: skip
_SCHEMA_HOLDERS = {
    "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas",
    "allOf", "anyOf", "oneOf", "prefixItems", "mapping",
}  # fmt: skip
_HOLDERS = {
    "parameters", "responses", "headers", "examples", "links", "callbacks", "securitySchemes",
    "requestBodies", "messages",
}  # fmt: skip
_KEYS = {"requestBody": "requestBodies", "message": "messages", "channel": "channels"}
_SECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "openapi": {
        **{kind: ("components", kind) for kind in (_SCHEMA, *_HOLDERS - {"messages"})},
    },
    "swagger": {
        _SCHEMA: ("definitions",), "parameters": ("parameters",), "responses": ("responses",),
    },
    "asyncapi": {
        kind: ("components", kind) for kind in (_SCHEMA, "messages", "parameters", "channels")
    },
}  # fmt: skip
# Values of these are anybody's; names in those are nobody's keywords.
_OPAQUE = {"example", "examples", "default", "const", "enum"}
_NAMES = {
    "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas",
    "responses", "parameters", "headers", "paths", "channels", "messages", "operations",
    "requestBodies", "securitySchemes", "callbacks", "links", "servers",
}  # fmt: skip
_LEAVES = re.compile(r"\$ref[\"']?\s*:\s*[\"']?[^\s\"'#]")


def refers_elsewhere(text: str) -> bool:
    """Whether the text may hold a reference to another document."""
    return _LEAVES.search(text) is not None


def bundle(upload: Upload, loaded: Loaded, style: str) -> Loaded:
    """`style` is the key with which the root begins: openapi, swagger or asyncapi.

    Raises InvalidSpecification naming each reference that leads nowhere.
    """
    bundling = _Bundling(upload, loaded, style)
    bundling.run()
    return Loaded(loaded.data, bundling.positions(), loaded.format)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A value of the bundled document: in which file it stood, and where it stands now."""

    file: str
    value: Any
    path: Path
    holds_names: bool = False
    inlined: int = 0


class _Bundling:
    def __init__(self, upload: Upload, loaded: Loaded, style: str) -> None:
        self._upload = upload
        self._loaded = loaded
        self._style = style
        self._sections = _SECTIONS[style]
        self._root = upload.root
        self._references = {self._root: References(loaded.data)}
        self._parts: dict[Path, tuple[str, Positions, Path]] = {}
        # Where the targets of references stand now: by file and fragment.
        self._placed: dict[tuple[str, str], Path] = {}
        self._seen: set[int] = set()
        self._findings = Findings()
        self._pending: list[_Visit] = []

    def run(self) -> None:
        self._place_components_that_are_files()
        # Last: what was taken from files must not be walked as if it had stood in the root.
        self._pending.insert(0, _Visit(self._root, self._loaded.data, ()))
        while self._pending:
            self._visit(self._pending.pop())
        if problems := self._findings.problems(self.positions()):
            raise InvalidSpecification(problems)

    def positions(self) -> BundledPositions:
        name = self._root if self._upload.is_archive else ""
        return BundledPositions(name, self._loaded.positions, self._parts)

    def _place_components_that_are_files(self) -> None:
        """`Pet: {$ref: pet.yaml}` among the components: that is where the file's content goes."""
        for section in self._sections.values():
            members: Any = self._loaded.data
            for key in section:
                members = members.get(key) if isinstance(members, dict) else None
            for name, one in members.items() if isinstance(members, dict) else ():
                ref = one.get("$ref") if isinstance(one, dict) else None
                if not isinstance(ref, str) or self._stays(self._root, ref):
                    continue
                path = (*section, name)
                try:
                    file, fragment = self._target(self._root, ref)
                    if file == self._root or (file, fragment) in self._placed:
                        continue
                    members[name] = self._take(file, fragment, path)
                except (LookupError, InvalidSpecification) as error:
                    self._complain(error, ref, (*path, "$ref"))

    def _visit(self, visit: _Visit) -> None:
        value, path = visit.value, visit.path
        if isinstance(value, list):
            for index, below in enumerate(value):
                if isinstance(below, dict | list):
                    here = (*path, index)
                    self._pending.append(_Visit(visit.file, below, here, inlined=visit.inlined))
            return
        if not isinstance(value, dict) or id(value) in self._seen:
            return
        self._seen.add(id(value))
        if not visit.holds_names and isinstance(value.get("$ref"), str):
            visit = self._follow(visit)
            value = visit.value
        if not visit.holds_names and isinstance(value.get("discriminator"), dict):
            self._mapping(visit)
        for key, below in value.items():
            if isinstance(below, dict | list) and not self._is_opaque(visit, key, below):
                holds_names = not visit.holds_names and key in _NAMES and isinstance(below, dict)
                self._pending.append(
                    _Visit(visit.file, below, (*path, key), holds_names, visit.inlined)
                )

    def _is_opaque(self, visit: _Visit, key: str, below: Any) -> bool:
        """Whether what is below is anybody's data, in which nothing is a reference."""
        if visit.holds_names or not (key in _OPAQUE or key.startswith("x-")):
            return False
        return key != "examples" or not self._is_example_map(below)

    def _is_example_map(self, value: Any) -> bool:
        """OpenAPI's examples may be references, unlike those of JSON Schema."""
        return isinstance(value, dict) and any(
            isinstance(one, dict) and isinstance(one.get("$ref"), str) for one in value.values()
        )

    def _follow(self, visit: _Visit) -> _Visit:
        """Make the reference an internal one, or put what it leads to in its place."""
        value, path = visit.value, visit.path
        ref = value["$ref"]
        if self._stays(visit.file, ref):
            return visit
        try:
            file, fragment = self._target(visit.file, ref)
            if file == self._root:
                value["$ref"] = "#" + fragment
            elif (section := self._section(path)) is not None:
                place = self._placed.get((file, fragment))
                if place is None:
                    place = self._new_component(section, file, fragment)
                value["$ref"] = pointer(place)
            else:
                return self._inline(visit, file, fragment)
        except (LookupError, InvalidSpecification) as error:
            self._complain(error, ref, (*path, "$ref"))
        return visit

    def _stays(self, file: str, ref: str) -> bool:
        """Whether the reference is within the root, or leaves an upload that is one file.

        The checks of the style complain of the latter.
        """
        if file == self._root and ref.startswith("#"):
            return True
        return not self._upload.may_refer_elsewhere and "://" not in ref and "://" not in file

    def _target(self, file: str, ref: str) -> tuple[str, str]:
        return self._upload.address(file, ref), unquote(ref.partition("#")[2])

    def _section(self, path: Path) -> tuple[str, ...] | None:
        """Of the components of the root, the kind that stands at `path`; None if there is none."""
        last = path[-1] if path else ""
        holder = path[-2] if len(path) > 1 else ""
        kind = ""
        if path[-3:-1] == ("message", "oneOf"):  # of AsyncAPI 2
            kind = "messages"
        elif holder in _SCHEMA_HOLDERS:
            kind = _SCHEMA
        elif holder in _HOLDERS:
            kind = str(holder)
        elif last in _SCHEMA_KEYS or (last == "headers" and self._style == "asyncapi"):
            kind = _SCHEMA
        elif last in _KEYS:
            kind = _KEYS[str(last)]
        return self._sections.get(kind)

    def _new_component(self, section: tuple[str, ...], file: str, fragment: str) -> Path:
        members: Any = self._loaded.data
        for key in section:
            below = members.setdefault(key, {})
            if not isinstance(below, dict):
                raise Missing(key)
            members = below
        wanted = fragment.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        stem = posixpath.basename(file.partition("?")[0]).partition(".")[0]
        base = re.sub(r"[^A-Za-z0-9._-]+", "_", wanted or stem) or "part"
        name, number = base, 2
        while name in members:
            name, number = f"{base}_{number}", number + 1
        path = (*section, name)
        members[name] = None  # taken, while what it holds may refer back to it
        try:
            members[name] = self._take(file, fragment, path)
        except (LookupError, InvalidSpecification):
            del members[name]
            raise
        return path

    def _take(self, file: str, fragment: str, path: Path) -> Any:
        """What stands there, which from now on stands at `path`."""
        value, inner = self._find(file, fragment)
        self._placed[file, fragment] = path
        self._parts[path] = (file, self._upload.loaded(file).positions, inner)
        self._pending.append(_Visit(file, value, path))
        return value

    def _find(self, file: str, fragment: str) -> tuple[Any, Path]:
        """Without following it further, should it be a reference itself."""
        references = self._references.get(file)
        if references is None:
            references = self._references[file] = References(self._upload.loaded(file).data)
        target = references.first("#" + quote(fragment, safe="/~$") if fragment else "#")
        return target.value, target.path

    def _inline(self, visit: _Visit, file: str, fragment: str) -> _Visit:
        if visit.inlined >= _MAX_INLINED:
            raise CannotBeHad(_("It leads in a circle."))
        found, inner = self._find(file, fragment)
        if not isinstance(found, dict):
            raise CannotBeHad(_("What stands there is no mapping."))
        self._upload.count(_size(found))
        copied = deepcopy(found)
        value = visit.value
        kept = {key: below for key, below in value.items() if key != "$ref"}
        value.clear()
        value.update({**copied, **kept})
        self._parts[visit.path] = (file, self._upload.loaded(file).positions, inner)
        inlined = _Visit(file, value, visit.path, inlined=visit.inlined + 1)
        return self._follow(inlined) if isinstance(value.get("$ref"), str) else inlined

    def _mapping(self, visit: _Visit) -> None:
        """A discriminator's values may be references too, or plain names."""
        mapping = visit.value["discriminator"].get("mapping")
        for name, ref in list(mapping.items()) if isinstance(mapping, dict) else ():
            if not isinstance(ref, str) or not re.search(r"[#/.]", ref):
                continue
            holder = {"$ref": ref}
            path = (*visit.path, "discriminator", "mapping", name)
            self._follow(_Visit(visit.file, holder, path))
            mapping[name] = holder["$ref"]

    def _complain(self, error: Exception, ref: str, path: Path) -> None:
        if isinstance(error, InvalidSpecification):
            raise error
        self._findings.error(
            path,
            _("$ref points to nothing: %(ref)s") % {"ref": ref[:300]},
            str(error) if isinstance(error, CannotBeHad) else "",
        )


def pointer(path: Path) -> str:
    """As a reference within the document."""
    tokens = (str(t).replace("~", "~0").replace("/", "~1") for t in path)
    return "#/" + "/".join(quote(token, safe="~ ()[]{},:;@!$&'*+=<>|") for token in tokens)


def _size(value: Any) -> int:
    count, pending = 0, [value]
    while pending:
        one = pending.pop()
        count += 1
        if isinstance(one, dict):
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)
    return count
