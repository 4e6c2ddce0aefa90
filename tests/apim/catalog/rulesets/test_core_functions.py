"""Spectral's core functions, each with what it says (messages compared with Spectral 6.16)."""

import json
from typing import Any

import pytest

from apim.catalog.rulesets import InvalidRuleset, load_ruleset
from tests.apim.catalog.rulesets.reading import findings


def said(value: Any, function: str, options: Any = None, field: str | None = None) -> list[str]:
    then: dict[str, Any] = {"function": function}
    if options is not None:
        then["functionOptions"] = options
    if field is not None:
        then["field"] = field
    rule = {"given": "$.it", "message": "{{error}}", "then": then}
    return [
        f.message for f in findings(json.dumps({"rules": {"r": rule}}), json.dumps({"it": value}))
    ]


@pytest.mark.parametrize(
    ("value", "function", "options", "message"),
    [
        ("", "truthy", None, '"it" property must be truthy'),
        (0, "truthy", None, '"it" property must be truthy'),
        (None, "truthy", None, '"it" property must be truthy'),
        (1, "falsy", None, '"it" property must be falsy'),
        ([], "falsy", None, '"it" property must be falsy'),
        ("x", "undefined", None, '"it" property must be undefined'),
        ("b", "enumeration", {"values": ["a", 1]},
         '"b" must be equal to one of the allowed values: "a", 1'),
        (True, "enumeration", {"values": [1]}, "true must be equal to one of the allowed values: 1"),
        ("ab", "length", {"min": 3}, '"it" property must be longer than 3'),
        ([1, 2], "length", {"max": 1}, '"it" property must be shorter than 1'),
        ({"a": 1}, "length", {"min": 2}, '"it" property must be longer than 2'),
        (5, "length", {"max": 4}, '"it" property must be shorter than 4'),
        ("abc", "pattern", {"match": "^x"}, '"abc" must match the pattern "^x"'),
        ("ABC", "pattern", {"notMatch": "/^a/i"}, '"ABC" must not match the pattern "/^a/i"'),
        ("a\n", "pattern", {"match": "^a$"}, '"a\\n" must match the pattern "^a$"'),
        ("fooBar", "casing", {"type": "flat"}, "must be flat case"),
        ("FooBar", "casing", {"type": "camel"}, "must be camel case"),
        ("foo-bar", "casing", {"type": "pascal"}, "must be pascal case"),
        ("foo_bar", "casing", {"type": "kebab"}, "must be kebab case"),
        ("Foo-Bar", "casing", {"type": "cobol"}, "must be cobol case"),
        ("fooBar", "casing", {"type": "snake"}, "must be snake case"),
        ("FOO-BAR", "casing", {"type": "macro"}, "must be macro case"),
        ("foo1", "casing", {"type": "camel", "disallowDigits": True}, "must be camel case"),
        ("/a/B", "casing", {"type": "flat", "separator": {"char": "/", "allowLeading": True}},
         "must be flat case"),
        (["b", "a"], "alphabetical", None, '"b" must be placed after "a"'),
        ({"b": 1, "a": 1}, "alphabetical", None, '"b" must be placed after "a"'),
        ([{"n": "b"}, {"n": "a"}], "alphabetical", {"keyedBy": "n"},
         "properties must follow the alphabetical order"),
        ({"c": 1}, "or", {"properties": ["a", "b"]}, 'At least one of "a" or "b" must be defined'),
        ({}, "or", {"properties": ["a", "b", "c", "d", "e"]},
         'At least one of "a" or "b" or "c" or 2 other properties must be defined'),
        ({"a": 1, "b": 1}, "xor", {"properties": ["a", "b"]},
         'Just one of "a" and "b" must be defined'),
        ({"enum": ["a", 1], "type": "string"}, "typedEnum", None, 'Enum value 1 must be "string".'),
        ({"a": 1}, "schema", {"schema": {"required": ["b"]}},
         '"it" property must have required property "b"'),
        ({"a": 1}, "schema", {"schema": {"properties": {"a": {"type": "string"}}}},
         '"a" property type must be string'),
        ("gren", "schema", {"schema": {"enum": ["red", "green"]}},
         ('"it" property must be equal to one of the allowed values: "red", "green". '
         'Did you mean "green"?')),
        ({"x": 1}, "schema", {"schema": {"additionalProperties": False}},
         'Property "x" is not expected to be here'),
        ([1, "x"], "schema", {"schema": {"items": {"type": "integer"}}},
         "Item at index 1 must be integer"),
    ],
)  # fmt: skip
def test_a_function_says_what_is_wrong(value: Any, function: str, options: Any, message: str):
    assert said(value, function, options) == [message]


@pytest.mark.parametrize(
    ("value", "function", "options"),
    [
        ("x", "truthy", None),
        ([], "truthy", None),
        ("", "falsy", None),
        ("a", "enumeration", {"values": ["a"]}),
        ({"a": 1}, "enumeration", {"values": ["a"]}),
        ("foo-bar", "casing", {"type": "kebab"}),
        ("fooBar2", "casing", {"type": "camel"}),
        ("FooBar", "casing", {"type": "pascal"}),
        ("FOO_BAR", "casing", {"type": "macro"}),
        ("/", "casing", {"type": "flat", "separator": {"char": "/", "allowLeading": True}}),
        ("/foo/bar", "casing", {"type": "flat", "separator": {"char": "/", "allowLeading": True}}),
        (1, "pattern", {"match": "x"}),
        (["a", "b", 10], "length", {"max": 3}),
        (True, "length", {"max": 0}),
        ([1, 2, 10], "alphabetical", None),
        ({"b": 1}, "or", {"properties": ["a", "b"]}),
        ({"b": 1}, "xor", {"properties": ["a", "b"]}),
        ({"enum": ["a", None], "type": ["string", "null"]}, "typedEnum", None),
        ({"enum": [1, 2.5], "type": "number"}, "typedEnum", None),
        (3, "schema", {"schema": {"type": "integer", "minimum": 3}}),
    ],
)
def test_a_function_is_content(value: Any, function: str, options: Any):
    assert said(value, function, options) == []


def test_what_is_missing_is_told_with_the_way_to_it():
    assert said({"a": {}}, "truthy", field="a.b.c") == ['"a.b.c" property must be truthy']
    assert said({"a": {}}, "defined", field="a.b") == ['"a.b" property must be defined']


def test_every_key_can_be_asked():
    options = {"match": "^[a-z]+$"}
    assert said({"ok": 1, "Bad": 2}, "pattern", options, "@key") == [
        '2 must match the pattern "^[a-z]+$"'
    ]


def test_a_field_may_be_an_expression():
    assert said({"a": [{"n": 1}, {"n": 0}]}, "truthy", field="$.a[*].n") == [
        '"n" property must be truthy'
    ]


def test_all_errors_of_a_schema_are_told_when_asked():
    schema = {"required": ["a", "b"], "type": "object"}
    assert len(said({}, "schema", {"schema": schema})) == 1
    assert len(said({}, "schema", {"schema": schema, "allErrors": True})) == 2


def test_unreferenced_parts_are_found():
    rule = {
        "given": "$.definitions",
        "resolved": False,
        "then": {
            "function": "unreferencedReusableObject",
            "functionOptions": {"reusableObjectsLocation": "#/definitions"},
        },
    }
    document = {"definitions": {"a": {}, "b": {}}, "x": {"$ref": "#/definitions/a"}}
    found = findings(json.dumps({"rules": {"r": rule}}), json.dumps(document))
    assert [f.path for f in found] == [("definitions", "b")]


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ({"function": "nothing"}, "does not exist"),
        ({"function": "oasPathParam"}, "does not exist"),
        ({"function": "length"}, "min / max"),
        ({"function": "length", "functionOptions": {"mx": 1}}, "mx"),
        ({"function": "length", "functionOptions": {"max": "1"}}, "numbers"),
        ({"function": "pattern", "functionOptions": {"match": "("}}, "regular expression"),
        ({"function": "casing", "functionOptions": {"type": "train"}}, "camel"),
        ({"function": "enumeration"}, "values"),
        ({"function": "xor", "functionOptions": {"properties": ["a"]}}, "two"),
        ({"function": "schema", "functionOptions": {"schema": {"$ref": "#/nope"}}}, "resolve"),
        ({"function": "schema", "functionOptions": {"schema": {"pattern": "("}}}, "regular"),
        ({"function": "truthy", "functionOptions": {"x": 1}}, "no option"),
        ({"field": "x"}, "function"),
        ({"function": "truthy", "feild": "x"}, "field"),
    ],
)
def test_wrong_options_are_refused_when_the_ruleset_is_read(then: dict[str, Any], reason: str):
    with pytest.raises(InvalidRuleset) as refused:
        load_ruleset(json.dumps({"rules": {"r": {"given": "$", "then": then}}}))
    assert reason in refused.value.message
