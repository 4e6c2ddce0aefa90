"""Protocol buffers, as source files and as a descriptor set."""

import pytest

from apim.catalog.descriptions import InvalidSpecification, Style, read_description
from tests.apim.catalog.descriptions.attempts import reads_or_refuses
from tests.apim.catalog.descriptions.descriptor_sets import Encoder, harbour
from tests.apim.catalog.descriptions.documents import PROTO, zipped


def read(text, filename="ships.proto"):
    return read_description(text.encode(), filename=filename)


def refusal(text):
    with pytest.raises(InvalidSpecification) as caught:
        read(text)
    return caught.value.problems


def test_methods_are_called_by_their_path():
    found = read(PROTO)
    assert (found.style, found.style_version) == (Style.GRPC, "proto3")
    assert (found.title, found.version) == ("Ships", "v1")
    assert found.description == "Tells of ships.\nAnd of berths."
    get, watch = found.operations
    assert get.key == "POST /harbour.v1.Ships/Get"
    assert (get.summary, get.is_deprecated, get.tags) == ("One ship.", True, ("Ships",))
    assert get.request_content_types == ("application/grpc",)
    assert watch.key == "POST /harbour.v1.Ships/Watch"


def test_services_messages_and_enums_are_told():
    data = read(PROTO).data
    methods = data["services"]["harbour.v1.Ships"]["methods"]
    assert methods["Get"]["http"] == "GET /v1/{name=ships/*}"
    assert methods["Watch"] == {
        "client_streaming": True,
        "server_streaming": True,
        "request": "harbour.v1.GetRequest",
        "response": "harbour.v1.Ship",
    }
    request = data["messages"]["harbour.v1.GetRequest"]
    assert request["fields"] == {
        "name": {"type": "string", "number": 1, "description": "its name"},
        "ids": {"type": "int32", "number": 2, "label": "repeated", "deprecated": True},
        "by_name": {"type": "harbour.v1.Ship", "key": "string", "number": 3},
        "port": {"type": "string", "number": 4, "oneof": "where"},
        "kind": {"type": "harbour.v1.Ship.Kind", "number": 5, "oneof": "where"},
        "limit": {"type": "int32", "number": 6, "label": "optional"},
    }
    assert request["reserved"] == {
        "ranges": [[7, 7], [9, 11], [20, 536870911]],
        "names": ["old"],
    }
    ship = data["messages"]["harbour.v1.Ship"]["fields"]
    assert ship["arrived_at"]["type"] == "google.protobuf.Timestamp"
    assert ship["hold"]["type"] == "harbour.v1.Ship.Hold"
    values = data["enums"]["harbour.v1.Ship.Kind"]["values"]
    assert values == {"UNKNOWN": {"number": 0}, "FERRY": {"number": 1, "deprecated": True}}


def test_proto2_and_its_groups_extensions_and_defaults_are_read():
    found = read(
        """
        syntax = 'proto2';
        option optimize_for = SPEED;
        message A {
          required int32 a = 1 [default = -3, json_name = "b"];
          repeated group Part = 2 { optional string c = 1; }
          extensions 100 to max;
          optional .A message = 4; optional string option = 5; repeated bool reserved = 6;
          extend A { optional int32 inner = 101; }
          oneof one { A enum = 7; }
        }
        extend A { optional string more = 100; }
        service S { rpc M(A) returns (A); ; }
        """
    )
    fields = found.data["messages"]["A"]["fields"]
    assert fields["a"] == {
        "label": "required",
        "type": "int32",
        "number": 1,
        "default": "-3",
        "json_name": "b",
    }
    assert fields["part"]["type"] == "A.Part"
    assert list(fields) == ["a", "part", "message", "option", "reserved", "enum"]


def test_files_of_an_archive_find_one_another():
    found = read_description(
        zipped(
            {
                "harbour/ships.proto": 'syntax = "proto3"; package a; import "harbour/berth.proto";'
                " service S { rpc Get(Berth) returns (b.Berth); }",
                "harbour/berth.proto": 'syntax = "proto3"; package b; message Berth {}',
                "harbour/own.proto": 'syntax = "proto3"; package a; message Berth {}',
            }
        )
    )
    method = found.data["services"]["a.S"]["methods"]["Get"]
    assert (method["request"], method["response"]) == ("a.Berth", "b.Berth")
    assert found.warnings == ()


def test_types_of_files_that_are_missing_are_named_and_warned_of():
    found = read('syntax="proto3"; import "b.proto"; service S { rpc M(B) returns (B); }')
    assert [("B" in w.message, "b.proto" in w.hint) for w in found.warnings] == [(True, True)]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('syntax = "proto3"; message A { B b = 1; }', 1, "“B” is not defined"),
        ("message A {}\nmessage A {}", 2, "defined twice"),
        ("message A { int32 a = 1;\n int32 a = 2; }", 2, "twice"),
        ("message A {\n int32 = 1; }", 2, "name"),
        ("message A { int32 a = x; }", 1, "whole number"),
        ("message A { int32 a = 0x; }", 1, "expected"),
        ("message A {", 1, "name"),
        ("service A { get B }", 1, "“rpc”"),
        ("service A { rpc M(A) return (A); }", 1, "“returns”"),
        ("service S { rpc M(A) returns (A);\n rpc M(A) returns (A); } message A {}", 2, "twice"),
        ("hello world", 1, "definition"),
        ("message A {} /* open", 1, "cannot stand here"),
        ("option a = { b: 1", 1, "“}”"),
    ],
)
def test_errors_name_their_line(text, line, words):
    problem = refusal(text)[0]
    assert words in problem.message
    assert problem.line == line


def test_a_descriptor_set_tells_the_same_as_its_source():
    source = read(PROTO)
    binary = read_description(harbour(), filename="ships.binpb")
    assert (binary.style, binary.format, binary.style_version) == (
        Style.GRPC,
        "descriptor",
        "proto3",
    )
    assert [o.key for o in binary.operations] == [o.key for o in source.operations]
    assert binary.data["services"] == source.data["services"]
    assert binary.data["messages"] == source.data["messages"]
    assert binary.data["enums"] == source.data["enums"]
    assert binary.description == source.description


def test_a_descriptor_set_is_known_without_its_name():
    assert read_description(harbour()).style is Style.GRPC


@pytest.mark.parametrize("cut", range(1, 300, 7))
def test_half_a_descriptor_set_is_refused_or_read_and_never_crashes(cut):
    assert reads_or_refuses(harbour()[:-cut], "a.pb")


def test_a_descriptor_set_that_nests_for_ever_is_refused():
    message = Encoder()
    for _level in range(300):
        message = Encoder().text(1, "A").message(3, message)
    file = Encoder().text(1, "a.proto").message(4, message)
    with pytest.raises(InvalidSpecification):
        read_description(Encoder().message(1, file).raw, filename="a.pb")
