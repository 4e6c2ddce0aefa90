"""What all changes together mean, and how they are told to people."""

import pytest

from apim.catalog.diff import (
    Bump,
    advised_version,
    as_text,
    changelog,
    entries_of,
    is_bumped_enough,
    summarize,
)
from tests.apim.catalog.diff.pairs import compare, document, operation

TEXT = {"type": "string"}
QUERY = {"name": "q", "in": "query", "schema": TEXT}


def calls(count: int, **parts) -> dict:
    return document({f"/{number}": {"get": operation(**parts)} for number in range(count)})


@pytest.mark.parametrize(
    ("old", "new", "bump", "is_breaking"),
    [
        ({}, {}, Bump.NONE, False),
        ({}, {"tags": ["a"]}, Bump.MINOR, False),
        ({"tags": ["a"]}, {}, Bump.PATCH, False),
        ({}, {"parameters": [QUERY]}, Bump.MINOR, False),
        ({"parameters": [QUERY]}, {}, Bump.MINOR, False),
        ({}, {"parameters": [QUERY | {"required": True}]}, Bump.MAJOR, True),
    ],
)
def test_the_worst_change_decides_about_the_version_number(old, new, bump, is_breaking):
    summary = summarize(compare(calls(2, **old), calls(2, **new)))
    assert (summary.bump, summary.is_breaking) == (bump, is_breaking)
    assert summary.operations == (0 if bump is Bump.NONE else 2)
    assert summary.total == summary.breaking + summary.risky + summary.compatible


@pytest.mark.parametrize(
    ("version", "bump", "advised"),
    [
        ("1.2.3", Bump.MAJOR, "2.0.0"),
        ("1.2.3", Bump.MINOR, "1.3.0"),
        ("1.2.3", Bump.PATCH, "1.2.4"),
        ("1.2.3", Bump.NONE, "1.2.3"),
        ("v2", Bump.MINOR, "v2.1.0"),
        ("0.4.1", Bump.MAJOR, "0.5.0"),
        ("1.0.0-beta.1", Bump.PATCH, "1.0.1"),
        ("2026-05", Bump.MAJOR, "2027.0.0"),
        ("spring", Bump.MAJOR, ""),
    ],
)
def test_the_next_version_follows_semantic_versioning(version, bump, advised):
    assert advised_version(version, bump) == advised


@pytest.mark.parametrize(
    ("old", "new", "bump", "is_enough"),
    [
        ("1.2.3", "1.2.3", Bump.MINOR, False),
        ("1.2.3", "1.2.4", Bump.MINOR, False),
        ("1.2.3", "1.3.0", Bump.MINOR, True),
        ("1.2.3", "2.0.0", Bump.MAJOR, True),
        ("1.2.3", "1.9.0", Bump.MAJOR, False),
        ("1.2.3", "1.2.2", Bump.NONE, False),
        ("1.2.3", "next", Bump.MAJOR, True),
    ],
)
def test_a_step_in_version_numbers_is_as_large_as_the_changes_ask_for(old, new, bump, is_enough):
    assert is_bumped_enough(old, new, bump) is is_enough


def test_a_change_of_many_operations_is_told_once():
    changes = compare(calls(5), calls(5, parameters=[QUERY | {"required": True}]))
    assert len(changes) == 5
    (entry,) = entries_of(changes)
    assert str(entry) == "5 operations: Query parameter “q”: was added and is required."
    (section,) = changelog(changes)
    assert section.title == "5 operations"
    assert section.operations == tuple(f"GET /{number}" for number in range(5))


def test_the_changelog_begins_with_what_breaks_and_ends_with_what_concerns_all():
    old, new = calls(3), calls(3)
    new["paths"]["/1"]["get"]["parameters"] = [QUERY | {"required": True}]
    new["paths"]["/0"]["get"]["parameters"] = [QUERY]
    new["servers"] = [{"url": "https://a.example"}]
    changes = compare(old, new)
    assert [section.title for section in changelog(changes)] == [
        "GET /1",
        "GET /0",
        "The whole API",
    ]
    assert as_text(changes).splitlines() == [
        "Breaking",
        "- GET /1: Query parameter “q”: was added and is required.",
        "",
        "Compatible",
        "- GET /0: Query parameter “q”: was added.",
        "- The server https://a.example was added.",
    ]
    assert as_text(()) == ""
