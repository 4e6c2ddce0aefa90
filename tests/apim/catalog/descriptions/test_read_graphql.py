"""GraphQL schemas, in their language and by introspection."""

import json

import pytest

from apim.catalog.descriptions import InvalidSpecification, Style, read_description
from tests.apim.catalog.descriptions.documents import GRAPHQL, zipped


def read(text, filename=None):
    return read_description(text.encode(), filename=filename)


def refusal(text, filename="schema.graphql"):
    with pytest.raises(InvalidSpecification) as caught:
        read(text, filename)
    return caught.value.problems


def test_fields_of_the_root_types_are_operations():
    found = read(GRAPHQL, "harbour-master.graphql")
    assert (found.style, found.title, found.description) == (
        Style.GRAPHQL,
        "Harbour master",
        "All about the harbour.",
    )
    assert [o.key for o in found.operations] == [
        "POST /",
        "GET /",
        "query ship",
        "query berths",
        "mutation berth",
    ]
    ship, berths = found.operations[2:4]
    assert (ship.summary, ship.parameter_count) == ("A ship by its name.", 2)
    assert (berths.is_deprecated, berths.summary) == (True, "Berths, indented")


def test_types_are_told_as_they_are_written():
    data = read(GRAPHQL).data
    assert data["roots"] == {"query": "Query", "mutation": "Change"}
    types = data["types"]
    ship = types["Query"]["fields"]["ship"]
    assert ship["arguments"]["name"] == {"type": "String!", "default": '"Ada"'}
    assert ship["arguments"]["kinds"] == {"type": "[Kind!]", "default": "[CARGO]"}
    berths = types["Query"]["fields"]["berths"]
    assert (berths["type"], berths["deprecated"]) == ("[[Berth!]]!", "Use ship")
    assert berths["description"] == "Berths,\n  indented"
    assert types["Ship"]["interfaces"] == ["Named", "Placed"]
    assert list(types["Ship"]["fields"]) == ["name", "at", "kind", "built"]
    assert types["Place"] == {"kind": "union", "members": ["Ship", "Berth"]}
    assert types["Kind"]["values"]["FERRY"]["deprecated"] == "No longer supported"
    assert types["BerthInput"]["fields"]["number"] == {"type": "Int!", "default": "1"}
    assert data["directives"]["key"]["repeatable"] is True


def test_positions_lead_to_lines():
    found = read(GRAPHQL)
    line, _column = found.positions.find(("types", "Berth", "fields", "number"))
    assert GRAPHQL.splitlines()[line - 1].startswith("type Berth")
    line, _column = found.positions.find(("types", "BerthInput", "fields", "number", "default"))
    assert GRAPHQL.splitlines()[line - 1].startswith("input BerthInput")


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("type Query {", 1, 13, "name"),
        ("type Query { a }", 1, 16, "“:”"),
        ("type Query { a: }", 1, 17, "name"),
        ("type Query { a: [Int }", 1, 22, "“]”"),
        ("type Query {\n a: Int\n a: ID }", 3, 2, "twice"),
        ("type Query { a: Int }\ntype Query { b: Int }", 2, 6, "defined twice"),
        ("type Query { a: Nothing }", 1, 14, "“Nothing” is not defined"),
        ("type Query { a(b: Nothing): Int }", 1, 16, "“Nothing” is not defined"),
        ("type Query { a: Int ; }", 1, 21, "cannot stand here"),
        ('type Query { a: Int } "open', 1, 23, "cannot stand here"),
        ("type A { a: Int }", 1, 1, "no query type"),
        ("schema { query: A }\nscalar A", 2, 8, "no object type"),
        ("schema { ask: A }", 1, 10, "query, mutation"),
        ("{ ship { name } }", 1, 1, "a query, not a schema"),
        ("query A { ship }", 1, 1, "a query, not a schema"),
        ("type Query { a(b: Int = ]): Int }", 1, 25, "brackets"),
        ("type Query { a(b: Int = $b): Int }", 1, 25, "variables"),
        ("extend union A = B\ntype A { a: Int }\ntype Query { a: Int}", 1, 14, "another kind"),
    ],
)
def test_errors_name_line_and_column(text, line, column, words):
    problem = refusal(text)[0]
    assert words in problem.message
    assert (problem.line, problem.column) == (line, column)


def test_old_lists_of_interfaces_are_read():
    data = read(
        "interface A {a: Int} interface B {b: Int} type Query implements A, B { a: Int b: Int }"
    ).data
    assert data["types"]["Query"]["interfaces"] == ["A", "B"]


def test_several_files_make_one_schema():
    found = read_description(
        zipped(
            {
                "schema.graphql": "type Query { ship: Ship }",
                "types/ship.graphql": "type Ship { a: Int }",
            }
        )
    )
    assert sorted(found.data["types"]) == ["Query", "Ship"]
    assert found.media_type == "application/zip"
    with pytest.raises(InvalidSpecification) as caught:
        read_description(
            zipped({"a.graphql": "type Query { a: Int }", "b.graphql": "type A {\n ? }"})
        )
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("b.graphql", 2)


def introspection():
    def of(kind, name=None, inner=None):
        return {"kind": kind, "name": name, "ofType": inner}

    text = of("SCALAR", "String")
    return {
        "data": {
            "__schema": {
                "queryType": {"name": "Query"},
                "mutationType": None,
                "types": [
                    {
                        "kind": "OBJECT",
                        "name": "Query",
                        "fields": [
                            {
                                "name": "ships",
                                "description": "All.",
                                "args": [
                                    {
                                        "name": "kind",
                                        "type": of("ENUM", "Kind"),
                                        "defaultValue": "CARGO",
                                    }
                                ],
                                "type": of(
                                    "NON_NULL", None, of("LIST", None, of("NON_NULL", None, text))
                                ),
                                "isDeprecated": True,
                                "deprecationReason": "Slow",
                            }
                        ],
                        "interfaces": [],
                    },
                    {"kind": "ENUM", "name": "Kind", "enumValues": [{"name": "CARGO"}]},
                    {"kind": "SCALAR", "name": "String"},
                    {"kind": "OBJECT", "name": "__Type", "fields": []},
                    {"kind": "UNION", "name": "U", "possibleTypes": [{"name": "Query"}]},
                    {
                        "kind": "INPUT_OBJECT",
                        "name": "I",
                        "inputFields": [{"name": "a", "type": text, "defaultValue": None}],
                    },
                ],
            }
        }
    }


@pytest.mark.parametrize("is_wrapped", [True, False])
def test_introspection_gives_the_same_tree(is_wrapped):
    answer = introspection() if is_wrapped else introspection()["data"]
    found = read(json.dumps(answer, indent=1), "schema.json")
    assert (found.style, found.format) == (Style.GRAPHQL, "json")
    ships = found.data["types"]["Query"]["fields"]["ships"]
    assert (ships["type"], ships["deprecated"]) == ("[String!]!", "Slow")
    assert ships["arguments"] == {"kind": {"type": "Kind", "default": "CARGO"}}
    assert found.data["types"]["U"] == {"kind": "union", "members": ["Query"]}
    assert found.data["types"]["I"]["fields"] == {"a": {"type": "String"}}
    line, _column = found.positions.find(("types", "Query", "fields", "ships"))
    assert line > 10


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"types": 3},
        {"types": [3]},
        {"types": [{"name": "A"}]},
        {"types": [{"name": [], "kind": []}]},
    ],
)
def test_half_an_introspection_is_refused(schema):
    problem = refusal(json.dumps({"__schema": schema}), "a.json")[0]
    assert problem.hint


def test_a_field_that_stands_twice_is_told_of_if_the_same_and_refused_if_not():
    twice = 'type Query {{ "Doc" a(b: Int = 1): Int\n "Other" a(b: Int = 1): {0} }}'
    found = read_description(twice.format("Int").encode(), filename="a.graphql")
    assert list(found.data["types"]["Query"]["fields"]) == ["a"]
    assert [(w.line, "twice" in w.message) for w in found.warnings] == [(1, True)]
    with pytest.raises(InvalidSpecification) as caught:
        read_description(twice.format("ID").encode(), filename="a.graphql")
    assert (caught.value.problems[0].line, "twice" in str(caught.value)) == (2, True)
