"""The reference is served from the gateway's address, under a strict policy."""

import json

import pytest

from portal.examples import ExampleMaker
from portal.reference import adapt
from tests.portal.conftest import TIDES


def test_every_call_of_the_reference_goes_to_our_gateway_with_our_key(
    visitor_client, tides, settings
):
    answer = visitor_client.get("/apis/tides/v1/reference/openapi.json")
    document = json.loads(answer.content)
    assert document["servers"] == [{"url": f"{settings.APIM_GATEWAY_URL}/tides/v1"}]
    assert document["components"]["securitySchemes"]["ApiKey"]["name"] == "X-API-Key"
    assert document["security"] == [{"ApiKey": []}]
    report = document["paths"]["/reports"]["post"]
    assert "servers" not in report
    assert report["security"] == [{"ApiKey": [], "basic": []}]
    assert "tides.internal.example" not in answer.text


def test_adapting_leaves_the_document_itself_alone():
    before = json.dumps(TIDES)
    adapt(TIDES, "https://gateway.example/tides/v1")
    assert json.dumps(TIDES) == before


def test_the_policy_of_the_reference_allows_styles_by_nonce_and_no_inline_script(
    visitor_client, tides
):
    page = visitor_client.get("/apis/tides/v1/reference/")
    policy = page["Content-Security-Policy"]
    directives = {part.strip() for part in policy.split(";")}
    assert any(part.startswith("style-src 'self' 'nonce-") for part in directives)
    assert "script-src 'self'" in directives
    assert "unsafe" not in policy
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'property="csp-nonce" content="{nonce}"' in page.text


def test_no_other_page_has_a_wider_policy(visitor_client, tides):
    assert "nonce" not in visitor_client.get("/apis/tides/v1/")["Content-Security-Policy"]


def test_a_visitor_reads_the_reference_but_is_offered_no_test_request(
    visitor_client, alice_client, tides
):
    assert (
        "hideTestRequestButton&quot;: true" in visitor_client.get("/apis/tides/v1/reference/").text
    )
    assert (
        "hideTestRequestButton&quot;: false" in alice_client.get("/apis/tides/v1/reference/").text
    )


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "enum": ["b", "a"]}, "b"),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": ["string", "null"], "format": "uuid"}, "7f9c2d1e-4b3a-4c5d-8e6f-0a1b2c3d4e5f"),
        ({"allOf": [{"properties": {"a": {"default": 1}}}, {"properties": {"b": {"const": 2}}}]},
         {"a": 1, "b": 2}),
        ({"$ref": "#/components/schemas/Loop"}, {"next": {"next": {"next": {"next": {}}}}}),
        ({"$ref": "#/components/schemas/Missing"}, "example"),
    ],
)  # fmt: skip
def test_an_example_body_follows_the_schema(schema, expected):
    loop = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Loop"}}}
    document = {
        "paths": {
            "/x": {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}
        },
        "components": {"schemas": {"Loop": loop}},
    }
    request = ExampleMaker(document).first()
    assert json.loads(request.body) == expected


def test_the_first_example_is_the_call_that_needs_least():
    document = {
        "paths": {
            "/things": {"post": {}},
            "/things/{id}": {"get": {"parameters": [{"name": "id", "in": "path"}]}},
            "/health": {"get": {"deprecated": True}},
            "/list": {"get": {"parameters": [{"name": "q", "in": "query", "required": True,
                                              "example": "a b&c"}]}},
        }
    }  # fmt: skip
    request = ExampleMaker(document).first()
    assert (request.method, request.target) == ("GET", "/things/example")
    assert ExampleMaker(document).of("GET", "/list").target == "/list?q=a+b%26c"


def test_a_document_without_operations_has_no_example():
    assert ExampleMaker({"paths": {}}).first() is None
