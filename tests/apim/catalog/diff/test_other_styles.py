"""GraphQL, AsyncAPI, gRPC, WSDL and prose: what came, went, or is of another type."""

import json
from pathlib import Path
from typing import Any

import pytest

from apim.catalog.descriptions import read_description
from apim.catalog.diff import diff
from tests.apim.catalog.diff.pairs import BREAKING, COMPATIBLE, RISKY, TODAY, codes

SPECS = Path(__file__).parents[5] / "shared" / "specs"


def compared(old: str, new: str, filename: str) -> tuple:
    first, second = (read_description(one.encode(), filename=filename) for one in (old, new))
    assert diff(first, first) == ()
    return diff(first, second, today=TODAY)


def changed(old: str, new: str, filename: str) -> list[tuple[str, str]]:
    return codes(compared(old, new, filename))


# GraphQL, after the cases of graphql-js (utilities/__tests__/findBreakingChanges, MIT)

QUERY = "type Query { pets(first: Int): [Pet!] } type Pet { name: String kind: Kind } enum Kind { CAT DOG }"


@pytest.mark.parametrize(
    ("old", "new", "code", "level"),
    [
        ("Pet { name: String kind", "Pet { kind", "field-removed", BREAKING),
        ("Pet { kind", "Pet { name: String kind", "field-added", COMPATIBLE),
        ("name: String", "name: String!", "field-type-changed", COMPATIBLE),
        ("name: String!", "name: String", "field-type-changed", BREAKING),
        ("name: String", "name: [String]", "field-type-changed", BREAKING),
        ("[Pet!]", "[Pet]", "field-type-changed", BREAKING),
        ("[Pet!]", "[Pet!]!", "field-type-changed", COMPATIBLE),
        ("first: Int", "first: Int!", "argument-type-changed", BREAKING),
        ("first: Int!", "first: Int", "argument-type-changed", COMPATIBLE),
        ("(first: Int)", "(first: Int, last: Int)", "optional-argument-added", RISKY),
        ("(first: Int)", "(first: Int, last: Int!)", "required-argument-added", BREAKING),
        ("(first: Int)", "(first: Int, last: Int! = 3)", "optional-argument-added", RISKY),
        ("(first: Int)", "", "argument-removed", BREAKING),
        ("first: Int", "first: Int = 3", "argument-default-changed", RISKY),
        ("CAT DOG", "CAT", "enum-value-removed", BREAKING),
        ("CAT DOG", "CAT COW DOG", "enum-value-added", RISKY),
        ("name: String", 'name: String @deprecated(reason: "x")', "deprecated", COMPATIBLE),
        ("name: String @deprecated", "name: String", "reactivated", COMPATIBLE),
    ],
)
def test_a_schema_of_graphql(old, new, code, level):
    base = QUERY
    if old not in base:  # the case starts from the other side
        base = base.replace(new, old)
        assert old in base
    found = changed(base, base.replace(old, new), "s.graphql")
    assert found == [(f"graphql-{code}", level)]


def test_types_members_interfaces_and_inputs_of_graphql():
    old = """
      type Query { u(f: Filter): U } union U = Cat | Dog interface Named { name: String }
      type Cat implements Named { name: String } type Dog { name: String } scalar Old
      input Filter { a: Int b: Int } type Shape { x: Int } directive @fast(n: Int) on FIELD | QUERY
    """
    new = """
      type Query { u(f: Filter): U } union U = Cat | Cow interface Named { name: String }
      type Cat { name: String } type Dog implements Named { name: String } type Cow { x: Int }
      input Filter { a: Int! c: Int d: Int! } input Shape { x: Int } directive @fast on FIELD
    """
    assert changed(old, new, "s.graphql") == [
        ("graphql-argument-removed", BREAKING),
        ("graphql-directive-location-removed", BREAKING),
        ("graphql-input-field-removed", BREAKING),
        ("graphql-input-field-type-changed", BREAKING),
        ("graphql-interface-added", RISKY),
        ("graphql-interface-removed", BREAKING),
        ("graphql-optional-input-field-added", RISKY),
        ("graphql-required-input-field-added", BREAKING),
        ("graphql-type-added", COMPATIBLE),
        ("graphql-type-kind-changed", BREAKING),
        ("graphql-type-removed", BREAKING),
        ("graphql-union-member-added", RISKY),
        ("graphql-union-member-removed", BREAKING),
    ]


def test_a_field_of_a_root_type_is_an_operation():
    (change,) = compared(QUERY, QUERY.replace("first: Int", "first: Int!"), "s.graphql")
    assert change.operation == "query pets"
    assert change.path == ("types", "Query", "fields", "pets", "arguments", "first")
    assert change.text == "The type of Query.pets(first:) changed from Int to Int!."


# gRPC

PROTO = """syntax = "proto3"; package pets.v1;
message Pet { string name = 1; int32 age = 2; Kind kind = 3; }
message Ask { string id = 1; }
enum Kind { KIND_UNKNOWN = 0; CAT = 1; DOG = 2; }
service Pets { rpc Get(Ask) returns (Pet); }
"""


@pytest.mark.parametrize(
    ("old", "new", "code", "level"),
    [
        ("int32 age = 2;", "", "field-removed", BREAKING),
        ("int32 age = 2;", 'reserved 2; reserved "age";', "field-removed", RISKY),
        ("int32 age = 2;", "int32 age = 2; string tag = 9;", "field-added", COMPATIBLE),
        ("int32 age", "int64 age", "field-type-changed", RISKY),
        ("int32 age", "string age", "field-type-changed", BREAKING),
        ("Kind kind = 3", "int32 kind = 3", "field-type-changed", RISKY),
        ("int32 age", "int32 years", "field-renamed", RISKY),
        ("int32 age", "repeated int32 age", "field-label-changed", BREAKING),
        ("int32 age", "optional int32 age", "field-label-changed", RISKY),
        ("int32 age = 2;", "oneof x { int32 age = 2; }", "field-oneof-changed", BREAKING),
        ("age = 2", "age = 2 [deprecated = true]", "deprecated", COMPATIBLE),
        ("DOG = 2;", "", "enum-value-removed", BREAKING),
        ("DOG = 2;", "reserved 2;", "enum-value-removed", RISKY),
        ("DOG = 2;", "DOG = 2; COW = 3;", "enum-value-added", COMPATIBLE),
        ("DOG = 2;", "HOUND = 2;", "enum-value-renamed", RISKY),
        ("Get(Ask)", "Get(Pet)", "request-type-changed", BREAKING),
        ("returns (Pet)", "returns (stream Pet)", "server-streaming-changed", BREAKING),
        ("rpc Get", "rpc Find(Ask) returns (Pet); rpc Get", "method-added", COMPATIBLE),
        ("message Ask", "message More {} message Ask", "message-added", COMPATIBLE),
    ],
)
def test_protocol_buffers(old, new, code, level):
    assert old in PROTO
    assert changed(PROTO, PROTO.replace(old, new), "p.proto") == [(f"grpc-{code}", level)]


def test_a_field_whose_number_changed_is_another_field():
    assert changed(PROTO, PROTO.replace("age = 2", "age = 4"), "p.proto") == [
        ("grpc-field-added", COMPATIBLE),
        ("grpc-field-removed", BREAKING),
    ]


def test_a_method_that_is_gone_and_a_number_that_is_no_longer_reserved_break():
    two = PROTO.replace("rpc Get", "rpc Find(Ask) returns (Pet); rpc Get")
    (change,) = compared(two, PROTO, "p.proto")
    assert (change.code, change.operation) == ("grpc-method-removed", "POST /pets.v1.Pets/Find")
    assert change.level == BREAKING
    kept = PROTO.replace("int32 age", "reserved 7 to 9; int32 age")
    assert changed(kept, PROTO, "p.proto") == [("grpc-reserved-removed", BREAKING)]


# AsyncAPI


def events(version: str = "3.0.0", action: str = "send", **parts: Any) -> str:
    message = {"name": "Lost", "payload": parts.pop("payload", {"type": "object"})}
    message |= parts.pop("message", {})
    messages = parts.pop("messages", {"Lost": message})
    channel = {"address": parts.pop("address", "pets/{id}"), "messages": messages}
    channel["parameters"] = parts.pop("parameters", {"id": {}})
    document = {
        "asyncapi": version,
        "info": {"title": "Pets", "version": "1"},
        "servers": {"main": {"host": "a.example", "protocol": "kafka"}},
        "channels": {"pets": channel},
        "operations": {"onPet": {"action": action, "channel": {"$ref": "#/channels/pets"}}},
    }
    return json.dumps(document | parts)


FULL = {"type": "object", "properties": {"p": {"type": "string"}}, "required": ["p"]}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"payload": FULL}, [("response-required-property-added", COMPATIBLE)]),
        ({"payload": FULL}, {}, [("response-required-property-removed", BREAKING)]),
        (
            {"action": "receive"},
            {"action": "receive", "payload": FULL},
            [("new-required-request-property", BREAKING)],
        ),
        (
            {},
            {"action": "receive"},
            [("asyncapi-operation-added", COMPATIBLE), ("asyncapi-operation-removed", BREAKING)],
        ),
        (
            {},
            {"address": "animals/{id}"},
            [("asyncapi-operation-added", COMPATIBLE), ("asyncapi-operation-removed", BREAKING)],
        ),
        (
            {"messages": {"A": {"payload": FULL}, "B": {"payload": FULL}}},
            {"messages": {"A": {"payload": FULL}, "C": {"payload": FULL}}},
            [("asyncapi-message-added", RISKY), ("asyncapi-message-removed", BREAKING)],
        ),
        (
            {"message": {"contentType": "application/json"}},
            {"message": {"contentType": "application/avro"}},
            [("asyncapi-message-content-type-changed", BREAKING)],
        ),
        (
            {},
            {"message": {"headers": FULL}},
            [
                ("response-body-type-specialized", COMPATIBLE),
                ("response-required-property-added", COMPATIBLE),
            ],
        ),
        (
            {"parameters": {"id": {"enum": ["a", "b"]}}},
            {"parameters": {"id": {"enum": ["a"]}}},
            [("response-parameter-enum-value-removed", COMPATIBLE)],
        ),
        (
            {},
            {"servers": {"main": {"host": "b.example", "protocol": "mqtt"}}},
            [("asyncapi-server-moved", RISKY), ("asyncapi-server-protocol-changed", BREAKING)],
        ),
    ],
)
def test_messages_that_the_api_sends_or_receives(old, new, expected):
    assert changed(events(**old), events(**new), "a.json") == expected


def test_version_2_of_asyncapi_says_from_the_clients_side_what_3_says_from_the_apis():
    message = {"name": "Lost", "payload": {"$ref": "#/components/schemas/Pet"}}
    channel = {"parameters": {"id": {"schema": {"type": "string"}}}}
    old = {
        "asyncapi": "2.6.0",
        "info": {"title": "Pets", "version": "1"},
        "servers": {"main": {"url": "a.example", "protocol": "kafka"}},
        "channels": {
            "pets/{id}": channel | {"subscribe": {"operationId": "onPet", "message": message}}
        },
        "components": {"schemas": {"Pet": FULL}},
    }
    (change,) = compared(json.dumps(old), events(), "a.json")
    assert (change.code, change.operation) == (
        "response-required-property-removed",
        "send pets/{id}",
    )
    assert change.is_in_old
    assert change.path == ("components", "schemas", "Pet", "properties", "p")
    assert change.text == "Message “Lost”, property “p”: was removed."


@pytest.mark.parametrize("name", ["asyncapi_streetlights_kafka.yml", "asyncapi_slack_rtm.yml"])
def test_real_documents_of_asyncapi(name):
    path = SPECS / name
    if not path.exists():
        pytest.skip("no real documents here")
    text = path.read_text()
    assert changed(text, text, name) == []
    narrower = text.replace("type: integer", "type: string").replace("type: number", "type: string")
    assert all(level for _code, level in changed(text, narrower, name))


# WSDL and prose

WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:pets"
  xmlns:t="urn:pets" xmlns:x="http://www.w3.org/2001/XMLSchema"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
  <types><x:schema targetNamespace="urn:pets">
    <x:element name="Ask"><x:complexType><x:sequence>
      <x:element name="id" type="x:string"/>
    </x:sequence></x:complexType></x:element>
    <x:element name="Pet"><x:complexType><x:sequence>
      <x:element name="name" type="x:string"/>
    </x:sequence></x:complexType></x:element>
  </x:schema></types>
  <message name="AskIn"><part name="body" element="t:Ask"/></message>
  <message name="PetOut"><part name="body" element="t:Pet"/></message>
  <portType name="Pets"><operation name="Get"><input message="t:AskIn"/><output message="t:PetOut"/></operation></portType>
  <binding name="PetsSoap" type="t:Pets"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Get"><soap:operation soapAction="urn:get"/><input><soap:body use="literal"/></input></operation>
  </binding>
  <service name="PetService"><port name="PetPort" binding="t:PetsSoap"><soap:address location="https://a.example/pets"/></port></service>
</definitions>"""
AGE = (
    '<x:element name="id" type="x:string"/>',
    '<x:element name="id" type="x:string"/><x:element name="age" type="x:int"/>',
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (*AGE, [("new-required-request-property", BREAKING)]),
        (
            '<x:element name="name" type="x:string"/>',
            '<x:element name="name" type="x:int"/>',
            [("response-property-type-changed", BREAKING)],
        ),
        ("a.example", "b.example", [("wsdl-port-address-changed", RISKY)]),
        ("urn:get", "urn:fetch", [("wsdl-action-changed", BREAKING)]),
        ('<output message="t:PetOut"/>', "", [("wsdl-output-changed", BREAKING)]),
    ],
)
def test_services_of_soap(old, new, expected):
    assert old in WSDL
    assert changed(WSDL, WSDL.replace(old, new), "p.wsdl") == expected


def test_an_operation_of_soap_is_named_as_the_catalog_names_it():
    description = read_description(WSDL.encode(), filename="p.wsdl")
    names = {operation.key for operation in description.operations}
    (change,) = compared(WSDL, WSDL.replace(*AGE), "p.wsdl")
    assert change.operation in names


def test_pages_are_compared_by_the_operations_that_they_list():
    page = "# Pets\n\n| Method | Path |\n| --- | --- |\n| GET | /pets |\n"
    more = page + "| POST | /pets |\n"
    assert changed(page, more, "p.md") == [
        ("endpoint-added", COMPATIBLE),
        ("prose-changed", COMPATIBLE),
    ]
    assert changed(more, page, "p.md") == [
        ("api-removed-without-deprecation", BREAKING),
        ("prose-changed", COMPATIBLE),
    ]


def test_another_style_is_another_api():
    first = read_description(b"# Pets\n\nAll about pets.", filename="p.md")
    second = read_description(QUERY.encode(), filename="s.graphql")
    assert codes(diff(first, second)) == [("style-changed", BREAKING)]
