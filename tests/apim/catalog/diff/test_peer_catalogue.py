"""Every check of oasdiff: found by ours, at the level that it has there, or told why not."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from apim.catalog.diff.compare import compare_openapi
from apim.catalog.diff.report import Report
from tests.apim.catalog.diff.pairs import JSON, PLACES, TODAY, document, operation
from tests.apim.catalog.diff.peer_checks import PEER_CHECKS
from tests.apim.catalog.diff.test_schema_keywords import KEYWORDS
from tests.apim.catalog.diff.test_schema_structure import CAT, COW, DOG, holding
from tests.apim.catalog.diff.test_security import FLOW, KEY, SCHEMES, TOKEN

DOCS = Path(__file__).parents[4] / "docs" / "diff.md"
LEVELS = {"ERR": "breaking", "WARN": "risky", "INFO": "compatible"}
TEXT, INTEGER, OBJECT = {"type": "string"}, {"type": "integer"}, {"type": "object"}
LIST = {"type": "array"}
FUTURE, LATER, PAST = "2026-06-02", "2026-12-31", "2020-01-01"

# What is not found as a change, and why.
VERSIONING = "The summary advises on the version number; it is no change."
NO_SUNSET = "Whether a sunset is needed is a rule for deprecating a version, not a change."
NOT_FOUND = {
    "api-version-not-bumped": VERSIONING,
    "api-version-decreased": VERSIONING,
    "api-major-version-not-bumped": VERSIONING,
    "api-deprecated-sunset-missing": NO_SUNSET,
    "request-parameter-deprecated-sunset-missing": NO_SUNSET,
    "request-property-deprecated-sunset-missing": NO_SUNSET,
    "response-property-deprecated-sunset-missing": NO_SUNSET,
}
# Found at another level in some cases.
OTHERWISE = {
    "api-global-security-removed": (
        "Compatible where no operation has the document's security, or calls without credentials "
        "are accepted instead; as in oasdiff's later versions."
    ),
    "api-security-component-type-changed": (
        "Breaking where some operation requires the scheme: clients must send something else; "
        "as in oasdiff's later versions."
    ),
}

# Schemas for each place, compared both ways.
CLASH = {"allOf": [holding(p=TEXT), holding(p=INTEGER)]}
MAPPED = OBJECT | {"discriminator": {"propertyName": "k", "mapping": {"a": "A", "b": "B"}}}
OTHER_MAPPED = OBJECT | {"discriminator": {"propertyName": "k", "mapping": {"b": "X", "c": "C"}}}
SCHEMAS: list[tuple[Any, Any]] = [
    *((INTEGER, INTEGER | {key: 5}) for key in ("exclusiveMinimum", "exclusiveMaximum")),
    *((LIST, LIST | {key: 5}) for key in ("minContains", "maxContains")),
    (OBJECT, OBJECT | {"minProperties": 5}),
    *(({key: [CAT, DOG]}, {key: [CAT, DOG, COW]}) for key in ("oneOf", "anyOf", "allOf")),
    (CLASH, {"allOf": [*CLASH["allOf"], {"description": "A remark"}]}),
    (MAPPED, OTHER_MAPPED),
    ({"enum": ["a"]}, {"enum": ["a", "b"]}),
    ({"x-extensible-enum": ["a"]}, {"x-extensible-enum": ["a", "b"]}),
    (TEXT, {"anyOf": [TEXT, INTEGER]}),
    (LIST, LIST | {"prefixItems": [TEXT]}),
    (TEXT | {"pattern": "^a"}, TEXT | {"pattern": ".*"}),
    ({}, False),
    (TEXT, INTEGER),
    (INTEGER, {"type": "number"}),
    (INTEGER | {"multipleOf": 5}, INTEGER | {"multipleOf": 10}),
    (holding("a", a=TEXT, b=TEXT), {"oneOf": [holding("a", a=TEXT, b=TEXT), holding(c=TEXT)]}),
    (holding("a", a=TEXT, b=TEXT), {"oneOf": [holding("d", a=TEXT, d=TEXT)]}),
]
WRITTEN, READ = TEXT | {"writeOnly": True}, TEXT | {"readOnly": True}
# The same for bodies alone: properties.
PROPERTIES: list[tuple[Any, Any]] = [
    (holding(), holding(p=TEXT)),
    (holding(), holding("p", p=TEXT)),
    (holding(), holding("p", p=TEXT | {"default": "a"})),
    (holding(p=TEXT), holding("p", p=TEXT)),
    (holding(p=TEXT | {"default": "a"}), holding("p", p=TEXT | {"default": "a"})),
    (holding(), holding(p=WRITTEN)),
    (holding(), holding("p", p=WRITTEN)),
    (holding(p=WRITTEN), holding("p", p=WRITTEN)),
    (holding(p=WRITTEN | {"enum": ["a"]}), holding(p=WRITTEN | {"enum": ["a", "b"]})),
    (holding(p=READ | {"enum": ["a"]}), holding(p=READ | {"enum": ["a", "b"]})),
    *(
        (holding(*required, p=TEXT), holding(*required, p=marked))
        for required in ((), ("p",))
        for marked in (WRITTEN, READ)
    ),
    *(
        (holding(p=READ | {"type": kind, key: 5}), holding(p=READ | {"type": kind, key: 4}))
        for kind, key in (
            ("number", "maximum"),
            ("number", "minimum"),
            ("number", "exclusiveMaximum"),
            ("number", "exclusiveMinimum"),
            ("string", "maxLength"),
            ("array", "maxItems"),
            ("object", "maxProperties"),
        )
    ),
    *(
        (holding(p=TEXT), holding(p=TEXT | marks))
        for marks in (
            {"deprecated": True},
            {"deprecated": True, "x-sunset": LATER},
            {"deprecated": True, "x-sunset": PAST},
            {"deprecated": True, "x-sunset": "soon"},
            {"x-stability-level": "beta"},
        )
    ),
]


def query(**parts: Any) -> dict[str, Any]:
    return {"parameters": [{"name": "q", "in": "query", "schema": TEXT} | parts]}


def header(schema: Any) -> dict[str, Any]:
    return {"parameters": [{"name": "q", "in": "header", "schema": schema}]}


def body(schema: Any = OBJECT, media_type: str = JSON, **parts: Any) -> dict[str, Any]:
    return {"requestBody": {"content": {media_type: {"schema": schema}}} | parts}


def content(media_type: str = JSON, **parts: Any) -> dict[str, Any]:
    return {"responses": {"200": {"description": "OK", "content": {media_type: parts}}}}


def headed(**headers: Any) -> dict[str, Any]:
    return {"responses": {"200": {"description": "OK", "headers": headers}}}


OK = {"description": "OK"}
ENDING, ENDED = (
    {"deprecated": True, "x-sunset": LATER},
    {"deprecated": True, "x-sunset": FUTURE},
)
OPERATIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"deprecated": True}),
    ({}, ENDING),
    ({}, {"deprecated": True, "x-sunset": PAST}),
    ({}, {"deprecated": True, "x-sunset": "soon"}),
    (ENDING, {"deprecated": True}),
    (ENDING, ENDED),
    ({}, {"operationId": "a"}),
    ({}, {"tags": ["a"]}),
    ({}, {"x-stability-level": "beta"}),
    ({}, {"x-stability-level": "?"}),
    ({}, {"security": [KEY]}),
    ({"security": [KEY]}, {"security": [TOKEN]}),
    ({"security": [{"oauth": ["read"]}]}, {"security": [{"oauth": ["read", "write"]}]}),
    ({}, query()),
    ({}, query(required=True)),
    ({}, query(deprecated=True)),
    ({}, query(**ENDING)),
    ({}, query(deprecated=True, **{"x-sunset": "soon"})),
    (query(), query(required=True)),
    (query(), query(deprecated=True)),
    (query(), query(deprecated=True, **{"x-sunset": PAST})),
    (query(**ENDING), query(deprecated=True)),
    (query(**ENDING), query(**ENDED)),
    (query(), query(style="pipeDelimited")),
    (query(schema=LIST), query(schema=LIST, explode=False)),
    (query(), query(allowReserved=True)),
    (header(holding()), header(holding("p", p=TEXT))),
    (header(holding(p=TEXT)), header(holding("p", p=TEXT))),
    (header(holding(p=TEXT)), header(holding(p=TEXT | {"enum": ["a"]}))),
    ({}, body()),
    ({}, body(required=True)),
    (body(), body(required=True)),
    (body(), body(media_type="application/xml")),
    ({"requestBody": {"content": {JSON: {}}}}, body()),
    (body(INTEGER, "text/plain"), body(TEXT, "text/plain")),
    (
        body(holding(p=INTEGER), "multipart/form-data"),
        body(holding(p=TEXT), "multipart/form-data"),
    ),
    (
        {"requestBody": {"content": {JSON: {}}}},
        {"requestBody": {"content": {JSON: {"itemSchema": OBJECT}}}},
    ),
    (content(), content(schema=OBJECT)),
    (content(), content(itemSchema=OBJECT)),
    (content(schema=OBJECT), content(schema=OBJECT, itemSchema=OBJECT)),
    (content(), content("text/plain")),
    (content(JSON), content("application/problem+json")),
    (content("text/csv"), content("text/csv; header=present")),
    (content("text/csv; header=absent"), content("text/csv; header=present")),
    (content("text/csv; charset=ascii"), content("text/csv; header=present")),
    (content("text/plain", schema=INTEGER), content("text/plain", schema=TEXT)),
    (
        content("text/plain", schema=holding(p=INTEGER)),
        content("text/plain", schema=holding(p=TEXT)),
    ),
    (headed(), headed(A={"schema": TEXT})),
    (headed(), headed(A={"schema": TEXT, "required": True})),
    (headed(A={"schema": TEXT}), headed(A={"schema": TEXT, "required": True})),
    ({"responses": {"200": OK}}, {"responses": {"200": OK, "201": OK, "404": OK}}),
]


def documents() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs that differ in more than one operation."""
    parts = {"components": {"securitySchemes": SCHEMES}}
    one = {"/pets": {"get": operation(), "post": operation()}}
    for gone in (
        {},
        {"deprecated": True},
        ENDING,
        {"deprecated": True, "x-sunset": "soon"},
    ):
        more = {"/pets": one["/pets"] | {"put": operation(**gone)}}
        yield document(one), document(more)
        yield document(one), document(one | {"/more": {"get": operation(**gone)}})
    for required in (True, False):
        shared = {"name": "q", "in": "query", "required": required, "schema": TEXT}
        yield document(one), document({"/pets": one["/pets"] | {"parameters": [shared]}})
    named = [{"name": "id", "in": "path", "required": True, "schema": TEXT}]
    yield (
        document({"/pets/{id}": {"get": operation()}}),
        document({"/pets/{id}": {"get": operation(parameters=named)}}),
    )
    yield document(one), document(one, webhooks={"lost": {"post": operation()}})
    yield document(one), document(one, components={"schemas": {"A": TEXT}})
    for old, new in (([KEY], []), ([{"oauth": ["read"]}], [{"oauth": ["read", "write"]}])):
        yield document(one, security=old, **parts), document(one, security=new, **parts)
    for changed in (
        {"more": SCHEMES["key"]},
        {"key": {"type": "http", "scheme": "basic"}},
        *(
            {"oauth": {"type": "oauth2", "flows": {"authorizationCode": FLOW | flow}}}
            for flow in (
                {"scopes": {"read": "Reading", "more": "More"}},
                {"scopes": {}, "tokenUrl": "https://x.example"},
                {"scopes": {}, "authorizationUrl": "https://x.example"},
            )
        ),
    ):
        schemes = {"components": {"securitySchemes": SCHEMES | changed}}
        yield document(one, **parts), document(one, **schemes)


def pairs() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for old, new in [*((case[0], case[1]) for case in KEYWORDS), *SCHEMAS]:
        for build in PLACES.values():
            yield build(deepcopy(old)), build(deepcopy(new))
    for old, new in PROPERTIES:
        for place in ("request-body", "response-body"):
            yield PLACES[place](old), PLACES[place](new)
    parts = {"version": "3.2.0", "components": {"securitySchemes": SCHEMES}}
    for old, new in OPERATIONS:
        first, second = (
            document({"/pets": {"get": operation(**deepcopy(one))}}, **parts) for one in (old, new)
        )
        yield first, second
    yield from documents()


def found_levels() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for old, new in pairs():
        for one, other in ((old, new), (new, old)):
            # Not through the reader: it refuses a path parameter that is not declared.
            report = Report()
            compare_openapi(one, other, report, TODAY)
            for change in report.changes():
                found.setdefault(change.code, set()).add(str(change.level))
    return found


def test_every_check_of_the_peer_is_found_at_its_level_or_told_why_not():
    found = found_levels()
    missing = PEER_CHECKS.keys() - found.keys() - NOT_FOUND.keys()
    assert sorted(missing) == []
    assert sorted(NOT_FOUND.keys() & found.keys()) == []
    differing = {
        code: levels
        for code, levels in found.items()
        if code in PEER_CHECKS and levels != {LEVELS[PEER_CHECKS[code]]} and code not in OTHERWISE
    }
    assert differing == {}


def table() -> list[str]:
    """The rows of the table in docs/diff.md."""
    rows = []
    for code, level in sorted(PEER_CHECKS.items()):
        here = LEVELS[level]
        ours, why = f"`{code}`", ""
        if code in NOT_FOUND:
            ours, here, why = "–", "–", NOT_FOUND[code]
        elif code in OTHERWISE:
            why = OTHERWISE[code]
        rows.append(f"| `{code}` | {ours} | {level} | {here} | {why} |")
    return rows


def test_the_documentation_lists_every_check_of_the_peer():
    written = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    assert written == table()
