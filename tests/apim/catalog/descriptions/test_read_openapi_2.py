"""OpenAPI 2.0 is read as OpenAPI 3.0, and says where each part stood."""

import pytest
import yaml

from apim.catalog.descriptions import InvalidSpecification, Style, read_description
from tests.apim.catalog.descriptions.attempts import reads_or_refuses
from tests.apim.catalog.descriptions.documents import SWAGGER


def read(text=SWAGGER):
    return read_description(text.encode())


def spoiled(old, new):
    assert old in SWAGGER
    with pytest.raises(InvalidSpecification) as caught:
        read(SWAGGER.replace(old, new))
    return caught.value.problems


def test_it_becomes_a_description_with_operations():
    found = read()
    assert (found.style, found.style_version, found.format) == (Style.OPENAPI, "2.0", "yaml")
    assert (found.title, found.version) == ("Tides", "1.2.0")
    assert [s.url for s in found.servers] == [
        "https://api.example.com/v1",
        "http://api.example.com/v1",
    ]
    assert [o.key for o in found.operations] == [
        "GET /tides/{port}",
        "PUT /tides/{port}",
        "POST /tides/{port}",
    ]
    assert found.operations[0].is_deprecated
    assert found.operations[1].request_content_types == ("application/json", "application/xml")
    assert found.data["openapi"] == "3.0.3"
    assert found.uploaded == yaml.safe_load(
        SWAGGER.replace("200:", "'200':").replace("410:", "'410':").replace("204:", "'204':")
    )


def test_parameters_get_schemas_and_styles():
    item = read().data["paths"]["/tides/{port}"]
    assert item["parameters"] == [
        {
            "name": "port",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "maxLength": 5},
        }
    ]
    day, kinds, ids, odd, parts = item["get"]["parameters"]
    assert day == {"$ref": "#/components/parameters/Day"}
    assert (kinds["style"], kinds["explode"]) == ("pipeDelimited", False)
    assert (ids["style"], ids["explode"]) == ("form", True)
    assert (odd["style"], odd["explode"]) == ("form", False)
    assert (parts["style"], parts["explode"], parts["example"]) == ("simple", False, "a")
    assert kinds["schema"] == {"type": "array", "items": {"type": "string"}}


def test_what_cannot_be_said_is_a_warning_at_its_line():
    (warning,) = read().warnings
    assert "tsv" in warning.message
    assert "tsv" in SWAGGER.splitlines()[warning.line - 1]


def test_bodies_and_form_fields_become_request_bodies():
    item = read().data["paths"]["/tides/{port}"]
    assert item["put"]["requestBody"] == {
        "required": True,
        "content": {
            name: {"schema": {"$ref": "#/components/schemas/Tide"}}
            for name in ("application/json", "application/xml")
        },
    }
    form = item["post"]["requestBody"]["content"]["multipart/form-data"]
    assert form["schema"]["properties"]["chart"] == {
        "type": "string",
        "format": "binary",
        "description": "A picture",
    }
    assert form["schema"]["required"] == ["chart"]
    assert form["encoding"] == {"labels": {"style": "form", "explode": True}}
    assert item["post"]["servers"] == [{"url": "https://api.example.com/v1"}]


def test_responses_get_content_headers_and_examples():
    data = read().data
    item = data["paths"]["/tides/{port}"]
    found = item["get"]["responses"]["200"]
    assert found["headers"]["X-Left"] == {
        "schema": {"type": "integer"},
        "description": "Calls left",
    }
    media = found["content"]["application/json"]
    assert media["schema"]["items"] == {"$ref": "#/components/schemas/Tide"}
    assert media["example"] == [{"height": 1.5}]
    assert item["get"]["responses"]["410"] == {"$ref": "#/components/responses/Gone"}
    chart = item["post"]["responses"]["200"]["content"]
    assert chart == {"image/png": {"schema": {"type": "string", "format": "binary"}}}
    gone = data["components"]["responses"]["Gone"]["content"]["application/json"]
    assert gone == {"schema": {"$ref": "#/components/schemas/Problem"}}


def test_definitions_and_security_become_components():
    components = read().data["components"]
    tide = components["schemas"]["Tide"]
    assert tide["discriminator"] == {"propertyName": "kind"}
    assert tide["properties"]["height"] == {"type": "number", "nullable": True}
    assert tide["properties"]["next"] == {"$ref": "#/components/schemas/Tide"}
    assert components["requestBodies"]["Tide"]["required"] is True
    schemes = components["securitySchemes"]
    assert schemes["plain"] == {"type": "http", "scheme": "basic", "description": "A password"}
    assert schemes["key"] == {"type": "apiKey", "name": "X-Key", "in": "header"}
    assert schemes["grant"]["flows"]["authorizationCode"]["scopes"] == {"read": "Read tides"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('items: {$ref: "#/definitions/Tide"}', 'items: {$ref: "#/definitions/Tade"}', "Tade"),
        ("      kind: {type: string}", "      kind: {type: strong}", "strong"),
        (
            "{name: chart, in: formData, type: file",
            "{name: chart, in: formData, type: fail",
            "fail",
        ),
        ("tide, in: body, required: true", "tide, in: body, required: [yes]", "true or false"),
        ("tags: [Tides]", "tags: Tides", "list"),
    ],
)
def test_an_error_is_named_at_the_uploaded_line(old, new, words):
    problem = spoiled(old, new)[0]
    assert words in problem.message
    changed = SWAGGER.replace(old, new).splitlines()
    assert new.strip().splitlines()[0][:30] in changed[problem.line - 1]


@pytest.mark.parametrize("version", ["2.0", "'2.0'"])
def test_the_version_may_stand_without_quotes(version):
    assert read(SWAGGER.replace('"2.0"', version)).style_version == "2.0"


def test_other_versions_are_refused_by_name():
    (problem,) = spoiled('swagger: "2.0"', 'swagger: "1.2"')
    assert "Swagger 1.2" in problem.message


@pytest.mark.parametrize("name", ["definitions", "parameters", "responses", "securityDefinitions"])
@pytest.mark.parametrize("value", ["[1]", "3", "{A: 3}", "{A: [1]}", "{A: null}"])
def test_malformed_components_are_refused_or_read_and_never_crash(name, value):
    text = f"""\
swagger: "2.0"
info: {{title: T, version: "1"}}
{name}: {value}
paths: {{/a: {{get: {{responses: {{}}}}}}}}
"""
    assert reads_or_refuses(text.encode())


@pytest.mark.parametrize("value", ["3", "[3]", "null", "{in: body}", "{in: formData}", "{}", "a"])
def test_malformed_parameters_are_refused_or_read_and_never_crash(value):
    text = f"""\
swagger: "2.0"
info: {{title: T, version: "1"}}
consumes: 3
schemes: {{}}
paths:
  /a:
    parameters: [{value}]
    get:
      parameters: [{value}]
      responses: {{"200": {value}}}
  /b: {value}
"""
    assert reads_or_refuses(text.encode())
