"""What callers must show: requirements, schemes, scopes."""

import pytest

from tests.apim.catalog.diff.pairs import (
    BREAKING,
    COMPATIBLE,
    codes,
    compare,
    document,
    of_operations,
    operation,
)

OTHER = {"/other": {"get": operation()}}
KEY, TOKEN = {"key": []}, {"oauth": ["read"]}
FLOW = {"authorizationUrl": "https://a.example", "tokenUrl": "https://t.example"}
SCHEMES = {
    "key": {"type": "apiKey", "name": "X-Key", "in": "header"},
    "oauth": {
        "type": "oauth2",
        "flows": {"authorizationCode": FLOW | {"scopes": {"read": "Read", "write": "Write"}}},
    },
}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([KEY, TOKEN], [KEY], [("removed", BREAKING)]),
        ([KEY], [KEY, TOKEN], [("added", COMPATIBLE)]),
        ([TOKEN], [{"oauth": ["read", "write"]}], [("scope-added", BREAKING)]),
        ([{"oauth": ["read", "write"]}], [TOKEN], [("scope-removed", COMPATIBLE)]),
        ([], [KEY], [("added", COMPATIBLE), ("anonymous-access-removed", BREAKING)]),
        ([KEY, {}], [KEY], [("anonymous-access-removed", BREAKING)]),
        ([KEY], [KEY, {}], [("anonymous-access-added", COMPATIBLE)]),
        ([KEY], [KEY | TOKEN], [("added", COMPATIBLE), ("removed", BREAKING)]),
    ],
)
def test_one_of_the_security_requirements_is_enough(old, new, expected):
    components = {"components": {"securitySchemes": SCHEMES}}
    found = of_operations({"security": old}, {"security": new}, **components)
    assert found == [(f"api-security-{ending}", level) for ending, level in expected]
    both = (document(OTHER, security=one, **components) for one in (old, new))
    assert codes(compare(*both)) == [(f"api-global-security-{e}", level) for e, level in expected]


def secured(own: list | None, shared: list | None) -> dict:
    """An operation with its own security or without, and one that lets anybody call."""
    parts = {} if own is None else {"security": own}
    health = {"/health": {"get": operation(security=[])}}
    more = {} if shared is None else {"security": shared}
    components = {"components": {"securitySchemes": SCHEMES}}
    return document({"/pets": {"get": operation(**parts)}} | health, **components, **more)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            (None, None),
            ([KEY], None),
            [
                ("api-security-added", COMPATIBLE),
                ("api-security-anonymous-access-removed", BREAKING),
            ],
        ),
        (([KEY], None), (None, None), [("api-security-anonymous-access-added", COMPATIBLE)]),
        (
            (None, [KEY]),
            (None, None),
            [
                ("api-global-security-anonymous-access-added", COMPATIBLE),
                ("api-global-security-removed", COMPATIBLE),
            ],
        ),
        ((None, [KEY]), ([], [KEY]), [("api-security-anonymous-access-added", COMPATIBLE)]),
        (
            ([], [KEY]),
            (None, [KEY]),
            [
                ("api-security-added", COMPATIBLE),
                ("api-security-anonymous-access-removed", BREAKING),
            ],
        ),
        (
            (None, [KEY]),
            ([TOKEN], [KEY]),
            [("api-security-added", COMPATIBLE), ("api-security-removed", BREAKING)],
        ),
        (([KEY], None), ([KEY], [KEY]), [("api-global-security-added", COMPATIBLE)]),
        (([], None), ([], [KEY]), [("api-global-security-added", COMPATIBLE)]),
        (
            ([KEY], [KEY]),
            ([KEY], [TOKEN]),
            [
                ("api-global-security-added", COMPATIBLE),
                ("api-global-security-removed", COMPATIBLE),
            ],
        ),
        ((None, None), ([], None), []),
    ],
)
def test_security_is_judged_where_it_holds(old, new, expected):
    """After oasdiff's TestAPISecurityAnonymousAccess."""
    assert codes(compare(secured(*old), secured(*new))) == expected


def test_an_operation_with_the_security_of_the_document_is_no_change():
    components = {"components": {"securitySchemes": SCHEMES}, "security": [KEY]}
    assert of_operations({}, {"security": [KEY]}, **components) == []


def schemes(**changed) -> dict:
    components = {"securitySchemes": SCHEMES | changed}
    return document({"/pets": {"get": operation(security=[KEY, TOKEN])}}, components=components)


@pytest.mark.parametrize(
    ("changed", "ending", "level"),
    [
        ({"key": {"type": "http", "scheme": "basic"}}, "type-changed", BREAKING),
        ({"key": SCHEMES["key"] | {"name": "Key"}}, "api-key-name-changed", BREAKING),
        ({"key": SCHEMES["key"] | {"in": "query"}}, "api-key-in-changed", BREAKING),
        ({"more": SCHEMES["key"]}, "added", COMPATIBLE),
    ],
)
def test_a_scheme_that_is_required_says_what_clients_send(changed, ending, level):
    found = codes(compare(schemes(), schemes(**changed)))
    assert found == [(f"api-security-component-{ending}", level)]


def test_parts_of_a_flow_are_told_of():
    def oauth(scopes: dict, **urls: str) -> dict:
        flow = FLOW | {"scopes": scopes} | urls
        return schemes(oauth={"type": "oauth2", "flows": {"authorizationCode": flow}})

    old = oauth({"read": "Read", "write": "Write"})
    new = oauth(
        {"read": "Reading", "admin": "All"},
        authorizationUrl="https://b.example",
        tokenUrl="https://u.example",
    )
    stem = "api-security-component-oauth"
    assert codes(compare(old, new)) == [
        (f"{stem}-scope-added", COMPATIBLE),
        (f"{stem}-scope-changed", COMPATIBLE),
        (f"{stem}-scope-removed", COMPATIBLE),
        (f"{stem}-token-url-changed", COMPATIBLE),
        (f"{stem}-url-changed", COMPATIBLE),
    ]
