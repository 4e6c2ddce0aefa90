"""WSDL 1.1: services and their operations, and XML Schema as JSON Schema."""

import pytest

from apim.catalog.descriptions import InvalidSpecification, Style, read_description
from tests.apim.catalog.descriptions.documents import WSDL, zipped


def read(text=WSDL):
    return read_description(text.encode())


def refusal(text):
    with pytest.raises(InvalidSpecification) as caught:
        read(text)
    return caught.value.problems


def test_addresses_are_calls_and_operations_are_told():
    found = read()
    assert (found.style, found.style_version) == (Style.WSDL, "1.1")
    assert (found.title, found.description) == ("Harbour", "Ships and berths.")
    assert [s.url for s in found.servers] == ["https://soap.example.com"]
    assert [o.key for o in found.operations] == [
        "GET /harbour.asmx/GetShip",
        "POST /harbour.asmx",
        "soap HarbourSoap/GetShip",
    ]
    told = found.operations[2]
    assert (told.summary, told.tags) == ("Finds a ship by its name.", ("Harbour",))
    assert told.request_content_types == ("text/xml",)


def test_services_bindings_and_messages_are_told():
    data = read().data
    assert data["target_namespace"] == "urn:harbour"
    assert data["services"]["Harbour"]["ports"]["HarbourSoap12"] == {
        "binding": "Soap12",
        "address": "https://soap.example.com/harbour.asmx",
        "protocol": "SOAP 1.2",
    }
    assert data["bindings"]["Soap"]["operations"] == {"GetShip": {"action": "urn:harbour/GetShip"}}
    assert data["port_types"]["Ships"]["operations"]["GetShip"] == {
        "description": "Finds a ship by its name. Slow.",
        "input": "GetShipIn",
        "output": "GetShipOut",
        "faults": {"lost": "GetShipOut"},
    }
    assert data["messages"]["GetShipIn"]["parts"] == {"body": {"$ref": "#/schemas/GetShip"}}


def test_xml_schema_becomes_json_schema():
    schemas = read().data["schemas"]
    assert schemas["GetShip"] == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "day": {"type": "string", "format": "date"}},
        "required": ["name"],
    }
    assert schemas["GetShipResponse"] == {"anyOf": [{"$ref": "#/schemas/Ship"}, {"type": "null"}]}
    assert schemas["Kind"] == {"type": "string", "enum": ["cargo", "ferry"]}
    ship = schemas["Ship"]
    assert ship["description"] == "A ship."
    assert ship["allOf"][0] == {"$ref": "#/schemas/Named"}
    own = ship["allOf"][1]
    assert own["required"] == ["kind", "@id"]
    assert own["properties"]["kind"] == {"type": "array", "items": {"$ref": "#/schemas/Kind"}}
    assert own["properties"]["next"] == {"$ref": "#/schemas/Ship"}
    assert own["properties"]["berth"] == {"type": "integer", "format": "int32"}
    assert own["properties"]["@id"] == {"type": "integer", "minimum": 1}


def test_positions_lead_to_lines():
    found = read()
    line, _column = found.positions.find(("schemas", "Kind"))
    assert 'simpleType name="Kind"' in WSDL.splitlines()[line - 1]
    line, _column = found.positions.find(("port_types", "Ships", "operations", "GetShip", "input"))
    assert 'portType name="Ships"' in WSDL.splitlines()[line - 1]


def test_imports_inside_the_archive_are_followed():
    schema = WSDL[WSDL.index("    <xs:schema") : WSDL.index("  </w:types>")]
    outside = schema.replace(
        "<xs:schema ",
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:harbour" ',
    ).strip()
    root = WSDL.replace(
        schema,
        '<xs:schema><xs:import namespace="urn:harbour" schemaLocation="../xsd/harbour.xsd"/></xs:schema>',
    )
    found = read_description(zipped({"wsdl/harbour.wsdl": root, "xsd/harbour.xsd": outside}))
    assert found.data["schemas"] == read().data["schemas"]
    assert found.warnings == ()
    alone = read(root)
    assert "harbour.xsd" in alone.warnings[0].message
    assert alone.data["messages"]["GetShipIn"]["parts"] == {"body": {"title": "GetShip"}}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("<a>\n<b></a>", 2, "mismatched tag"),
        ("<?xml version='1.0'?>\n<html/>", 2, "root is <html>"),
        ('<description xmlns="http://www.w3.org/ns/wsdl"/>', 1, "WSDL 2.0"),
        ('<schema xmlns="http://www.w3.org/2001/XMLSchema"/>', 1, "XML Schema without a service"),
        ('<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>', 1, "nothing to call"),
        ("<?xml version='1.0' encoding='klingon'?>\n<a/>", 1, "encoding"),
        ("<!DOCTYPE a>\n<a/>", 1, "document type"),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'>\n<a/>", 1, "document type"),
        ("<!DOCTYPE html><html></html>", 1, "web page"),
    ],
)
def test_errors_name_their_line(text, line, words):
    problem = refusal(text)[0]
    assert words in problem.message
    assert problem.line == line


def test_a_group_that_holds_itself_ends():
    found = read(
        WSDL.replace(
            "      <xs:simpleType",
            '      <xs:group name="G"><xs:sequence><xs:element name="a" type="xs:int"/><xs:group ref="t:G"/>'
            '</xs:sequence></xs:group><xs:complexType name="H"><xs:group ref="t:G"/></xs:complexType>'
            "<xs:simpleType",
            1,
        )
    )
    assert list(found.data["schemas"]["H"]["properties"]) == ["a"]
