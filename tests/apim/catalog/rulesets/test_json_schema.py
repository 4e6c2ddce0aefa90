"""Our JSON Schema agrees with the jsonschema library, which is the reference of Python."""

import random
from typing import Any

import pytest
from jsonschema.validators import Draft4Validator, Draft202012Validator

from apim.catalog.rulesets.budget import Budget
from apim.catalog.rulesets.json_schema import BadSchema, Compiler, Run

KEYWORDS: list[dict[str, Any]] = [
    {"type": "object"}, {"type": ["string", "null"]}, {"type": "integer"}, {"type": "number"},
    {"const": {"a": [1]}}, {"const": True}, {"const": 1}, {"enum": [1, "a", None, [2]]},
    {"minimum": 2}, {"maximum": 2.5}, {"exclusiveMinimum": 2}, {"exclusiveMaximum": 3},
    {"multipleOf": 2}, {"multipleOf": 0.5}, {"minLength": 2}, {"maxLength": 1},
    {"pattern": "^a+$"}, {"minItems": 1}, {"maxItems": 2}, {"uniqueItems": True},
    {"items": {"type": "integer"}}, {"prefixItems": [{"type": "string"}], "items": False},
    {"contains": {"type": "string"}}, {"contains": {"const": 1}, "minContains": 2, "maxContains": 2},
    {"required": ["a"]}, {"minProperties": 1}, {"maxProperties": 1},
    {"properties": {"a": {"type": "integer"}, "b": False}},
    {"patternProperties": {"^a": {"type": "string"}}, "additionalProperties": False},
    {"additionalProperties": {"type": "boolean"}}, {"propertyNames": {"maxLength": 1}},
    {"dependentRequired": {"a": ["b"]}}, {"dependentSchemas": {"a": {"required": ["c"]}}},
    {"not": {"type": "string"}}, {"anyOf": [{"type": "string"}, {"minimum": 3}]},
    {"oneOf": [{"type": "integer"}, {"minimum": 2}]},
    {"allOf": [{"required": ["a"]}, {"required": ["b"]}]},
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"maxProperties": 0}},
    {"properties": {"a": True}, "unevaluatedProperties": False},
    {"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False},
    {"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer", "minimum": 2}}},
    {"$ref": "#here", "$defs": {"x": {"$anchor": "here", "type": "array"}}},
    {"$ref": "x", "$id": "http://e.x/root", "$defs": {"x": {"$id": "x", "type": "object"}}},
    {"properties": {"a": {"$ref": "#"}}, "maxProperties": 1},
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, 1, 1.0, 2, 2.5, 3, -4, 1e20, "", "a", "aa", "b", [], [1], [1, 1], [1, True],
    ["a"], ["a", 1], [{"a": 1}, {"a": 1}], [{"a": 1}, {"a": True}], {}, {"a": 1}, {"a": "x"},
    {"a": [1]}, {"b": 1}, {"a": 1, "b": 2}, {"ab": "x"}, {"a": {"a": {"a": 1, "b": 2}}},
    {"a": 1, "c": 2}, {"zz": True}, [2], ["a", "b", "c"],
]  # fmt: skip


def passes(schema: Any, value: Any) -> bool:
    run = Run(Budget(5.0))
    is_valid = Compiler(schema).compile(schema)(value, (), run)
    assert is_valid == (not run.errors)
    return is_valid


@pytest.mark.parametrize("schema", KEYWORDS, ids=str)
def test_a_keyword_means_what_it_means_elsewhere(schema: dict[str, Any]):
    reference = Draft202012Validator(schema)
    assert [passes(schema, v) for v in VALUES] == [reference.is_valid(v) for v in VALUES]


def test_combined_keywords_mean_what_they_mean_elsewhere():
    chance = random.Random(4)
    plain = [one for one in KEYWORDS if not {"$ref", "$id", "$defs"} & one.keys()]
    for _ in range(300):
        schema: dict[str, Any] = {}
        for one in chance.sample(plain, 3):
            schema |= one
        if chance.random() < 0.5:
            schema = {chance.choice(["allOf", "anyOf", "oneOf"]): [schema, chance.choice(plain)]}
        reference = Draft202012Validator(schema)
        for value in VALUES:
            assert passes(schema, value) == reference.is_valid(value), (schema, value)


@pytest.mark.parametrize(
    "schema",
    [
        {"minimum": 2, "exclusiveMinimum": True},
        {"maximum": 2, "exclusiveMaximum": True},
        {"items": [{"type": "integer"}], "additionalItems": False},
        {"dependencies": {"a": ["b"], "b": {"maxProperties": 1}}},
        {"id": "http://e.x/r", "properties": {"a": {"$ref": "#/definitions/x"}},
         "definitions": {"x": {"type": "string"}}},
    ],
)  # fmt: skip
def test_draft_4_is_understood(schema: dict[str, Any]):
    reference = Draft4Validator(schema)
    assert [passes(schema, v) for v in VALUES] == [reference.is_valid(v) for v in VALUES]


def test_a_reference_to_nothing_is_told_by_its_name():
    with pytest.raises(BadSchema, match="#/nope"):
        passes({"$ref": "#/nope"}, 1)


@pytest.mark.parametrize("value", ["2026-11-21T10:00:00Z", "2026-02-29T10:00:00Z", "soon"])
def test_formats_are_checked(value: str):
    assert passes({"format": "date-time"}, value) == (value == "2026-11-21T10:00:00Z")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", "2026-11-21", "2026-13-01"),
        ("email", "a@b.example", "a@b"),
        ("uri", "https://a.example/x?y#z", "a b"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "::1", "::g"),
        ("hostname", "a-b.example", "-a"),
        ("regex", "^a+$", "("),
        ("byte", "YWJj", "YWJ"),
        ("json-pointer", "/a~1b", "a"),
    ],
)
def test_a_format_tells_good_from_bad(name: str, good: str, bad: str):
    assert passes({"format": name}, good)
    assert not passes({"format": name}, bad)
