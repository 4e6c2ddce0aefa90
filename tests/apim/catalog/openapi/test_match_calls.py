"""Which operation a call counts for."""

import pytest

from apim.catalog.openapi import OperationMatcher

OPERATIONS = [
    ("GET", "/users"),
    ("GET", "/users/me"),
    ("GET", "/users/{id}"),
    ("DELETE", "/users/{id}"),
    ("GET", "/users/{id}/keys/{key}"),
    ("GET", "/{kind}/me/keys"),
    ("GET", "/reports/{name}.json"),
    ("GET", "/reports/{name}"),
    ("GET", "/range/{a}-{b}"),
    ("HEAD", "/files/{id}"),
    ("GET", "/files/{id}"),
    ("GET", "/slash/"),
    ("GET", "/both"),
    ("GET", "/both/"),
    ("GET", "/caf%C3%A9"),
    ("GET", "/"),
]
MATCHER = OperationMatcher((m, p, f"{m} {p}") for m, p in OPERATIONS)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/users", "GET /users"),
        ("get", "/users", "GET /users"),
        ("GET", "/users/me", "GET /users/me"),
        ("GET", "/users/42", "GET /users/{id}"),
        ("DELETE", "/users/me", "DELETE /users/{id}"),
        ("GET", "/users/42/keys/7", "GET /users/{id}/keys/{key}"),
        ("GET", "/teams/me/keys", "GET /{kind}/me/keys"),
        ("GET", "/users/me/keys", "GET /{kind}/me/keys"),
        ("GET", "/reports/may.json", "GET /reports/{name}.json"),
        ("GET", "/reports/may", "GET /reports/{name}"),
        ("GET", "/reports/.json", "GET /reports/{name}"),
        ("GET", "/range/1-9", "GET /range/{a}-{b}"),
        ("GET", "/range/19", None),
        ("HEAD", "/users/42", "GET /users/{id}"),
        ("HEAD", "/files/1", "HEAD /files/{id}"),
        ("OPTIONS", "/users", None),
        ("GET", "/users/", "GET /users"),
        ("GET", "/slash", "GET /slash/"),
        ("GET", "/both", "GET /both"),
        ("GET", "/both/", "GET /both/"),
        ("GET", "/users?x=/1", "GET /users"),
        ("GET", "/users#top", "GET /users"),
        ("GET", "/users/a%2Fb", "GET /users/{id}"),
        ("GET", "/us%65rs", "GET /users"),
        ("GET", "/café", "GET /caf%C3%A9"),
        ("GET", "/caf%C3%A9", "GET /caf%C3%A9"),
        ("GET", "/", "GET /"),
        ("GET", "//", None),
        ("GET", "/users//keys/7", None),
        ("GET", "/users/1/2/3/4", None),
    ],
)
def test_a_call_counts_for_the_most_literal_operation(method, path, expected):
    assert MATCHER.match(method, path) == expected


@pytest.mark.parametrize(
    "path",
    ["", "users", "*", "http://x/users", "/%", "/%zz", "/\x00", "/\ud800", "/" * 5000, "//%"],
)
@pytest.mark.parametrize("method", ["", "GET", "HEAD", "\x00"])
def test_a_malformed_call_is_no_operation_and_no_error(method, path):
    assert MATCHER.match(method, path) is None or path == "/%"


def test_an_endless_segment_against_a_pattern_stays_fast():
    assert MATCHER.match("GET", "/range/" + "-" * 100_000) is None


def test_an_empty_catalog_matches_nothing():
    assert OperationMatcher[int]([]).match("GET", "/") is None


def test_a_described_query_or_fragment_counts_for_its_path_unless_that_is_described():
    matcher = OperationMatcher(
        [
            ("GET", "/rest?method=find", "find"),
            ("GET", "/rest?method=list", "list"),
            ("PUT", "/files/{id}#lock", "lock"),
            ("PUT", "/files/{id}", "change"),
            ("PUT", "/files/{id}#share", "share"),
        ]
    )
    assert matcher.match("GET", "/rest?method=list") == "find"
    assert matcher.match("PUT", "/files/7") == "change"


def test_a_query_right_behind_the_address_is_a_call_of_the_root():
    matcher = OperationMatcher([("GET", "/", "ask"), ("POST", "/", "change")])
    assert matcher.match("GET", "?query={a}") == "ask"
    assert matcher.match("POST", "?") == "change"
