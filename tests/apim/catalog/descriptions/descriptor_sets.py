"""Writes descriptor sets, as protoc does, without protoc.

Field numbers: google/protobuf/descriptor.proto. Only what the harbour's file needs.
"""


class Encoder:
    """Protocol buffers' wire format."""

    def __init__(self):
        self.raw = b""

    def number(self, field, value):
        self.raw += varint(field << 3) + varint(value)
        return self

    def data(self, field, value):
        self.raw += varint(field << 3 | 2) + varint(len(value)) + value
        return self

    def text(self, field, value):
        return self.data(field, value.encode())

    def message(self, field, value):
        return self.data(field, value.raw)


def varint(value):
    out = b""
    value &= (1 << 64) - 1
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


INT32, STRING, MESSAGE, ENUM = 5, 9, 11, 14
OPTIONAL, REPEATED = 1, 3


def field(
    name,
    number,
    kind,
    *,
    type_name="",
    label=OPTIONAL,
    oneof=None,
    is_optional=False,
    deprecated=False,
):
    made = Encoder().text(1, name).number(3, number).number(4, label).number(5, kind)
    if type_name:
        made.text(6, type_name)
    if deprecated:
        made.message(8, Encoder().number(3, 1))
    if oneof is not None:
        made.number(9, oneof)
    if is_optional:
        made.number(17, 1)
    return made


def _range(first, end):
    return Encoder().number(1, first).number(2, end)


def harbour():
    """documents.PROTO, compiled with its comments."""
    entry = (
        Encoder()
        .text(1, "ByNameEntry")
        .message(2, field("key", 1, STRING))
        .message(2, field("value", 2, MESSAGE, type_name=".harbour.v1.Ship"))
        .message(7, Encoder().number(7, 1))
    )
    request = (
        Encoder()
        .text(1, "GetRequest")
        .message(2, field("name", 1, STRING))
        .message(2, field("ids", 2, INT32, label=REPEATED, deprecated=True))
        .message(
            2,
            field(
                "by_name",
                3,
                MESSAGE,
                type_name=".harbour.v1.GetRequest.ByNameEntry",
                label=REPEATED,
            ),
        )
        .message(2, field("port", 4, STRING, oneof=0))
        .message(2, field("kind", 5, ENUM, type_name=".harbour.v1.Ship.Kind", oneof=0))
        .message(2, field("limit", 6, INT32, oneof=1, is_optional=True))
        .message(3, entry)
        .message(8, Encoder().text(1, "where"))
        .message(8, Encoder().text(1, "_limit"))
        .message(9, _range(7, 8))
        .message(9, _range(9, 12))
        .message(9, _range(20, 536870912))
        .text(10, "old")
    )
    kind = (
        Encoder()
        .text(1, "Kind")
        .message(2, Encoder().text(1, "UNKNOWN").number(2, 0))
        .message(2, Encoder().text(1, "FERRY").number(2, 1).message(3, Encoder().number(1, 1)))
    )
    hold = (
        Encoder()
        .text(1, "Hold")
        .message(2, field("kind", 1, ENUM, type_name=".harbour.v1.Ship.Kind"))
    )
    ship = (
        Encoder()
        .text(1, "Ship")
        .message(2, field("kind", 1, ENUM, type_name=".harbour.v1.Ship.Kind"))
        .message(2, field("arrived_at", 2, MESSAGE, type_name=".google.protobuf.Timestamp"))
        .message(2, field("hold", 3, MESSAGE, type_name=".harbour.v1.Ship.Hold"))
        .message(3, hold)
        .message(4, kind)
    )
    rule = Encoder().text(2, "/v1/{name=ships/*}")
    get = (
        Encoder()
        .text(1, "Get")
        .text(2, ".harbour.v1.GetRequest")
        .text(3, ".harbour.v1.Ship")
        .message(4, Encoder().number(33, 1).message(72295728, rule))
    )
    watch = (
        Encoder()
        .text(1, "Watch")
        .text(2, ".harbour.v1.GetRequest")
        .text(3, ".harbour.v1.Ship")
        .number(5, 1)
        .number(6, 1)
    )
    comments = (
        Encoder()
        .message(1, _comment([6, 0], 3, " Tells of ships.\n And of berths.\n"))
        .message(1, _comment([6, 0, 2, 0], 3, " One ship.\n"))
        .message(1, _comment([4, 0, 2, 0], 4, " its name\n"))
    )
    file = (
        Encoder()
        .text(1, "ships.proto")
        .text(2, "harbour.v1")
        .text(3, "google/protobuf/timestamp.proto")
        .text(3, "google/api/annotations.proto")
        .message(4, request)
        .message(4, ship)
        .message(6, Encoder().text(1, "Ships").message(2, get).message(2, watch))
        .message(9, comments)
        .text(12, "proto3")
    )
    return Encoder().message(1, file).raw


def _comment(path, place, text):
    return Encoder().data(1, b"".join(varint(p) for p in path)).text(place, text)
