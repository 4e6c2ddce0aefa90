"""What a readable document becomes."""

import hashlib

import pytest
import yaml

from apim.catalog.openapi import Server, Tag, extract_operations, parse_document
from tests.apim.catalog.openapi.documents import as_json, tides


def as_yaml(document) -> bytes:
    return yaml.safe_dump(document, sort_keys=False).encode()


@pytest.mark.parametrize("dump", [as_json, as_yaml])
@pytest.mark.parametrize("version", ["3.0.0", "3.0.4", "3.1.0", "3.1.2", "3.2.0"])
def test_json_and_yaml_of_every_supported_version_are_read_alike(dump, version):
    raw = dump(tides() | {"openapi": version})
    document = parse_document(raw)
    assert document.data == tides() | {"openapi": version}
    assert document.openapi_version == version
    assert (document.title, document.version) == ("Tides", "1.2.0")
    assert document.servers == (Server("https://eu.example.com/v1"),)
    assert document.tags == (Tag("Tides", "Times and heights"),)
    assert document.sha256 == hashlib.sha256(raw).hexdigest()
    assert document.warnings == ()


def test_format_is_told_by_content_and_only_then_by_file_name():
    assert parse_document(as_json(tides()), filename="x.yaml").format == "yaml"
    assert parse_document(as_yaml(tides()), filename="x.json").format == "yaml"
    assert parse_document(as_json(tides())).media_type == "application/json"


def test_a_byte_order_mark_is_no_obstacle():
    assert parse_document(b"\xef\xbb\xbf" + as_json(tides())).title == "Tides"


def test_yaml_scalars_mean_what_they_look_like():
    raw = b"""
openapi: 3.0.3
info: {title: on, version: '1', x-date: 2024-05-01, x-time: 12:30, x-octal: 010, x-hex: 0x1F,
  x-no: no, x-float: 1.5e3, x-null: ~, x-text: !!str 5, x-int: !!int '7'}
paths:
  /a:
    get:
      responses:
        200: {description: ok}
"""
    document = parse_document(raw)
    assert document.title == "on"
    info = document.data["info"]
    assert (info["x-date"], info["x-time"], info["x-no"]) == ("2024-05-01", "12:30", "no")
    assert (info["x-octal"], info["x-hex"], info["x-float"]) == (10, 31, 1500.0)
    assert (info["x-null"], info["x-text"], info["x-int"]) == (None, "5", 7)
    assert document.data["paths"]["/a"]["get"]["responses"] == {"200": {"description": "ok"}}


def test_anchors_and_merge_keys_are_spelled_out():
    raw = b"""
openapi: 3.1.0
info: {title: T, version: '1'}
x-base: &base {summary: Base, tags: [A]}
x-more: &more {tags: [B], deprecated: true}
paths:
  /a:
    get: {<<: *base, summary: Own, responses: &r {'200': {description: ok}}}
    put: {<<: [*base, *more], responses: *r}
"""
    get, put = extract_operations(parse_document(raw))
    assert (get.summary, get.tags) == ("Own", ("A",))
    assert (put.summary, put.tags, put.is_deprecated) == ("Base", ("A",), True)


def test_what_nothing_depends_on_is_a_warning():
    document = tides()
    get = document["paths"]["/tides"]["get"]
    get["sumary"] = "typo"
    get["responses"]["404"] = {}
    document["paths"]["/tides/{port}"]["parameters"][0].pop("required")
    warnings = parse_document(as_json(document)).warnings
    assert [w.severity for w in warnings] == ["warning"] * 3
    assert any("sumary" in w.message and "summary" in w.hint for w in warnings)
    assert all(w.line > 1 for w in warnings)


def test_references_by_anchor_and_id_of_json_schema_resolve():
    document = tides()
    document["components"]["schemas"] |= {
        "A": {"$id": "https://example.com/a", "$defs": {"x": {"$anchor": "here"}}},
        "B": {"oneOf": [{"$ref": "#here"}, {"$ref": "https://example.com/a#/$defs/x"}]},
        "C": {"$ref": "#/components/schemas/C/$defs/n~1~0%20", "$defs": {"n/~ ": True}},
    }
    assert parse_document(as_json(document)).title == "Tides"


def test_operations_are_told_with_what_the_catalog_shows():
    get, post, by_port = extract_operations(parse_document(as_json(tides())))
    assert (get.key, get.operation_id, get.summary) == ("GET /tides", "list_tides", "List tides")
    assert (get.tags, get.is_secured, get.parameter_count) == (("Tides",), True, 1)
    assert get.response_content_types == ("application/json",)
    assert (post.is_deprecated, post.is_secured) == (True, False)
    assert post.request_content_types == ("application/json",)
    assert (by_port.parameter_count, by_port.method) == (1, "GET")


def test_missing_operation_ids_are_made_up_and_unique():
    document = tides()
    document["paths"]["/tides"]["get"]["operationId"] = "get_tides_by_port"
    specs = extract_operations(parse_document(as_json(document)))
    assert [s.operation_id for s in specs] == [
        "get_tides_by_port",
        "post_tides",
        "get_tides_by_port_2",
    ]


def test_a_referenced_path_item_brings_its_operations():
    document = tides()
    document["components"]["pathItems"] = {"Ports": {"get": {"operationId": "ports"}}}
    document["paths"]["/ports"] = {"$ref": "#/components/pathItems/Ports"}
    assert extract_operations(parse_document(as_json(document)))[-1].operation_id == "ports"


def test_methods_of_openapi_3_2_become_operations():
    document = tides() | {"openapi": "3.2.0"}
    document["paths"]["/tides"]["query"] = {"responses": {}}
    document["paths"]["/tides"]["additionalOperations"] = {"PURGE": {"responses": {}}}
    methods = [s.method for s in extract_operations(parse_document(as_json(document)))]
    assert methods == ["GET", "POST", "QUERY", "PURGE", "GET"]


def test_a_document_of_ten_thousand_operations_is_read_in_seconds():
    document = tides()
    for number in range(10_000):
        document["paths"][f"/things/{number}"] = document["paths"]["/tides"] | {
            "get": {"responses": {}}
        }
        document["paths"][f"/things/{number}"].pop("post", None)
    assert len(extract_operations(parse_document(as_json(document)))) == 10_003
