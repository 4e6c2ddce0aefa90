"""Every refusal names line, column and field, and says what to do."""

import gzip

import pytest

from apim.catalog.openapi import InvalidSpecification, parse_document
from apim.catalog.openapi.load import MAX_BYTES
from tests.apim.catalog.openapi.documents import as_json, tides

HEAD = 'openapi: 3.0.3\ninfo: {title: T, version: "1"}\n'


def refusal(raw, **kwargs):
    with pytest.raises(InvalidSpecification) as caught:
        parse_document(raw if isinstance(raw, bytes) else raw.encode(), **kwargs)
    assert caught.value.status == 422
    assert caught.value.code == "invalid_specification"
    return caught.value.problems


def spoiled(change):
    document = tides()
    change(document)
    return refusal(as_json(document))


@pytest.mark.parametrize(
    ("raw", "line", "column", "words"),
    [
        (b"", 1, 1, "empty"),
        (b" \n\t", 1, 1, "empty"),
        (b'{"openapi": "3.1.0",\n  "info": {]}', 2, 12, "JSON cannot be read"),
        (b'{"a": 1\n "b": 2}', 2, 2, "delimiter"),
        (b"{}\n{}", 2, 1, "Extra data"),
        (b'{"a": NaN}', 1, 7, "NaN"),
        (b'{"NaN": 1,\n "a": [-Infinity]}', 2, 8, "-Infinity"),
        (b'{"a": 1e999}', 1, 7, "1e999"),
        (b'{"a": ' + b"9" * 5000 + b"}", 1, 7, "number"),
        (b"openapi: 3.1.0\ninfo:\n\ttitle: x", 3, 1, "YAML cannot be read"),
        (b"openapi: 3.1.0\ninfo: [a, b\npaths: {}", 3, 6, "YAML cannot be read"),
        (b"a: 1\n---\nb: 2", 2, 1, "second document"),
        (b"a: 1\nb:\n  c: 1\n  c: 2", 4, 3, "on line 3"),
        (b'{"a": {"b": 1,\n "b": 2}}', 2, 2, "on line 1"),
        (b"a: \xff", 1, 4, "not UTF-8"),
        (b"a: 1\nb: \x00", 2, 4, "NUL"),
        (b'{"a": "x\\u0000"}', 1, 7, "NUL"),
        (b'{"a": "\\ud800"}', 1, 7, "surrogate"),
        (b'a: "x\\0"', 1, 4, "NUL"),
        (b"a: 1\nb: \x07", 2, 4, "control character"),
        (b"a: !!python/object:os.system x", 1, 4, "tag"),
        (b"a: !!timestamp 2020-01-01", 1, 4, "!!timestamp"),
        (b"a: !mine {b: 1}", 1, 4, "tag"),
        (b"? [a]\n: b", 1, 3, "key must be text"),
        (b"&a a: 1\n*a : 2", 2, 1, "not an alias"),
        (b"a: *nowhere", 1, 4, "*nowhere"),
        (b"a: &a [*a]", 1, 8, "contains itself"),
        (b"a: .nan", 1, 4, "NaN"),
        (b"<<: 3", 1, 5, "merged"),
        (b"- a", 1, 1, "a list, not a mapping"),
        (b"just text", 1, 1, "text, not a mapping"),
        (b"null", 1, 1, "null"),
        (b"[1]", 1, 1, "a list, not a mapping"),
        (b"<!DOCTYPE html><html>", 1, 1, "web page"),
        (b'<?xml version="1.0"?><definitions/>', 1, 1, "XML"),
        (b"#%RAML 1.0\ntitle: x", 1, 1, "RAML"),
        (gzip.compress(b"openapi: 3.1.0", mtime=0), 1, 1, "compressed"),
        ("openapi: 3.1.0".encode("utf-16"), 1, 1, "UTF-16"),
    ],
)
def test_unreadable_text_is_refused_with_its_position(raw, line, column, words):
    (problem,) = refusal(raw)
    assert (problem.line, problem.column) == (line, column)
    assert words in problem.message


def test_size_is_checked_before_anything_is_read():
    (problem,) = refusal(b"[" * (MAX_BYTES + 1))
    assert "10.0 MB" in problem.message


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 1_000_000,
        b"{" * 1_000_000,
        b'{"a":' * 50_000,
        b"a: " + b"[" * 1_000_000,
        b"- " * 100_000,
        b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}",
    ],
)
def test_deep_nesting_is_refused_and_not_followed(raw):
    (problem,) = refusal(raw)
    assert "deep" in problem.message or "cannot be read" in problem.message


def test_deep_nesting_names_the_place_that_is_too_deep():
    (problem,) = refusal(b"{\n" + b'"a": [\n' * 1 + b"[" * 5000 + b"]" * 5000 + b"]}")
    assert (problem.line, problem.column) == (3, 99)


def test_an_alias_bomb_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    (problem,) = refusal("\n".join(lines))
    assert "aliases" in problem.message
    assert problem.line < 10


def test_more_values_than_anybody_writes_are_refused():
    (problem,) = refusal(b'{"a":\n [' + b"1," * 1_000_001 + b"1]}")
    assert "more than 1000000 values" in problem.message
    assert problem.field == ""


def test_nesting_through_aliases_is_counted():
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 150))]
    (problem,) = refusal("\n".join(lines))
    assert "deep" in problem.message


@pytest.mark.parametrize(
    ("raw", "field", "words", "hint"),
    [
        ('swagger: "2.0"\npaths: {}', "swagger", "Swagger 2.0", "swagger2openapi"),
        ('{"swaggerVersion": "1.2"}', "swaggerVersion", "Swagger 1.2", "swagger2openapi"),
        (
            "asyncapi: 3.1.0\ninfo: {title: Lights}",
            "asyncapi",
            "“Lights” is an AsyncAPI 3.1.0",
            "OpenAPI 3.0 and 3.1 can be imported",
        ),
        ("arazzo: 1.0.1", "arazzo", "Arazzo", "OpenAPI document"),
        ('{"info": {"_postman_id": "1"}, "item": []}', "info", "Postman", "Convert"),
        ("title: x", "", "“openapi” is missing", "openapi: 3.1.0"),
        ("openapi: 3.1", "openapi", "“3.1” is not a version", "in full"),
        ("openapi: 4.0.0", "openapi", "“4.0.0”", "3.2.x"),
        ("openapi: [3]", "openapi", "not a version", "in full"),
    ],
)
def test_another_kind_or_version_is_named_with_a_way_out(raw, field, words, hint):
    (problem,) = refusal(raw)
    assert problem.field == field
    assert words in problem.message
    assert hint in problem.hint


def test_info_and_paths_are_required():
    problems = refusal("openapi: 3.1.0\nwebhooks: {}")
    assert {p.message for p in problems} == {"“info” is missing.", "“paths” is missing."}


def set_at(*path, value):
    def change(document):
        part = document
        for token in path[:-1]:
            part = part[token]
        part[path[-1]] = value

    return change


GET = ("paths", "/tides", "get")
OK = {"responses": {"200": {"description": "OK"}}}


@pytest.mark.parametrize(
    ("change", "field", "words", "hint"),
    [
        (set_at("info", value="x"), "info", "Must be a mapping, not text", ""),
        (set_at("info", "version", value=1.0), "info.version", "not a number", "'1.0'"),
        (set_at("paths", value={}), "paths", "nothing to call", ""),
        (set_at("paths", value=[1]), "paths", "a list", ""),
        (set_at("paths", "/x", value=None), "paths./x", "null", ""),
        (set_at("paths", "x", value={"get": OK}), "paths.x", "begins with a slash", "/x"),
        (set_at("paths", "/a b", value={"get": OK}), "paths./a b", "white space", "%20"),
        (set_at("paths", "/a{", value={"get": OK}), "paths./a{", "braces", ""),
        (set_at("paths", "/a/{}", value={"get": OK}), "paths./a/{}", "name", ""),
        (
            set_at("paths", "/" + "x" * 600, value={"get": OK}),
            "paths./" + "x" * 600,
            "500",
            "",
        ),
        (
            set_at("paths", "/tides", "GET", value=OK),
            "paths./tides.GET",
            "not an HTTP method",
            "get",
        ),
        (set_at(*GET, value="x"), "paths./tides.get", "Must be a mapping", ""),
        (set_at(*GET, "operationId", value=7), "paths./tides.get.operationId", "number", "'7'"),
        (set_at(*GET, "tags", value="x"), "paths./tides.get.tags", "a list, not text", ""),
        (set_at(*GET, "deprecated", value="yes"), "paths./tides.get.deprecated", "true", ""),
        (set_at(*GET, "responses", value=[]), "paths./tides.get.responses", "a list", ""),
        (
            set_at(*GET, "responses", "20", value={}),
            "paths./tides.get.responses.20",
            "“20” is not a response code",
            "4XX",
        ),
        (
            set_at(*GET, "responses", "200", value={"$ref": "#/components/responses/Tide"}),
            "paths./tides.get.responses.200.$ref",
            "points to nothing: #/components/responses/Tide",
            "#/components/responses/Tides",
        ),
        (
            set_at(*GET, "responses", "200", value={"$ref": "other.yaml#/x"}),
            "paths./tides.get.responses.200.$ref",
            "outside this document: other.yaml#/x",
            "Bundle",
        ),
        (
            set_at(*GET, "responses", "200", value={"$ref": "https://example.com/x"}),
            "paths./tides.get.responses.200.$ref",
            "outside",
            "Bundle",
        ),
        (
            set_at(*GET, "responses", "200", value={"$ref": 5}),
            "paths./tides.get.responses.200.$ref",
            "must be text",
            "",
        ),
        (
            set_at(
                "components", "responses", "Tides", value={"$ref": "#/components/responses/Tides"}
            ),
            "paths./tides.get.responses.200.$ref",
            "circle",
            "",
        ),
        (
            set_at("components", "schemas", "Tide", "type", value="float"),
            "components.schemas.Tide.type",
            "“float” is not a type",
            "",
        ),
        (
            set_at("components", "schemas", "Tide", "type", value={"a": 1}),
            "components.schemas.Tide.type",
            "is not a type",
            "",
        ),
        (
            set_at(*GET, "parameters", 0, "in", value="body"),
            "paths./tides.get.parameters[0].in",
            "“body” is not one of path, query",
            "",
        ),
        (
            set_at("components", "securitySchemes", "key", value={"type": "http"}),
            "components.securitySchemes.key",
            "needs “scheme”",
            "",
        ),
        (
            set_at("components", "schemas", "Tide", "properties", value={"a": 1}),
            "components.schemas.Tide.properties.a",
            "a number",
            "",
        ),
        (set_at("servers", value={}), "servers", "a list", ""),
        (set_at("servers", value=[{}]), "servers[0]", "no “url”", ""),
    ],
)
def test_a_structural_error_names_its_field_and_the_way_out(change, field, words, hint):
    problem = next(p for p in spoiled(change) if p.severity == "error")
    assert problem.field == field
    assert words in problem.message
    assert hint in problem.hint


def test_json_positions_point_at_the_value_and_at_the_key_of_a_container():
    document = tides()
    document["info"]["version"] = 2
    document["paths"]["/tides"]["get"]["responses"] = []
    lines = as_json(document).decode().splitlines()
    for problem, key in zip(refusal(as_json(document)), ("version", "responses"), strict=False):
        line = lines[problem.line - 1]
        assert f'"{key}"' in line
        assert line[problem.column - 1] in '2"'


def test_an_aliased_error_is_reported_where_it_stands():
    raw = HEAD + "x-r: &r {'20': {}}\npaths:\n  /a:\n    get: {responses: *r}\n"
    (problem,) = refusal(raw)
    assert (problem.field, problem.line) == ("paths./a.get.responses.20", 3)


def test_all_problems_come_at_once_sorted_by_line_and_at_most_fifty():
    document = tides()
    for number in range(80):
        document["paths"][f"/{number}"] = {"get": {"responses": {"20": {}}, "extra": 1}}
    problems = refusal(as_json(document))
    assert len(problems) == 50
    assert [p.line for p in problems] == sorted(p.line for p in problems)
    assert all(p.severity == "error" for p in problems)


def test_many_bad_references_among_many_names_stay_fast():
    document = tides()
    document["components"]["schemas"] |= {
        f"Name{n}": {"$ref": f"#/components/schemas/Nam{n}"} for n in range(20_000)
    }
    assert len(refusal(as_json(document))) == 50


def test_a_long_chain_of_references_stays_fast():
    document = tides()
    document["components"]["schemas"] |= {
        f"N{n}": {"$ref": f"#/components/schemas/N{n + 1}"} for n in range(20_000)
    }
    document["components"]["schemas"]["N20000"] = {"type": "string"}
    assert "circle" in refusal(as_json(document))[0].message
