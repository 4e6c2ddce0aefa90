"""Documents made to keep the diff busy. Each is done in time, and what was not looked at is said."""

from typing import Any

import pytest

from apim.catalog.diff import Change, Level
from apim.catalog.diff.compare import compare_openapi
from apim.catalog.diff.report import MAX_ALL, Report
from tests.apim.catalog.diff.pairs import TODAY, with_body
from tests.cpu import cpu_seconds_at_most

TEXT = {"type": "string"}


def ref(name: Any) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def compared(old: Any, new: Any) -> tuple[Change, ...]:
    report = Report()
    with cpu_seconds_at_most(2):
        compare_openapi(old, new, report, TODAY)
    return report.changes()


def bodies(schema: Any, old: dict[str, Any], new: dict[str, Any]) -> tuple[Change, ...]:
    return compared(*(with_body(schema, components={"schemas": one}) for one in (old, new)))


def test_references_in_circles_end():
    def circle(last: dict[str, Any]) -> dict[str, Any]:
        return {
            "A": {"allOf": [ref("B"), ref("A")], "oneOf": [ref("A"), ref("B")]},
            "B": {"allOf": [ref("C"), {"not": ref("A")}], "properties": {"a": ref("A")}},
            "C": {"anyOf": [ref("A"), ref("B"), last], "items": ref("C")},
            "D": ref("D"),
        }

    found = bodies(ref("A"), circle(TEXT), circle(TEXT | {"maxLength": 5}))
    assert found
    assert bodies(ref("D"), circle(TEXT), circle(TEXT | {"maxLength": 5})) == ()


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf", "allOf"])
def test_every_schema_made_of_all_others_is_met_once_each(keyword):
    def tangle(size: int, **more: Any) -> dict[str, Any]:
        everything = [ref(i) for i in range(size)]
        return {str(i): {keyword: everything, "title": str(i)} | more for i in range(size)}

    assert bodies(ref(0), tangle(150), tangle(150, minProperties=1))


def test_alternatives_within_alternatives_do_not_multiply():
    def doubled(leaf: dict[str, Any], depth: int) -> dict[str, Any]:
        schema = leaf
        for _ in range(depth):
            schema = {"oneOf": [{"type": "null"}, {"anyOf": [schema, {"type": "array"}]}]}
        return schema

    assert compared(*(with_body(doubled(one, 24)) for one in (TEXT, TEXT | {"maxLength": 5})))


def test_null_wraps_within_null_wraps_do_not_multiply():
    def wrapped(depth: int, leaf: dict[str, Any]) -> dict[str, Any]:
        schema = leaf
        for number in range(depth):
            inner = {"type": "object", "properties": {f"p{number}": schema}}
            schema = {"oneOf": [{"type": "null"}, inner]} if number % 2 else inner
        return schema

    assert compared(with_body(wrapped(40, TEXT)), with_body(wrapped(41, TEXT)))


def test_hundreds_of_unnamed_alternatives_are_not_matched_each_with_each():
    def many(start: int) -> dict[str, Any]:
        return {"oneOf": [{"properties": {f"p{i}": TEXT}} for i in range(start, start + 900)]}

    found = compared(with_body(many(0)), with_body(many(10_000)))
    assert [(c.code, c.level) for c in found] == [
        ("request-body-alternatives-changed", Level.RISKY)
    ]


def test_a_schema_that_holds_itself_and_becomes_nullable_is_one_change():
    plain = {"type": "object", "properties": {"parent": ref("A")}}
    nullable = {"oneOf": [{"type": "null"}, plain]}
    (change,) = bodies(ref("A"), {"A": plain}, {"A": nullable})
    assert (change.code, change.level) == ("request-body-became-nullable", Level.COMPATIBLE)
    (change,) = bodies(ref("A"), {"A": nullable}, {"A": plain})
    assert (change.code, change.level) == ("request-body-became-not-nullable", Level.BREAKING)


def test_what_changed_deep_in_a_tangle_is_told_once_by_its_shortest_way():
    def tangle(limit: int) -> dict[str, Any]:
        return {
            str(i): {
                "properties": {
                    "next": ref((7 * i + 1) % 500),
                    "other": ref((3 * i + 2) % 500),
                    "name": TEXT | {"maxLength": limit if i == 57 else 100},
                }
            }
            for i in range(500)
        }

    (change,) = bodies(ref(0), tangle(20), tangle(10))
    assert (change.code, change.level) == ("request-property-max-length-decreased", Level.BREAKING)
    assert "“next/next/next/name”" in change.text


def test_a_schema_that_is_read_only_in_one_place_breaks_where_it_is_sent():
    def people(limit: int) -> dict[str, Any]:
        return {
            "Person": {"properties": {"name": TEXT | {"maxLength": limit}}},
            "Pet": {
                "properties": {
                    "keeper": {"allOf": [ref("Person")], "readOnly": True},
                    "sale": {"properties": {"contract": {"properties": {"buyer": ref("Person")}}}},
                }
            },
        }

    found = bodies(ref("Pet"), people(10), people(5))
    assert [(c.code, c.level) for c in found] == [
        ("request-property-max-length-decreased", Level.BREAKING),
        ("request-read-only-property-max-length-decreased", Level.COMPATIBLE),
    ]


def test_a_long_chain_of_references_is_followed_without_recursion_errors():
    def chain(last: dict[str, Any]) -> dict[str, Any]:
        links = {str(i): {"properties": {"next": ref(i + 1)}} for i in range(2000)}
        return links | {"2000": last}

    found = bodies(ref(0), chain(TEXT), chain(TEXT | {"maxLength": 5}))
    assert [(c.code, c.level) for c in found] == [("request-property-schema-changed", Level.RISKY)]


def test_more_changes_than_anybody_reads_are_counted():
    def wide(kind: str) -> dict[str, Any]:
        paths = {}
        for number in range(20):
            properties = {f"p{i}": {"type": kind} for i in range(700)}
            document = with_body({"type": "object", "properties": properties})
            paths[f"/{number}"] = document["paths"]["/pets"]
        return with_body(TEXT) | {"paths": paths}

    found = compared(wide("string"), wide("integer"))
    assert len(found) == MAX_ALL + 1
    assert (found[-1].code, found[-1].level) == ("more-changes", Level.RISKY)
    assert found[-1].text == "4000 more changes are not listed."


def test_long_values_are_cut():
    enum = {"enum": ["x" * 5000]}
    (change,) = compared(with_body(TEXT), with_body(TEXT | enum))
    assert len(change.text) < 300
    assert len(change.after) <= 120
