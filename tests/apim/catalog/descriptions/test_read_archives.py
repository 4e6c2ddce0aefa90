"""Several files in a zip become one document whose references are internal."""

import json
import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from apim.catalog.descriptions import InvalidSpecification, Style, read_description
from apim.catalog.openapi import SpecFetchFailed
from tests.apim.catalog.descriptions.documents import ASYNCAPI_2, SWAGGER, zipped

ROOT = """\
openapi: 3.0.3
info: {title: Harbour, version: "1"}
paths:
  /ships: {$ref: paths/ships.yaml}
  /berths:
    get:
      parameters: [{$ref: "parts.yaml#/Limit"}]
      responses:
        "200": {$ref: "parts.yaml#/Berths"}
        "400": {description: Bad, content: {application/json: {schema: {$ref: schemas/problem.json}}}}
components:
  schemas:
    Ship: {$ref: schemas/ship.yaml}
    Own: {type: object, example: {$ref: nowhere.yaml}}
"""
FILES = {
    "openapi.yaml": ROOT,
    "paths/ships.yaml": """\
post:
  requestBody: {content: {application/json: {schema: {$ref: ../schemas/ship.yaml}}}}
  responses: {"200": {description: Fine, content: {application/json: {schema: {$ref: "../openapi.yaml#/components/schemas/Own"}}}}}
""",
    "parts.yaml": """\
Limit: {name: limit, in: query, schema: {$ref: "#/Count"}}
Count: {type: integer}
Berths: {description: Berths, content: {application/json: {schema: {type: array, items: {$ref: "schemas/ship.yaml#/properties/berth"}}}}}
""",
    "schemas/ship.yaml": """\
type: object
properties:
  berth: {type: object, properties: {ship: {$ref: ship.yaml}}}
  kinds: {oneOf: [{$ref: problem.json}], discriminator: {propertyName: a, mapping: {p: ./problem.json}}}
""",
    "schemas/problem.json": json.dumps({"type": "object", "properties": {"cause": {"$ref": "#"}}}),
}


def refusal(files):
    with pytest.raises(InvalidSpecification) as caught:
        read_description(zipped(files))
    return caught.value.problems


def references(value):
    if isinstance(value, dict):
        for key, below in value.items():
            if key == "$ref" and isinstance(below, str):
                yield below
            yield from references(below)
    elif isinstance(value, list):
        for below in value:
            yield from references(below)


def test_references_to_other_files_become_components():
    found = read_description(zipped(FILES))
    assert (found.style, found.media_type, found.format) == (
        Style.OPENAPI,
        "application/zip",
        "yaml",
    )
    assert [o.key for o in found.operations] == ["POST /ships", "GET /berths"]
    data = found.data
    post = data["paths"]["/ships"]["post"]
    ship = {"$ref": "#/components/schemas/Ship"}
    assert post["requestBody"]["content"]["application/json"]["schema"] == ship
    own = post["responses"]["200"]["content"]["application/json"]["schema"]
    assert own == {"$ref": "#/components/schemas/Own"}
    schemas = data["components"]["schemas"]
    assert schemas["Ship"]["properties"]["berth"]["properties"]["ship"] == ship
    assert schemas["problem"]["properties"]["cause"] == {"$ref": "#/components/schemas/problem"}
    assert schemas["Ship"]["properties"]["kinds"]["discriminator"]["mapping"] == {
        "p": "#/components/schemas/problem"
    }
    assert data["components"]["parameters"]["Limit"]["schema"] == {
        "$ref": "#/components/schemas/Count"
    }
    left = set(references(data)) - {"nowhere.yaml"}
    assert all(ref.startswith("#/") for ref in left)


def test_positions_name_the_file():
    positions = read_description(zipped(FILES)).positions
    assert positions.file(("components", "schemas", "Ship", "type")) == "schemas/ship.yaml"
    assert positions.find(("components", "schemas", "Ship", "properties", "kinds")) == (4, 3)
    assert positions.file(("paths", "/ships", "post")) == "paths/ships.yaml"
    assert positions.file(("info",)) == "openapi.yaml"


@pytest.mark.parametrize(
    ("name", "old", "new", "file", "line", "words"),
    [
        (
            "schemas/ship.yaml",
            "problem.json}]",
            "problems.json}]",
            "schemas/ship.yaml",
            4,
            "problems.json",
        ),
        (
            "schemas/ship.yaml",
            "ship.yaml}",
            "ship.yaml#/propertees}",
            "schemas/ship.yaml",
            3,
            "propertees",
        ),
        ("schemas/ship.yaml", "type: object\n", "type: objekt\n", "schemas/ship.yaml", 1, "objekt"),
        ("schemas/ship.yaml", "properties:", "properties: {", "schemas/ship.yaml", 4, "YAML"),
        ("openapi.yaml", "schemas/ship.yaml", "../ship.yaml", "openapi.yaml", 13, "../ship.yaml"),
        ("openapi.yaml", "schemas/ship.yaml", "/etc/passwd", "openapi.yaml", 13, "/etc/passwd"),
        ("openapi.yaml", "schemas/ship.yaml", "file:///etc/passwd", "openapi.yaml", 13, "file:///"),
        (
            "openapi.yaml",
            "schemas/ship.yaml",
            "https://example.com/a",
            "openapi.yaml",
            13,
            "example.com",
        ),
        ("paths/ships.yaml", "post:", "past:", "paths/ships.yaml", 1, "past"),
    ],
)
def test_errors_name_file_and_line(name, old, new, file, line, words):
    assert old in FILES[name]
    problem = refusal({**FILES, name: FILES[name].replace(old, new, 1)})[0]
    assert words in problem.message
    assert (problem.file, problem.line) == (file, line)


def test_openapi_2_and_asyncapi_may_be_in_several_files_too():
    files = {
        "swagger.yaml": SWAGGER.replace('{$ref: "#/definitions/Tide"}}', '{$ref: "tide.yaml"}}', 1),
        "tide.yaml": "type: object\nx-nullable: true",
    }
    found = read_description(zipped(files))
    assert found.data["components"]["schemas"]["tide"] == {"type": "object", "nullable": True}
    files = {
        "asyncapi.yaml": ASYNCAPI_2.replace("#/components/messages/Arrival", "arrival.yaml", 1),
        "arrival.yaml": "payload: {$ref: './ship.avsc'}",
        "ship.avsc": '{"type": "string"}',
    }
    found = read_description(zipped(files))
    assert found.data["components"]["messages"]["arrival"] == {
        "payload": {"$ref": "#/components/schemas/ship"}
    }


@pytest.mark.parametrize(
    ("files", "root"),
    [
        ({"a/openapi.yaml": ROOT, "openapi.yaml": FILES["parts.yaml"]}, "a/openapi.yaml"),
        ({"openapi.yaml": "openapi: 3.1.0", "other.yaml": "openapi: 3.1.0"}, "openapi.yaml"),
        ({"x/a.json": '{"openapi": "3.1.0"}', "README.md": "# A", "b.proto": ""}, "x/a.json"),
        ({"a.wsdl": '<import location="sub/b.wsdl"/>', "sub/b.wsdl": "<a/>"}, "a.wsdl"),
    ],
)
def test_the_root_is_the_only_file_that_can_be_it(files, root):
    problems = refusal(files)
    assert {problem.file for problem in problems} == {root}


def test_several_candidates_are_named():
    (problem,) = refusal({"one.yaml": "openapi: 3.1.0", "two.json": '{"asyncapi": "3.0.0"}'})
    assert "one.yaml, two.json" in problem.message
    (problem,) = refusal({"a.graphql": "type A {a: Int}", "b.proto": ""})
    assert "a.graphql, b.proto" in problem.message
    (problem,) = refusal({"a.txt": "nothing"})
    assert "None of the 1 files" in problem.message


def test_macos_leftovers_are_ignored():
    files = {**FILES, "__MACOSX/._openapi.yaml": "openapi: 1", ".DS_Store": "x"}
    assert read_description(zipped(files)).title == "Harbour"


# Documents at other addresses

REMOTE = ROOT.replace("schemas/ship.yaml", "https://schemas.example.com/v1/ship.yaml")


def test_documents_elsewhere_are_fetched_once_and_kept():
    asked = []

    def fetch(url):
        asked.append(url)
        return FILES["schemas/" + url.rpartition("/")[2]].encode()

    found = read_description(zipped({**FILES, "openapi.yaml": REMOTE}), fetch=fetch)
    assert sorted(asked) == [
        "https://schemas.example.com/v1/problem.json",
        "https://schemas.example.com/v1/ship.yaml",
    ]
    assert found.fetched["https://schemas.example.com/v1/ship.yaml"] == FILES["schemas/ship.yaml"]
    again = read_description(
        zipped({**FILES, "openapi.yaml": REMOTE}), fetch=lambda url: found.fetched[url].encode()
    )
    assert again.data == found.data


def test_one_file_may_refer_to_documents_elsewhere():
    raw = b"openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {/a: {get: {responses: {'200': {$ref: 'https://example.com/r.yaml'}}}}}"
    found = read_description(raw, fetch=lambda _url: b"description: Fetched")
    assert found.data["components"]["responses"]["r"] == {"description": "Fetched"}
    with pytest.raises(InvalidSpecification) as caught:
        read_description(raw)
    assert caught.value.problems[0].field == "paths./a.get.responses.200.$ref"


def test_a_document_that_cannot_be_fetched_is_named_with_the_reason():
    def fetch(_url):
        raise SpecFetchFailed("The address answered with status 404.")

    with pytest.raises(InvalidSpecification) as caught:
        read_description(zipped({**FILES, "openapi.yaml": REMOTE}), fetch=fetch)
    problem = caught.value.problems[0]
    assert "schemas.example.com" in problem.message
    assert "404" in problem.hint


SPECS = Path(settings.BASE_DIR).parent / "shared" / "specs"


@pytest.mark.skipif(not SPECS.is_dir(), reason="no folder of real documents")
def test_a_real_document_taken_apart_is_the_same_put_together():
    data = yaml.load((SPECS / "twilio_messaging_v1.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    names = set(data["components"]["schemas"])
    files = {
        f"schemas/{name}.json": json.dumps(schema).replace("#/components/schemas/", "./ref:")
        for name, schema in data["components"]["schemas"].items()
    }
    files = {
        name: re.sub(r'"\./ref:([^"/]+)"', r'"\1.json"', content) for name, content in files.items()
    }
    data["components"]["schemas"] = {name: {"$ref": f"schemas/{name}.json"} for name in names}
    files["openapi.json"] = json.dumps(data)
    bundled = read_description(zipped(files))
    whole = read_description((SPECS / "twilio_messaging_v1.yaml").read_bytes())
    assert bundled.data["components"]["schemas"] == whole.data["components"]["schemas"]
    assert bundled.operations == whole.operations
