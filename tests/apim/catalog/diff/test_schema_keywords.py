"""Each keyword of a schema, in each place, in both directions.

The ideas of many cases are those of oasdiff's tests (checker/*_test.go, Apache-2.0).
"""

import pytest

from tests.apim.catalog.diff.pairs import BREAKING, COMPATIBLE, PLACES, RISKY, of_schemas

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}
LIST = {"type": "array", "items": TEXT}
OBJECT = {"type": "object"}

# Old, new, end of the code, what it does to the values: narrows (-), widens (+), both (x), neither
# (0), nobody knows (?).
KEYWORDS = [
    (NUMBER, NUMBER | {"maximum": 5}, "max-set", "-"),
    (NUMBER | {"maximum": 5}, NUMBER, "max-unset", "+"),
    (NUMBER | {"maximum": 5}, NUMBER | {"maximum": 6}, "max-increased", "+"),
    (NUMBER | {"maximum": 5}, NUMBER | {"maximum": 4}, "max-decreased", "-"),
    (NUMBER, NUMBER | {"minimum": 5}, "min-set", "-"),
    (NUMBER | {"minimum": 5}, NUMBER, "min-unset", "+"),
    (NUMBER | {"minimum": 5}, NUMBER | {"minimum": 6}, "min-increased", "-"),
    (NUMBER | {"minimum": 5}, NUMBER | {"minimum": 4}, "min-decreased", "+"),
    (NUMBER, NUMBER | {"exclusiveMaximum": 5}, "exclusive-max-set", "-"),
    (NUMBER | {"exclusiveMaximum": 5}, NUMBER, "exclusive-max-unset", "+"),
    (
        NUMBER | {"exclusiveMaximum": 5},
        NUMBER | {"exclusiveMaximum": 6},
        "exclusive-max-increased",
        "+",
    ),
    (
        NUMBER | {"exclusiveMinimum": 5},
        NUMBER | {"exclusiveMinimum": 6},
        "exclusive-min-increased",
        "-",
    ),
    (TEXT, TEXT | {"maxLength": 5}, "max-length-set", "-"),
    (TEXT | {"maxLength": 5}, TEXT, "max-length-unset", "+"),
    (TEXT | {"maxLength": 5}, TEXT | {"maxLength": 6}, "max-length-increased", "+"),
    (TEXT | {"maxLength": 5}, TEXT | {"maxLength": 4}, "max-length-decreased", "-"),
    (TEXT, TEXT | {"minLength": 5}, "min-length-set", "-"),
    (TEXT | {"minLength": 0}, TEXT | {"minLength": 5}, "min-length-set", "-"),
    (TEXT | {"minLength": 5}, TEXT | {"minLength": 6}, "min-length-increased", "-"),
    (TEXT | {"minLength": 5}, TEXT | {"minLength": 4}, "min-length-decreased", "+"),
    (LIST, LIST | {"maxItems": 5}, "max-items-set", "-"),
    (LIST | {"maxItems": 5}, LIST | {"maxItems": 6}, "max-items-increased", "+"),
    (LIST | {"maxItems": 6}, LIST | {"maxItems": 5}, "max-items-decreased", "-"),
    (LIST, LIST | {"minItems": 5}, "min-items-set", "-"),
    (LIST | {"minItems": 5}, LIST, "min-items-unset", "+"),
    (LIST | {"minItems": 5}, LIST | {"minItems": 6}, "min-items-increased", "-"),
    (LIST, LIST | {"uniqueItems": True}, "unique-items-set", "-"),
    (LIST | {"uniqueItems": True}, LIST, "unique-items-unset", "+"),
    (LIST, LIST | {"contains": TEXT}, "contains-added", "-"),
    (LIST | {"contains": TEXT}, LIST, "contains-removed", "+"),
    (LIST | {"minContains": 1}, LIST | {"minContains": 2}, "min-contains-increased", "-"),
    (LIST | {"maxContains": 1}, LIST | {"maxContains": 2}, "max-contains-increased", "+"),
    (OBJECT, OBJECT | {"maxProperties": 5}, "max-properties-set", "-"),
    (OBJECT | {"maxProperties": 5}, OBJECT | {"maxProperties": 6}, "max-properties-increased", "+"),
    (OBJECT | {"minProperties": 5}, OBJECT | {"minProperties": 6}, "min-properties-increased", "-"),
    (OBJECT, OBJECT | {"propertyNames": TEXT}, "property-names-added", "-"),
    (OBJECT | {"propertyNames": TEXT}, OBJECT, "property-names-removed", "+"),
    (OBJECT, OBJECT | {"patternProperties": {"^a": TEXT}}, "pattern-property-added", "-"),
    (OBJECT | {"patternProperties": {"^a": TEXT}}, OBJECT, "pattern-property-removed", "+"),
    (OBJECT, OBJECT | {"unevaluatedProperties": False}, "unevaluated-properties-added", "-"),
    (OBJECT | {"unevaluatedProperties": False}, OBJECT, "unevaluated-properties-removed", "+"),
    (LIST, LIST | {"unevaluatedItems": False}, "unevaluated-items-added", "-"),
    (OBJECT, OBJECT | {"dependentRequired": {"a": ["b"]}}, "dependent-required-added", "-"),
    (OBJECT | {"dependentRequired": {"a": ["b"]}}, OBJECT, "dependent-required-removed", "+"),
    (
        OBJECT | {"dependentRequired": {"a": ["b"]}},
        OBJECT | {"dependentRequired": {"a": ["c"]}},
        "dependent-required-changed",
        "x",
    ),
    (OBJECT, OBJECT | {"dependentSchemas": {"a": OBJECT}}, "dependent-schema-added", "-"),
    (OBJECT | {"dependentSchemas": {"a": OBJECT}}, OBJECT, "dependent-schema-removed", "+"),
    (OBJECT, OBJECT | {"if": OBJECT}, "if-added", "-"),
    (OBJECT | {"then": OBJECT}, OBJECT, "then-removed", "+"),
    (OBJECT, OBJECT | {"else": OBJECT}, "else-added", "-"),
    (OBJECT, OBJECT | {"not": TEXT}, "not-added", "-"),
    (OBJECT | {"not": TEXT}, OBJECT, "not-removed", "+"),
    (TEXT, TEXT | {"enum": ["a"]}, "became-enum", "-"),
    (TEXT | {"enum": ["a"]}, TEXT, "became-not-enum", "+"),
    (TEXT, TEXT | {"const": "a"}, "const-added", "-"),
    (TEXT | {"const": "a"}, TEXT, "const-removed", "+"),
    (TEXT | {"const": "a"}, TEXT | {"const": "b"}, "const-changed", "x"),
    (TEXT, TEXT | {"default": "a"}, "default-value-added", "0"),
    (TEXT | {"default": "a"}, TEXT, "default-value-removed", "0"),
    (TEXT | {"default": "a"}, TEXT | {"default": None}, "default-value-changed", "0"),
    (TEXT, TEXT | {"pattern": "^a"}, "pattern-added", "-"),
    (TEXT | {"pattern": "^a"}, TEXT, "pattern-removed", "+"),
    (TEXT | {"pattern": "^a"}, TEXT | {"pattern": "^b"}, "pattern-changed", "?"),
    (NUMBER, NUMBER | {"multipleOf": 2}, "multiple-of-set", "-"),
    (NUMBER | {"multipleOf": 2}, NUMBER, "multiple-of-unset", "+"),
    (NUMBER | {"multipleOf": 2}, NUMBER | {"multipleOf": 3}, "multiple-of-changed", "x"),
    (TEXT, TEXT | {"contentSchema": OBJECT}, "content-schema-added", "-"),
    (
        TEXT | {"contentMediaType": "text/html"},
        TEXT | {"contentMediaType": "text/plain"},
        "content-media-type-changed",
        "x",
    ),
    (TEXT, TEXT | {"contentEncoding": "base64"}, "content-encoding-changed", "x"),
    ({"type": "array"}, LIST, "items-added", "-"),
    (LIST, {"type": "array"}, "items-removed", "+"),
    (TEXT, {"type": ["string", "null"]}, "became-nullable", "+"),
    ({"type": ["string", "null"]}, TEXT, "became-not-nullable", "-"),
    (OBJECT, OBJECT | {"discriminator": {"propertyName": "k"}}, "discriminator-added", "0"),
    (
        OBJECT | {"discriminator": {"propertyName": "k"}},
        OBJECT | {"discriminator": {"propertyName": "l"}},
        "discriminator-property-name-changed",
        "0",
    ),
    (OBJECT, OBJECT | {"additionalProperties": False}, "additional-properties-forbidden", "-"),
    (OBJECT, OBJECT | {"additionalProperties": TEXT}, "additional-properties-restricted", "-"),
]

LAW = {
    "request": {"-": BREAKING, "+": COMPATIBLE, "x": BREAKING, "0": COMPATIBLE, "?": RISKY},
    "response": {"-": COMPATIBLE, "+": BREAKING, "x": BREAKING, "0": COMPATIBLE, "?": RISKY},
}


@pytest.mark.parametrize(
    ("old", "new", "ending", "effect"), KEYWORDS, ids=[case[2] for case in KEYWORDS]
)
def test_a_keyword_is_judged_by_what_it_does_to_values(old, new, ending, effect):
    for place in PLACES:
        level = LAW[place.partition("-")[0]][effect]
        assert of_schemas(place, old, new) == [(f"{place}-{ending}", level)]
        assert of_schemas(place, old, old) == of_schemas(place, new, new) == []


@pytest.mark.parametrize(
    ("place", "ending", "level"),
    [
        ("request-body", "pattern-generalized", COMPATIBLE),
        ("request-parameter", "pattern-generalized", COMPATIBLE),
        ("response-body", "pattern-changed", RISKY),
        ("response-property", "pattern-changed", RISKY),
    ],
)
def test_a_pattern_that_matches_anything_is_wider_for_those_who_send(place, ending, level):
    old, new = TEXT | {"pattern": "^a"}, TEXT | {"pattern": ".*"}
    assert of_schemas(place, old, new) == [(f"{place}-{ending}", level)]


@pytest.mark.parametrize(
    ("place", "old", "new", "expected"),
    [
        ("request-property", ["a", "b"], ["a"], ("request-property-enum-value-removed", BREAKING)),
        ("request-property", ["a"], ["a", "b"], ("request-property-enum-value-added", COMPATIBLE)),
        ("request-body", ["a", "b"], ["a"], ("request-body-enum-value-removed", BREAKING)),
        (
            "request-parameter",
            ["a", "b"],
            ["a"],
            ("request-parameter-enum-value-removed", BREAKING),
        ),
        (
            "request-parameter-property",
            ["a", "b"],
            ["a"],
            ("request-parameter-property-enum-value-removed", BREAKING),
        ),
        ("response-property", ["a"], ["a", "b"], ("response-property-enum-value-added", BREAKING)),
        (
            "response-property",
            ["a", "b"],
            ["a"],
            ("response-property-enum-value-removed", COMPATIBLE),
        ),
        (
            "response-body",
            ["a", "b"],
            ["a"],
            ("response-mediatype-enum-value-removed", COMPATIBLE),
        ),
        ("response-property", [1], [1, True], ("response-property-enum-value-added", BREAKING)),
    ],
)
def test_values_of_an_enum_come_and_go(place, old, new, expected):
    assert of_schemas(place, {"enum": old}, {"enum": new}) == [expected]


def test_an_extensible_enum_may_grow_in_a_response_but_not_shrink_in_a_request():
    short, long = {"x-extensible-enum": ["a"]}, {"x-extensible-enum": ["a", "b"]}
    assert of_schemas("request-property", long, short) == [
        ("request-property-x-extensible-enum-value-removed", BREAKING)
    ]
    assert of_schemas("request-parameter", long, short) == [
        ("request-parameter-x-extensible-enum-value-removed", BREAKING)
    ]
    assert of_schemas("response-property", short, long) == [
        ("response-property-x-extensible-enum-value-added", COMPATIBLE)
    ]


@pytest.mark.parametrize(
    ("place", "old", "new", "ending", "level"),
    [
        ("request-body", "string", "number", "type-changed", BREAKING),
        ("request-body", "number", "string", "type-changed", BREAKING),
        ("request-body", "number", "integer", "type-changed", BREAKING),
        ("request-body", "integer", "number", "type-generalized", COMPATIBLE),
        ("request-property", "integer", ["integer", "string"], "type-generalized", COMPATIBLE),
        ("request-property", ["integer", "string"], "integer", "type-changed", BREAKING),
        ("request-property", "integer", None, "type-generalized", COMPATIBLE),
        ("request-parameter", "integer", "string", "type-generalized", COMPATIBLE),
        ("request-parameter", "string", "integer", "type-changed", BREAKING),
        ("request-parameter-property", "integer", "string", "type-changed", RISKY),
        ("request-parameter-property", "string", "integer", "type-specialized", BREAKING),
        ("request-parameter-property", "integer", "number", "type-generalized", COMPATIBLE),
        ("response-body", "string", "number", "type-changed", BREAKING),
        ("response-body", "integer", "number", "type-generalized", BREAKING),
        ("response-body", "number", "integer", "type-specialized", COMPATIBLE),
        ("response-property", "integer", None, "type-generalized", BREAKING),
        ("response-property", None, "integer", "type-specialized", COMPATIBLE),
        ("response-header", "string", "integer", "type-compatible", COMPATIBLE),
        ("response-header", "integer", "string", "type-changed", BREAKING),
    ],
)
def test_a_type_is_wider_or_narrower_than_another(place, old, new, ending, level):
    before, after = ({"type": one} if one else {} for one in (old, new))
    assert of_schemas(place, before, after) == [(f"{place}-{ending}", level)]


@pytest.mark.parametrize(
    ("place", "kind", "old", "new", "ending", "level"),
    [
        ("request-property", "integer", "int32", "int64", "type-generalized", COMPATIBLE),
        ("request-property", "integer", "int64", "int32", "type-changed", BREAKING),
        ("request-property", "number", "float", "double", "type-generalized", COMPATIBLE),
        ("request-property", "string", "date", "date-time", "type-generalized", COMPATIBLE),
        ("request-property", "string", "uuid", None, "type-generalized", COMPATIBLE),
        ("request-property", "string", None, "uuid", "type-changed", BREAKING),
        ("response-property", "integer", "int64", "int32", "type-specialized", COMPATIBLE),
        ("response-property", "string", "uuid", None, "type-generalized", BREAKING),
        ("response-property", "string", None, "uuid", "type-specialized", COMPATIBLE),
    ],
)
def test_a_format_is_wider_or_narrower_than_another(place, kind, old, new, ending, level):
    before, after = ({"type": kind} | ({"format": f} if f else {}) for f in (old, new))
    assert of_schemas(place, before, after) == [(f"{place}-{ending}", level)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"minimum": 5}, {"exclusiveMinimum": 5}, ("request-property-exclusive-min-set", BREAKING)),
        (
            {"exclusiveMinimum": 5},
            {"minimum": 5},
            ("request-property-exclusive-min-unset", COMPATIBLE),
        ),
        ({"maximum": 5}, {"exclusiveMaximum": 9}, ("request-property-max-unset", COMPATIBLE)),
        ({"exclusiveMaximum": 9}, {"maximum": 5}, ("request-property-max-set", BREAKING)),
    ],
)
def test_a_bound_that_becomes_strict_is_one_change(old, new, expected):
    assert of_schemas("request-property", NUMBER | old, NUMBER | new) == [expected]


@pytest.mark.parametrize(
    ("place", "old", "new", "ending", "level"),
    [
        ("request-property", 10, 5, "multiple-of-generalized", COMPATIBLE),
        ("request-property", 5, 10, "multiple-of-changed", BREAKING),
        ("request-property", 0.1, 0.01, "multiple-of-generalized", COMPATIBLE),
        ("response-property", 5, 10, "multiple-of-specialized", COMPATIBLE),
        ("response-property", 10, 5, "multiple-of-changed", BREAKING),
    ],
)
def test_a_multiple_of_a_multiple_is_within_it(place, old, new, ending, level):
    before, after = (NUMBER | {"multipleOf": one} for one in (old, new))
    assert of_schemas(place, before, after) == [(f"{place}-{ending}", level)]


def test_every_mapping_of_a_discriminator_is_told_of():
    def mapped(**names: str) -> dict:
        return OBJECT | {"discriminator": {"propertyName": "k", "mapping": names}}

    found = of_schemas("response-body", mapped(cat="Cat", dog="Dog"), mapped(cat="Tom", cow="Cow"))
    assert found == [
        ("response-body-discriminator-mapping-added", COMPATIBLE),
        ("response-body-discriminator-mapping-changed", COMPATIBLE),
        ("response-body-discriminator-mapping-deleted", COMPATIBLE),
    ]


def test_elements_by_position_are_judged_with_care():
    one, two = LIST | {"prefixItems": [TEXT]}, LIST | {"prefixItems": [TEXT, NUMBER]}
    assert of_schemas("request-body", one, two) == [("request-body-prefix-items-added", RISKY)]
    assert of_schemas("response-property", two, one) == [
        ("response-property-prefix-items-removed", RISKY)
    ]
    assert of_schemas("request-body", LIST, LIST | {"prefixItems": [TEXT]}) == []


def test_no_value_at_all_is_the_narrowest_schema():
    assert of_schemas("request-property", {}, False) == [
        ("request-property-schema-became-false", BREAKING)
    ]
    assert of_schemas("response-property", {}, False) == [
        ("response-property-schema-became-false", COMPATIBLE)
    ]
    assert of_schemas("response-body", {}, False) == [
        ("response-body-schema-became-false", BREAKING)
    ]
    assert of_schemas("request-parameter", False, {}) == [
        ("request-parameter-schema-became-not-false", COMPATIBLE)
    ]
    assert of_schemas("request-property", {}, True) == []


def test_words_about_a_schema_are_no_change():
    worded = TEXT | {"title": "A", "description": "b", "example": "c", "examples": ["d"]}
    for place in PLACES:
        assert of_schemas(place, TEXT, worded) == []
