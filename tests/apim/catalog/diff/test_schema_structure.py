"""Properties, references, compositions, and rewritings that are no change or only one.

The ideas of many cases are those of oasdiff's tests (checker/*_test.go, Apache-2.0).
"""

import pytest

from tests.apim.catalog.diff.pairs import (
    BREAKING,
    COMPATIBLE,
    RISKY,
    as_property,
    codes,
    compare,
    of_schemas,
    with_body,
    with_response,
)

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
OBJECT = {"type": "object"}
NULL = {"type": "null"}


def holding(*required: str, **properties) -> dict:
    return {"type": "object", "properties": properties, "required": list(required)}


@pytest.mark.parametrize(
    ("old", "new", "code", "level"),
    [
        (holding(), holding(p=TEXT), "new-optional-request-property", COMPATIBLE),
        (holding(), holding("p", p=TEXT), "new-required-request-property", BREAKING),
        (
            holding(),
            holding("p", p=TEXT | {"default": "a"}),
            "new-required-request-property-with-default",
            BREAKING,
        ),
        (holding(p=TEXT), holding(), "request-property-removed", RISKY),
        (holding("p", p=TEXT), holding(), "request-property-removed", RISKY),
        (holding(p=TEXT), holding("p", p=TEXT), "request-property-became-required", BREAKING),
        (
            holding(p=TEXT | {"default": "a"}),
            holding("p", p=TEXT | {"default": "a"}),
            "request-property-became-required-with-default",
            BREAKING,
        ),
        (holding("p", p=TEXT), holding(p=TEXT), "request-property-became-optional", COMPATIBLE),
    ],
)
def test_properties_that_the_client_sends(old, new, code, level):
    assert of_schemas("request-body", old, new) == [(code, level)]


WRITTEN = TEXT | {"writeOnly": True}


@pytest.mark.parametrize(
    ("old", "new", "code", "level"),
    [
        (holding(), holding(p=TEXT), "response-optional-property-added", COMPATIBLE),
        (holding(), holding("p", p=TEXT), "response-required-property-added", COMPATIBLE),
        (holding(p=TEXT), holding(), "response-optional-property-removed", COMPATIBLE),
        (holding("p", p=TEXT), holding(), "response-required-property-removed", BREAKING),
        (holding("p", p=TEXT), holding(p=TEXT), "response-property-became-optional", BREAKING),
        (holding(p=TEXT), holding("p", p=TEXT), "response-property-became-required", COMPATIBLE),
        (
            holding("p", p=WRITTEN),
            holding(),
            "response-required-write-only-property-removed",
            COMPATIBLE,
        ),
        (
            holding(),
            holding(p=WRITTEN),
            "response-optional-write-only-property-added",
            COMPATIBLE,
        ),
        (
            holding("p", p=WRITTEN),
            holding(p=WRITTEN),
            "response-write-only-property-became-optional",
            COMPATIBLE,
        ),
        (
            holding(p=WRITTEN | {"enum": ["a"]}),
            holding(p=WRITTEN | {"enum": ["a", "b"]}),
            "response-write-only-property-enum-value-added",
            COMPATIBLE,
        ),
    ],
)
def test_properties_that_the_client_gets(old, new, code, level):
    assert of_schemas("response-body", old, new) == [(code, level)]


def test_what_only_the_api_writes_is_no_part_of_a_request():
    read = TEXT | {"readOnly": True}
    for old, new in (
        (holding(), holding("p", p=read)),
        (holding("p", p=read), holding()),
        (holding(p=read), holding("p", p=read)),
    ):
        assert of_schemas("request-body", old, new) == []
    for keyword, (old, new), ending in (
        ("maxLength", (5, 4), "max-length-decreased"),
        ("enum", (["a", "b"], ["a"]), "enum-value-removed"),
    ):
        pair = (holding(p=read | {keyword: one}) for one in (old, new))
        expected = [(f"request-read-only-property-{ending}", COMPATIBLE)]
        assert of_schemas("request-body", *pair) == expected


@pytest.mark.parametrize("keyword", ["readOnly", "writeOnly"])
@pytest.mark.parametrize(
    ("place", "direction"), [("request-body", "request"), ("response-body", "response")]
)
def test_who_writes_a_property_is_told_of(keyword, place, direction):
    word = {"readOnly": "read-only", "writeOnly": "write-only"}[keyword]
    plain, marked = TEXT, TEXT | {keyword: True}
    assert of_schemas(place, holding(p=plain), holding(p=marked)) == [
        (f"{direction}-optional-property-became-{word}", COMPATIBLE)
    ]
    assert of_schemas(place, holding("p", p=marked), holding("p", p=plain)) == [
        (f"{direction}-required-property-became-not-{word}", COMPATIBLE)
    ]


@pytest.mark.parametrize("direction", ["request", "response"])
@pytest.mark.parametrize(
    ("old", "new", "ending", "level"),
    [
        ({}, {"deprecated": True}, "deprecated", COMPATIBLE),
        ({"deprecated": True}, {}, "reactivated", COMPATIBLE),
        (
            {},
            {"deprecated": True, "x-sunset": "2026-12-31"},
            "deprecated-with-sunset",
            COMPATIBLE,
        ),
        ({}, {"deprecated": True, "x-sunset": "soon"}, "deprecated-sunset-invalid", BREAKING),
        ({}, {"deprecated": True, "x-sunset": "2020-01-01"}, "sunset-date-too-small", BREAKING),
        ({}, {"x-stability-level": "beta"}, "stability-decreased", BREAKING),
        ({"x-stability-level": "alpha"}, {}, "stability-increased", COMPATIBLE),
    ],
)
def test_the_life_of_a_property(direction, old, new, ending, level):
    found = of_schemas(f"{direction}-property", TEXT | old, TEXT | new)
    assert found == [(f"{direction}-property-{ending}", level)]


def test_the_sentence_names_the_property_with_all_that_is_around_it():
    def deep(schema: dict) -> dict:
        item = holding(price=schema)
        return with_body(holding(data=holding(items={"type": "array", "items": item})))

    change = compare(deep(INTEGER | {"maximum": 9}), deep(INTEGER | {"maximum": 5}))[0]
    assert change.text == (
        "Request, property “data/items/items/price”: maximum was lowered from 9 to 5."
    )
    assert (change.before, change.after) == ("9", "5")
    assert change.operation == "POST /pets"
    assert not change.is_in_old
    assert change.path[-2:] == ("price", "maximum")


def test_what_was_removed_is_found_in_the_old_document():
    old, new = with_response(holding("p", p=TEXT)), with_response(holding())
    change = compare(old, new)[0]
    assert change.is_in_old
    value = old
    for key in change.path:
        value = value[key]
    assert value == TEXT


# References


def referring(pet: dict, *, both: bool = False) -> dict:
    ref = {"$ref": "#/components/schemas/Pet"}
    components = {"components": {"schemas": {"Pet": pet}}}
    if not both:
        return with_response(ref, **components)
    document = with_body(ref, **components)
    document["paths"]["/pets"]["get"] = with_response(ref)["paths"]["/pets"]["get"]
    return document


def test_a_schema_for_both_directions_is_judged_in_each():
    pair = [referring(holding(p=one), both=True) for one in (TEXT, TEXT | {"maxLength": 5})]
    found = compare(*pair)
    assert codes(found) == [
        ("request-property-max-length-set", BREAKING),
        ("response-property-max-length-set", COMPATIBLE),
    ]
    path = ("components", "schemas", "Pet", "properties", "p", "maxLength")
    assert {change.path for change in found} == {path}


def test_a_schema_met_twice_in_one_body_is_told_of_once():
    def twice(pet: dict) -> dict:
        ref = {"$ref": "#/components/schemas/Pet"}
        return with_response(holding(a=ref, b=ref), components={"schemas": {"Pet": pet}})

    assert len(compare(twice(holding()), twice(holding(p=TEXT)))) == 1


def test_a_component_that_was_renamed_or_written_out_is_no_change():
    pet = holding(p=TEXT)
    named = with_response(
        {"$ref": "#/components/schemas/Animal"}, components={"schemas": {"Animal": pet}}
    )
    assert codes(compare(referring(pet), named)) == [("api-schema-removed", COMPATIBLE)]
    assert codes(compare(referring(pet), with_response(pet))) == [
        ("api-schema-removed", COMPATIBLE)
    ]


def test_a_schema_within_itself_is_compared_once():
    def tree(leaf: dict) -> dict:
        ref = {"$ref": "#/components/schemas/Pet"}
        return referring(holding(leaf=leaf, left=ref, right={"type": "array", "items": ref}))

    found = compare(tree(TEXT), tree(TEXT | {"maxLength": 5}))
    assert codes(found) == [("response-property-max-length-set", COMPATIBLE)]


def test_keywords_beside_a_reference_count_from_openapi_3_1_on():
    def beside(version: str, **more) -> dict:
        ref = {"$ref": "#/components/schemas/Pet"} | more
        return with_body(ref, version=version, components={"schemas": {"Pet": TEXT}})

    found = compare(beside("3.1.0"), beside("3.1.0", maxLength=5))
    assert codes(found) == [("request-body-max-length-set", BREAKING)]
    assert compare(beside("3.0.3"), beside("3.0.3", maxLength=5)) == ()


# Compositions

CAT, DOG, COW = (holding("k", k={"const": name}) for name in ("cat", "dog", "cow"))


@pytest.mark.parametrize(
    ("keyword", "stem"), [("oneOf", "one-of"), ("anyOf", "any-of"), ("allOf", "all-of")]
)
@pytest.mark.parametrize(
    "place", ["request-body", "request-property", "response-body", "response-property"]
)
def test_a_member_of_a_composition_comes_or_goes(keyword, stem, place):
    widens = "added" if keyword != "allOf" else "removed"
    few, many = {keyword: [CAT, DOG]}, {keyword: [CAT, COW, DOG]}
    is_request = place.startswith("request")
    for old, new, action in ((few, many, "added"), (many, few, "removed")):
        level = COMPATIBLE if (action == widens) is is_request else BREAKING
        assert of_schemas(place, old, new) == [(f"{place}-{stem}-{action}", level)]


def test_a_remark_in_an_all_of_restricts_nothing():
    remark = {"description": "A pet"}
    found = of_schemas("request-body", {"allOf": [CAT]}, {"allOf": [CAT, remark]})
    assert found == []  # merged, both say the same
    clash = {"allOf": [holding(p=TEXT), holding(p=INTEGER)]}
    more = {"allOf": [*clash["allOf"], remark]}
    assert of_schemas("request-body", clash, more) == [
        ("request-body-all-of-added-annotation-only", COMPATIBLE)
    ]


def test_members_are_matched_by_reference_content_title_and_if_only_one_is_left():
    def titled(title: str, **more) -> dict:
        return holding(p=TEXT | more) | {"title": title}

    old = {"oneOf": [titled("a"), titled("b"), CAT]}
    new = {"oneOf": [CAT, titled("b", maxLength=5), titled("a")]}
    assert of_schemas("request-body", old, new) == [("request-property-max-length-set", BREAKING)]
    last = {"oneOf": [CAT, holding(p=TEXT)]}, {"oneOf": [CAT, holding(p=TEXT | {"maxLength": 5})]}
    assert of_schemas("request-body", *last) == [("request-property-max-length-set", BREAKING)]


def test_the_order_of_members_and_their_words_are_no_change():
    worded = [one | {"description": "new words"} for one in (COW, CAT, DOG)]
    assert of_schemas("response-body", {"oneOf": [CAT, DOG, COW]}, {"oneOf": worded}) == []


def test_changes_within_not_and_if_are_risky():
    for keyword in ("not", "if"):
        old, new = ({keyword: holding(p=TEXT | more)} for more in ({}, {"maxLength": 5}))
        assert of_schemas("request-body", old, new) == [("request-property-max-length-set", RISKY)]
    old, new = ({"then": holding(p=TEXT | more)} for more in ({}, {"maxLength": 5}))
    assert of_schemas("request-body", old, new) == [("request-property-max-length-set", BREAKING)]


# Rewritings


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
def test_a_schema_beside_null_is_that_schema_made_nullable(keyword):
    wrapped = {keyword: [NULL, TEXT | {"enum": ["a"]}]}
    plain = TEXT | {"enum": ["a"]}
    assert of_schemas("request-property", plain, wrapped) == [
        ("request-property-became-nullable", COMPATIBLE)
    ]
    assert of_schemas("request-property", wrapped, plain) == [
        ("request-property-became-not-nullable", BREAKING)
    ]
    assert of_schemas("response-body", plain, wrapped) == [
        ("response-body-became-nullable", BREAKING)
    ]


def test_nullable_of_openapi_3_0_is_the_type_null_of_3_1():
    old = with_response(as_property(TEXT | {"nullable": True}), version="3.0.3")
    new = with_response(as_property({"type": ["string", "null"]}))
    assert compare(old, new) == ()
    found = compare(with_response(as_property(TEXT), version="3.0.3"), old)
    assert codes(found) == [("response-property-became-nullable", BREAKING)]


def test_strict_bounds_of_openapi_3_0_are_those_of_3_1():
    old = with_body(INTEGER | {"minimum": 5, "exclusiveMinimum": True}, version="3.0.3")
    assert compare(old, with_body(INTEGER | {"exclusiveMinimum": 5})) == ()
    found = compare(old, with_body(INTEGER | {"exclusiveMinimum": 6}))
    assert codes(found) == [("request-body-exclusive-min-increased", BREAKING)]


@pytest.mark.parametrize(
    ("place", "old", "new", "ending", "level"),
    [
        ("request-property", [TEXT], [TEXT, INTEGER], "widened", COMPATIBLE),
        ("request-property", [TEXT, INTEGER], [TEXT], "narrowed", BREAKING),
        ("response-property", [TEXT], [TEXT, INTEGER], "widened", BREAKING),
        ("response-body", [TEXT, INTEGER], [TEXT], "narrowed", COMPATIBLE),
        ("request-parameter", [TEXT, INTEGER], [TEXT], "narrowed", BREAKING),
    ],
)
def test_a_list_of_plain_types_is_compared_as_types(place, old, new, ending, level):
    before, after = (one[0] if len(one) == 1 else {"anyOf": one} for one in (old, new))
    assert of_schemas(place, before, after) == [(f"{place}-list-of-types-{ending}", level)]


def test_an_object_that_became_one_of_several_is_one_change():
    plain = holding("a", a=TEXT, b=TEXT)
    kept = {"oneOf": [plain, holding("a", "c", a=TEXT, c=TEXT)]}
    lost = {"oneOf": [holding("a", "d", a=TEXT, d=TEXT), holding("a", "c", a=TEXT, c=TEXT)]}
    assert of_schemas("request-body", plain, lost) == [("request-body-wrapped-in-one-of", BREAKING)]
    assert of_schemas("response-body", plain, kept) == [
        ("response-body-wrapped-in-one-of-original-preserved", RISKY)
    ]
    assert of_schemas("response-property", plain, kept) == [
        ("response-property-one-of-added", BREAKING)
    ]


@pytest.mark.parametrize("place", ["request-body", "response-body"])
def test_an_all_of_made_or_taken_apart_is_no_change(place):
    whole = holding("a", "b", a=TEXT, b=INTEGER)
    parts = {"allOf": [holding("a", a=TEXT), holding("b", b=INTEGER)]}
    nested = {"allOf": [{"allOf": [holding("b", b=INTEGER)]}], **holding("a", a=TEXT)}
    for old, new in ((whole, parts), (parts, whole), (parts, nested)):
        assert of_schemas(place, old, new) == []


def test_in_media_types_without_types_a_number_may_become_text():
    old, new = with_body(as_property(INTEGER)), with_body(as_property(TEXT))
    for document in (old, new):
        content = document["paths"]["/pets"]["post"]["requestBody"]["content"]
        content["application/x-www-form-urlencoded"] = content.pop("application/json")
    assert codes(compare(old, new)) == [("request-property-type-compatible", COMPATIBLE)]


def test_a_property_that_becomes_false_does_not_hide_another():
    old, new = ({"properties": {"a": one, "b": one}} for one in (True, False))
    found = of_schemas("request-body", old, new)
    assert found == [("request-property-schema-became-false", BREAKING)] * 2
