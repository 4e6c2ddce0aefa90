"""Versions described in other styles than OpenAPI have a reference page, a download and samples."""

import pytest

from apim.catalog import services
from apim.catalog.models import ApiVersion
from portal.styles import pages
from portal.styles.schemas import SchemaTrees
from tests.apim.catalog.descriptions.descriptor_sets import harbour
from tests.apim.catalog.descriptions.documents import (
    ASYNCAPI_2,
    ASYNCAPI_3,
    GRAPHQL,
    PROSE,
    PROTO,
    SWAGGER,
    WSDL,
    zipped,
)

STYLES = {
    "asyncapi": (
        ASYNCAPI_2,
        "a.yaml",
        ["A ship has arrived", "The API sends; you receive.", "Arrival"],
    ),
    "asyncapi3": (ASYNCAPI_3, "a.yaml", ["ships/{berth}", "application/vnd.apache.avro"]),
    "graphql": (GRAPHQL, "harbour.graphql", ["Queries", "[[Berth!]]!", "Use ship", "curl"]),
    "grpc": (
        PROTO,
        "ships.proto",
        ["harbour.v1.GetRequest", "its name", "map&lt;string, Ship&gt;"],
    ),
    "descriptor": (harbour(), "ships.pb", ["harbour.v1.GetRequest", "One ship."]),
    "wsdl": (WSDL, "a.wsdl", ["urn:harbour/GetShip", "Finds a ship", "@id", "s:Envelope"]),
    "prose": (PROSE, "a.md", ["Free berths", "By telephone"]),
    "zip": (
        zipped({"a.proto": PROTO, "b.proto": 'syntax = "proto3"; message More { int32 a = 1; }'}),
        "a.zip",
        ["More", "b.proto"],
    ),
}


@pytest.fixture
def published(db, system_actor):
    def publish(text, filename, upstream="https://harbour.internal.example/base"):
        api = services.create_api(
            actor=system_actor,
            raw=text if isinstance(text, bytes) else text.encode(),
            filename=filename,
            name="Harbour",
            version_name="v1",
            upstream_url=upstream,
        )
        return services.publish_version(actor=system_actor, version=api.versions.get())

    return publish


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_a_reference_without_javascript(visitor_client, published, style):
    text, filename, words = STYLES[style]
    version = published(text, filename)
    page = visitor_client.get("/apis/harbour/v1/reference/")
    assert page.status_code == 200
    for word in words:
        assert word in page.text
    assert "vendor/scalar" not in page.text
    assert "nonce" not in page.text
    overview = visitor_client.get("/apis/harbour/v1/")
    assert overview.status_code == 200
    raw = text if isinstance(text, bytes) else text.encode()
    download = visitor_client.get("/apis/harbour/v1/description/")
    assert download.content == raw
    assert download["Content-Disposition"].startswith("attachment")
    assert visitor_client.get("/apis/harbour/v1/reference/openapi.json").status_code == 404
    assert version.operations.count() >= 1


def test_deprecated_parts_are_marked(visitor_client, published):
    published(GRAPHQL, "a.graphql")
    page = visitor_client.get("/apis/harbour/v1/reference/?entry=query-berths").text
    assert "Deprecated" in page
    assert "Deprecated: Use ship" in page
    assert "query-ship" not in page


def test_the_reference_is_searched(visitor_client, published):
    published(PROTO, "a.proto")
    page = visitor_client.get("/apis/harbour/v1/reference/", {"q": "ship get"}).text
    assert 'id="method-harbourv1shipsget"' in page
    assert 'id="method-harbourv1shipswatch"' not in page
    page = visitor_client.get("/apis/harbour/v1/reference/", {"q": "<b>nothing"}).text
    assert "Nothing found" in page
    assert "<b>nothing" not in page


def test_a_large_reference_is_shown_in_parts(visitor_client, published):
    many = "".join(f"type Wide{i} {{ next: Wide{(i + 1) % 300} }}\n" for i in range(300))
    published(GRAPHQL + many, "a.graphql")
    first = visitor_client.get("/apis/harbour/v1/reference/").text
    assert "query-ship" in first
    assert "type-wide1" not in first
    second = visitor_client.get("/apis/harbour/v1/reference/?section=object&page=2").text
    assert 'id="type-wide150"' in second
    assert "Page 2 of 4" in second
    assert "?entry=type-wide151" in second
    for odd in ("page=0", "page=99999", "page=x", "section=none", "entry=none"):
        assert visitor_client.get(f"/apis/harbour/v1/reference/?{odd}").status_code == 200


def test_samples_call_the_gateway_and_take_the_key(published, settings):
    settings.APIM_GATEWAY_URL = "https://gateway.example"
    samples = pages.samples_of(published(GRAPHQL, "a.graphql"), "ak_live_secret")
    assert [sample.label for sample in samples] == ["GraphQL", "curl"]
    assert "'https://gateway.example/harbour/v1'" in samples[1].code
    assert "X-API-Key: ak_live_secret" in samples[1].code
    assert "ship(name: $name)" not in samples[0].code  # it has a default


def test_grpc_is_called_at_the_gateways_host_without_the_listen_path(
    visitor_client, published, settings
):
    settings.APIM_GATEWAY_URL = "https://gateway.example"
    samples = pages.samples_of(published(PROTO, "ships.proto"), "ak_live_secret")
    assert [sample.label for sample in samples] == ["grpcurl", "Python"]
    assert "gateway.example:443 harbour.v1." in samples[0].code
    assert "x-api-key: ak_live_secret" in samples[0].code
    assert "/harbour/v1" not in samples[0].code + samples[1].code
    compile(samples[1].code, "sample", "exec")
    assert "API_KEY" in visitor_client.get("/apis/harbour/v1/reference/").text


def test_what_is_not_called_over_http_is_published_as_documentation(
    visitor_client, published, settings
):
    version = published(ASYNCAPI_2, "a.yaml", upstream=None)
    assert version.upstream_url == ""
    page = visitor_client.get("/apis/harbour/v1/").text
    assert f"{settings.APIM_GATEWAY_URL}/harbour/v1" not in page
    assert "ships/{berth}" in page


def test_openapi_2_is_shown_as_openapi_3_and_downloaded_as_it_is(visitor_client, published):
    published(SWAGGER, "a.yaml")
    document = visitor_client.get("/apis/harbour/v1/reference/openapi.json").json()
    assert document["openapi"] == "3.0.3"
    assert document["components"]["schemas"]["Tide"]
    assert visitor_client.get("/apis/harbour/v1/openapi.yaml").content == SWAGGER.encode()
    assert "Download YAML" in visitor_client.get("/apis/harbour/v1/").text


def test_html_in_a_description_stays_text(visitor_client, published):
    text = GRAPHQL.replace("What can be asked", "<script>alert(1)</script>").replace(
        "A ship by its name. Costs nothing.",
        "<img src=x onerror=alert(1)> [a](javascript:alert(1))",
    )
    published(text, "a.graphql")
    for url in ("/apis/harbour/v1/reference/", "/apis/harbour/v1/"):
        page = visitor_client.get(url).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'href="javascript' not in page


def test_only_published_versions_are_shown(visitor_client, published):
    version = published(PROTO, "a.proto")
    ApiVersion.objects.filter(pk=version.pk).update(state="draft")
    for page in ("reference/", "description/"):
        assert visitor_client.get(f"/apis/harbour/v1/{page}").status_code == 404


def test_schemas_that_contain_themselves_end():
    document = {"schemas": {"A": {"type": "object", "properties": {"a": {"$ref": "#/schemas/A"}}}}}
    (row,) = SchemaTrees(document).rows({"$ref": "#/schemas/A"})
    assert (row.name, row.rows) == ("a", ())
    assert row.facts == ("contains itself",)


def test_a_part_that_several_levels_share_is_shown_in_each():
    named = {"properties": {"name": {"type": "string"}}}
    ship = {"allOf": [{"$ref": "#/schemas/N"}, {"properties": {"hold": {"$ref": "#/schemas/H"}}}]}
    document = {"schemas": {"N": named, "S": ship, "H": {"allOf": [{"$ref": "#/schemas/N"}]}}}
    rows = SchemaTrees(document).rows({"$ref": "#/schemas/S"})
    assert [row.name for row in rows] == ["name", "hold"]
    assert [row.name for row in rows[1].rows] == ["name"]


def test_addresses_behind_the_gateway_are_not_told(visitor_client, published):
    published(WSDL, "a.wsdl")
    assert "soap.example.com" not in visitor_client.get("/apis/harbour/v1/reference/").text


def test_a_tree_of_a_huge_schema_is_bounded():
    wide = {f"p{i}": {"$ref": "#/schemas/B"} for i in range(40)}
    document = {
        "schemas": {
            "A": {"properties": wide},
            "B": {"properties": {f"q{i}": {"$ref": "#/schemas/C"} for i in range(40)}},
            "C": {"properties": {f"r{i}": {"type": "string"} for i in range(40)}},
        }
    }

    def count(rows):
        return sum(1 + count(row.rows) for row in rows)

    assert count(SchemaTrees(document).rows({"$ref": "#/schemas/A"})) <= 410
