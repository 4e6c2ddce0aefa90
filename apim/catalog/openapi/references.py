"""Following $ref inside one document. Nothing is ever fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path

# A longer chain of references serves nobody, and many of them would take for ever.
MAX_HOPS = 32
_SCHEMA_ID_KEYS = ("$id", "$anchor", "$dynamicAnchor", "$self")


@dataclass(frozen=True, slots=True)
class Target:
    value: Any
    path: Path


class External(LookupError):
    """The reference leaves the document."""


class Missing(LookupError):
    """Nothing stands where the reference points."""


class Circular(LookupError):
    """The reference leads back to itself without ever reaching a value."""


class References:
    def __init__(self, document: Any) -> None:
        self._document = document
        self._known: dict[str, Target] = {}
        self._names: dict[str, Target] | None = None

    def target(self, ref: str) -> Target:
        """What `ref` finally points to, through further references.

        Raises External, Missing or Circular.
        """
        if known := self._known.get(ref):
            return known
        seen = {ref}
        target = self._step(ref)
        while isinstance(target.value, dict) and isinstance(target.value.get("$ref"), str):
            following = target.value["$ref"]
            if following in seen or len(seen) > MAX_HOPS:
                raise Circular(following)
            seen.add(following)
            target = self._step(following)
        self._known[ref] = target
        return target

    def first(self, ref: str) -> Target:
        """What `ref` points to, which may be a reference itself. Raises External or Missing."""
        return self._step(ref)

    def follow(self, value: Any, path: Path) -> Target:
        """`value` itself or, if it is a reference that resolves, its target."""
        if isinstance(value, dict) and isinstance(value.get("$ref"), str):
            try:
                return self.target(value["$ref"])
            except LookupError:
                return Target({}, path)
        return Target(value, path)

    def _step(self, ref: str) -> Target:
        base, _, fragment = ref.partition("#")
        if base:
            if self._named().get(base) is None:
                raise External(ref)
            start = self._named()[base]
        else:
            start = Target(self._document, ())
        fragment = unquote(fragment)
        if not fragment:
            return start
        if not fragment.startswith("/"):
            named = self._named().get("#" + fragment)
            if named is None:
                raise Missing(ref)
            return named
        return _walk(start, fragment, ref)

    def _named(self) -> dict[str, Target]:
        """Parts that carry a name of their own: $id, $anchor (JSON Schema 2020-12), $self."""
        if self._names is None:
            self._names = {}
            pending: list[Target] = [Target(self._document, ())]
            while pending:
                part = pending.pop()
                value = part.value
                if isinstance(value, dict):
                    for key in _SCHEMA_ID_KEYS:
                        name = value.get(key)
                        if isinstance(name, str):
                            self._names.setdefault(("#" if "nchor" in key else "") + name, part)
                    pending.extend(Target(v, (*part.path, k)) for k, v in value.items())
                elif isinstance(value, list):
                    pending.extend(Target(v, (*part.path, i)) for i, v in enumerate(value))
        return self._names


def _walk(start: Target, fragment: str, ref: str) -> Target:
    value, path = start.value, start.path
    for raw in fragment[1:].split("/"):
        token = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and token in value:
            value, path = value[token], (*path, token)
        elif isinstance(value, list) and _is_index(token, len(value)):
            value, path = value[int(token)], (*path, int(token))
        else:
            raise Missing(ref)
    return Target(value, path)


def _is_index(token: str, length: int) -> bool:
    return token.isascii() and token.isdigit() and len(token) < 8 and int(token) < length
