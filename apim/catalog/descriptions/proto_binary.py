"""A FileDescriptorSet, as `protoc --descriptor_set_out` and `buf build` write it.

Sources: Protocol Buffers encoding (protobuf.dev) and descriptor.proto, whose field numbers stand
here. Own reader: a few fields of a few messages do not need protobuf's runtime.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NoReturn

from django.utils.translation import gettext as _

from apim.catalog.descriptions.tokens import MAX_TOKENS, Text
from apim.catalog.openapi.refusals import MAX_DEPTH, refuse_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.descriptions.proto_files import ProtoFiles

Tree = dict[str, Any]
_NOWHERE = Text("")
# FieldDescriptorProto.Type, from 1.
_TYPES = (
    "", "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string",
    "group", "message", "bytes", "uint32", "enum", "sfixed32", "sfixed64", "sint32", "sint64",
)  # fmt: skip
_LABELS = {1: "optional", 2: "required", 3: "repeated"}
# google.api.http, an extension of MethodOptions, and the fields of its HttpRule.
_HTTP = 72295728
_HTTP_METHODS = {2: "GET", 3: "PUT", 4: "POST", 5: "DELETE", 6: "PATCH"}
_LENGTH_DELIMITED = 2


def looks_like_descriptor_set(raw: bytes) -> bool:
    """Whether it begins with a file whose first field is a name ending in `.proto`."""
    if raw[:1] != b"\n":
        return False
    head = raw[1:300]
    return b".proto" in head and b"\n" in head[:8]


def read_descriptor_set(raw: bytes, files: ProtoFiles) -> None:
    """Add what all its files define. Raises InvalidSpecification."""
    try:
        for one in _Message(raw).all(1):
            _File(one, files).add()
    except (IndexError, UnicodeDecodeError, ValueError):
        _refuse()


def _refuse() -> NoReturn:
    refuse_at(
        1,
        1,
        _("This is not a complete FileDescriptorSet."),
        _("Write it with `protoc --include_imports --include_source_info --descriptor_set_out`."),
    )


class _Message:
    """The fields of an encoded message by number; the last value of one counts."""

    def __init__(self, raw: bytes, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise ValueError
        self._depth = depth
        self._fields: dict[int, list[int | bytes]] = defaultdict(list)
        for number, value in _fields(raw):
            self._fields[number].append(value)

    def all(self, number: int) -> list[_Message]:
        return [
            _Message(one, self._depth + 1)
            for one in self._fields.get(number, ())
            if isinstance(one, bytes)
        ]

    def one(self, number: int) -> _Message:
        return (self.all(number) or [_Message(b"")])[-1]

    def text(self, number: int) -> str:
        return (self.texts(number) or [""])[-1]

    def texts(self, number: int) -> list[str]:
        return [one.decode() for one in self._fields.get(number, ()) if isinstance(one, bytes)]

    def number(self, number: int, default: int = 0) -> int:
        """Signed, as int32 is encoded."""
        values = [one for one in self._fields.get(number, ()) if isinstance(one, int)]
        value = values[-1] if values else default
        return value - (1 << 64) if value >= 1 << 63 else value

    def has(self, number: int) -> bool:
        return number in self._fields

    def packed(self, number: int) -> tuple[int, ...]:
        """Repeated numbers, packed or not."""
        found: list[int] = []
        for one in self._fields.get(number, ()):
            if isinstance(one, int):
                found.append(one)
                continue
            at = 0
            while at < len(one):
                value, at = _varint(one, at)
                found.append(value)
        return tuple(found)


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    at, count = 0, 0
    while at < len(raw):
        count += 1
        if count > MAX_TOKENS:
            raise ValueError
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == 0:
            value, at = _varint(raw, at)
        else:
            if wire == _LENGTH_DELIMITED:
                length, at = _varint(raw, at)
            else:
                length = {1: 8, 5: 4}.get(wire, -1)
            if length < 0 or at + length > len(raw) or number == 0:
                raise ValueError
            value, at = raw[at : at + length], at + length
        yield number, value


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift >= 70:
            raise ValueError


class _File:
    def __init__(self, message: _Message, files: ProtoFiles) -> None:
        self._message = message
        self._files = files
        self._name = message.text(1)
        self._package = message.text(2)
        self._comments: dict[tuple[int, ...], str] = {}
        for location in message.one(9).all(1):
            comment = location.text(3) or location.text(4)
            if comment.strip():
                lines = (line.removeprefix(" ") for line in comment.strip("\n").splitlines())
                self._comments[location.packed(1)] = "\n".join(lines).strip()

    def add(self) -> None:
        message = self._message
        syntax = "editions" if message.has(14) else message.text(12) or "proto2"
        self._files.files[self._name] = {
            "syntax": syntax,
            "package": self._package,
            "imports": message.texts(3),
        }
        is_proto3 = syntax == "proto3"
        for index, one in enumerate(message.all(4)):
            self._add_message(one, self._package, (4, index), is_proto3=is_proto3)
        for index, one in enumerate(message.all(5)):
            self._add_enum(one, self._package, (5, index))
        for index, one in enumerate(message.all(6)):
            self._add_service(one, (6, index))

    def _described(
        self, place: tuple[int, ...], message: _Message, options: int, deprecated: int
    ) -> Tree:
        made: Tree = {}
        if place in self._comments:
            made["description"] = self._comments[place]
        if message.one(options).number(deprecated):
            made["deprecated"] = True
        return made

    def _add_message(
        self, one: _Message, scope: str, place: tuple[int, ...], *, is_proto3: bool
    ) -> None:
        full = _joined(scope, one.text(1))
        made = {"file": self._name, **self._described(place, one, 7, 3)}
        self._files.define("messages", full, made, _NOWHERE, 0)
        oneofs = [decl.text(1) for decl in one.all(8)]
        maps: dict[str, _Message] = {}
        for index, nested in enumerate(one.all(3)):
            if nested.one(7).number(7):
                maps["." + _joined(full, nested.text(1))] = nested
            else:
                self._add_message(nested, full, (*place, 3, index), is_proto3=is_proto3)
        for index, nested in enumerate(one.all(4)):
            self._add_enum(nested, full, (*place, 4, index))
        used: dict[str, None] = {}
        for index, field in enumerate(one.all(2)):
            told = self._field(field, maps, is_proto3=is_proto3)
            told.update(self._described((*place, 2, index), field, 8, 3))
            if field.has(9) and not field.number(17):
                told["oneof"] = oneofs[field.number(9)]
                told.pop("label", None)
                used[told["oneof"]] = None
            path = ("messages", full)
            self._files.put_field(made, path, field.text(1), told, full, _NOWHERE, 0)
        made.update(oneofs=list(used), reserved=_reserved(one, 9, 10, inclusive=0))

    def _field(self, field: _Message, maps: dict[str, _Message], *, is_proto3: bool) -> Tree:
        told: Tree = {"number": field.number(3)}
        label = _LABELS.get(field.number(4), "")
        if label != "optional" or field.number(17) or not is_proto3:
            told["label"] = label
        entry = maps.get(field.text(6))
        if entry is not None:
            key, value = entry.all(2)[:2]
            told.pop("label", None)
            told["key"], told["type"] = _type(key), _type(value)
        else:
            told["type"] = _type(field)
        if field.has(7):
            told["default"] = field.text(7)
        return told

    def _add_enum(self, one: _Message, scope: str, place: tuple[int, ...]) -> None:
        full = _joined(scope, one.text(1))
        made: Tree = {"file": self._name, **self._described(place, one, 3, 3), "values": {}}
        self._files.define("enums", full, made, _NOWHERE, 0)
        for index, value in enumerate(one.all(2)):
            told = self._described((*place, 2, index), value, 3, 1)
            made["values"][value.text(1)] = {"number": value.number(2), **told}
        made["reserved"] = _reserved(one, 4, 5, inclusive=1)

    def _add_service(self, one: _Message, place: tuple[int, ...]) -> None:
        full = _joined(self._package, one.text(1))
        made: Tree = {"file": self._name, **self._described(place, one, 3, 33), "methods": {}}
        self._files.define("services", full, made, _NOWHERE, 0)
        for index, method in enumerate(one.all(2)):
            told: Tree = {"request": method.text(2), "response": method.text(3)}
            for number, key in ((5, "client_streaming"), (6, "server_streaming")):
                if method.number(number):
                    told[key] = True
            told.update(self._described((*place, 2, index), method, 4, 33))
            rule = method.one(4).one(_HTTP)
            for number, verb in _HTTP_METHODS.items():
                if rule.has(number):
                    told["http"] = f"{verb} {rule.text(number)}"
            self._files.put_method(made, full, method.text(1), told, full, _NOWHERE, 0)


def _type(field: _Message) -> str:
    return field.text(6) or _TYPES[field.number(5)]


def _reserved(one: _Message, ranges: int, names: int, *, inclusive: int) -> Tree:
    """A message's ranges end before their end, an enum's with it."""
    made: Tree = {}
    found = [[r.number(1), r.number(2) - 1 + inclusive] for r in one.all(ranges)]
    if found:
        made["ranges"] = found
    if one.has(names):
        made["names"] = one.texts(names)
    return made


def _joined(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name
