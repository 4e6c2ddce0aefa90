"""Operations: added, removed, deprecated, named; their parameters, bodies, responses."""

import pytest

from tests.apim.catalog.diff.pairs import (
    BREAKING,
    COMPATIBLE,
    JSON,
    RISKY,
    codes,
    compare,
    document,
    of_operations,
    operation,
    with_parameter,
)

TEXT = {"type": "string"}
OBJECT = {"type": "object"}
PAST, FUTURE, LATER = "2026-05-31", "2026-06-02", "2026-12-31"
OTHER = {"/other": {"get": operation()}}


def paths(*methods: str, **parts) -> dict:
    return document({"/pets": {m: operation(**parts) for m in methods} | {"put": operation()}})


def removed(**parts) -> list:
    return codes(compare(paths("get", **parts), paths()))


def path_removed(**parts) -> list:
    old = document({"/pets": {"get": operation(**parts)}} | OTHER)
    return codes(compare(old, document(OTHER)))


def test_an_operation_more_is_compatible():
    assert codes(compare(paths(), paths("get"))) == [("endpoint-added", COMPATIBLE)]
    assert codes(compare(document(OTHER), document(OTHER | {"/pets": {"get": operation()}}))) == [
        ("endpoint-added", COMPATIBLE)
    ]


@pytest.mark.parametrize(
    ("parts", "ending", "level"),
    [
        ({}, "without-deprecation", BREAKING),
        ({"deprecated": True}, "with-deprecation", COMPATIBLE),
        ({"deprecated": True, "x-sunset": FUTURE}, "before-sunset", BREAKING),
        ({"deprecated": True, "x-sunset": f"{FUTURE}T00:00:00Z"}, "before-sunset", BREAKING),
        ({"deprecated": True, "x-sunset": PAST}, "with-deprecation", COMPATIBLE),
        ({"x-stability-level": "alpha"}, "without-deprecation", COMPATIBLE),
        ({"x-stability-level": "beta"}, "without-deprecation", BREAKING),
    ],
)
def test_an_operation_may_go_once_it_was_deprecated_and_its_day_has_come(parts, ending, level):
    assert removed(**parts) == [(f"api-removed-{ending}", level)]
    assert path_removed(**parts) == [(f"api-path-removed-{ending}", level)]


def test_a_sunset_that_is_no_date_does_not_excuse_a_removal():
    parts = {"deprecated": True, "x-sunset": "soon"}
    assert removed(**parts) == [("api-path-sunset-parse", BREAKING)]
    assert path_removed(**parts) == [("api-path-sunset-parse", BREAKING)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"deprecated": True}, ("endpoint-deprecated", COMPATIBLE)),
        ({"deprecated": True}, {}, ("endpoint-reactivated", COMPATIBLE)),
        (
            {},
            {"deprecated": True, "x-sunset": FUTURE},
            ("endpoint-deprecated-with-sunset", COMPATIBLE),
        ),
        ({}, {"deprecated": True, "x-sunset": PAST}, ("api-sunset-date-too-small", BREAKING)),
        ({}, {"deprecated": True, "x-sunset": "soon"}, ("api-deprecated-sunset-parse", BREAKING)),
        (
            {"deprecated": True, "x-sunset": LATER},
            {"deprecated": True},
            ("sunset-deleted", BREAKING),
        ),
        (
            {"deprecated": True, "x-sunset": LATER},
            {"deprecated": True, "x-sunset": FUTURE},
            ("api-sunset-date-changed-too-small", BREAKING),
        ),
        (
            {"deprecated": True, "x-sunset": LATER},
            {"deprecated": True, "x-sunset": "soon"},
            ("api-deprecated-sunset-parse", BREAKING),
        ),
        ({"operationId": "a"}, {}, ("api-operation-id-removed", COMPATIBLE)),
        ({"operationId": "a"}, {"operationId": "b"}, ("api-operation-id-removed", COMPATIBLE)),
        ({}, {"operationId": "b"}, ("api-operation-id-added", COMPATIBLE)),
        ({"tags": ["a"]}, {}, ("api-tag-removed", COMPATIBLE)),
        ({}, {"tags": ["a"]}, ("api-tag-added", COMPATIBLE)),
        ({}, {"x-stability-level": "beta"}, ("api-stability-decreased", BREAKING)),
        ({"x-stability-level": "beta"}, {}, ("api-stability-increased", COMPATIBLE)),
        ({}, {"x-stability-level": "?"}, ("api-invalid-stability-level", BREAKING)),
    ],
)
def test_the_life_and_the_names_of_an_operation(old, new, expected):
    assert of_operations(old, new) == [expected]


def test_a_later_sunset_breaks_no_promise():
    old, new = ({"deprecated": True, "x-sunset": day} for day in (FUTURE, LATER))
    assert of_operations(old, new) == []


def test_drafts_promise_nothing():
    required = {"name": "q", "in": "query", "required": True, "schema": TEXT}
    draft = {"x-stability-level": "draft"}
    found = of_operations(draft, draft | {"parameters": [required]})
    assert found == [("new-required-request-parameter", COMPATIBLE)]
    # What was stable was promised.
    found = of_operations({}, draft | {"parameters": [required]})
    assert found == [
        ("api-stability-decreased", BREAKING),
        ("new-required-request-parameter", BREAKING),
    ]


def test_the_name_of_a_path_parameter_is_of_no_concern():
    def path(name: str, schema: dict) -> dict:
        parameter = {"name": name, "in": "path", "required": True, "schema": schema}
        return document({f"/pets/{{{name}}}": {"get": operation(parameters=[parameter])}})

    assert compare(path("id", TEXT), path("petId", TEXT)) == ()
    found = compare(path("id", TEXT), path("petId", TEXT | {"maxLength": 5}))
    assert codes(found) == [("request-parameter-max-length-set", BREAKING)]
    assert found[0].operation == "GET /pets/{petId}"


# Parameters


def parameter(place: str = "query", **parts) -> dict:
    return {"parameters": [{"name": "q", "in": place, "schema": TEXT} | parts]}


@pytest.mark.parametrize("place", ["query", "header", "cookie"])
def test_a_new_parameter_breaks_if_it_is_required(place):
    assert of_operations({}, parameter(place)) == [("new-optional-request-parameter", COMPATIBLE)]
    assert of_operations({}, parameter(place, required=True)) == [
        ("new-required-request-parameter", BREAKING)
    ]


def test_a_parameter_of_the_path_counts_for_each_of_its_operations():
    item = {"get": operation(), "post": operation()}
    new = item | {"parameters": [{"name": "q", "in": "query", "required": True, "schema": TEXT}]}
    found = compare(document({"/pets": item}), document({"/pets": new}))
    code = "new-required-request-default-parameter-to-existing-path"
    assert codes(found) == [(code, BREAKING), (code, BREAKING)]
    assert {change.operation for change in found} == {"GET /pets", "POST /pets"}


def test_a_parameter_may_move_between_path_and_operation():
    shared = {"name": "q", "in": "query", "schema": TEXT}
    old = document({"/pets": {"get": operation(parameters=[shared])}})
    new = document({"/pets": {"get": operation(), "parameters": [shared]}})
    assert compare(old, new) == ()


@pytest.mark.parametrize(
    ("old", "new", "ending", "level"),
    [
        (parameter(), {}, "removed", RISKY),
        (parameter(deprecated=True), {}, "removed-with-deprecation", COMPATIBLE),
        (
            parameter(deprecated=True, **{"x-sunset": FUTURE}),
            {},
            "removed-before-sunset",
            BREAKING,
        ),
        (parameter(deprecated=True, **{"x-sunset": "soon"}), {}, "sunset-parse", BREAKING),
        (parameter(), parameter(required=True), "became-required", BREAKING),
        (parameter(required=True), parameter(), "became-optional", COMPATIBLE),
        (parameter(), parameter(deprecated=True), "deprecated", COMPATIBLE),
        (parameter(deprecated=True), parameter(), "reactivated", COMPATIBLE),
        (
            parameter(),
            parameter(deprecated=True, **{"x-sunset": PAST}),
            "sunset-date-too-small",
            BREAKING,
        ),
        (
            parameter(deprecated=True, **{"x-sunset": LATER}),
            parameter(deprecated=True),
            "sunset-deleted",
            BREAKING,
        ),
        (
            parameter(deprecated=True, **{"x-sunset": LATER}),
            parameter(deprecated=True, **{"x-sunset": FUTURE}),
            "sunset-date-changed-too-small",
            BREAKING,
        ),
        (parameter(), parameter(style="pipeDelimited"), "style-changed", BREAKING),
        (parameter(), parameter(allowReserved=True), "became-allow-reserved", COMPATIBLE),
        (parameter(allowReserved=True), parameter(), "became-not-allow-reserved", BREAKING),
        (
            parameter(),
            {"parameters": [{"name": "q", "in": "query", "content": {JSON: {"schema": TEXT}}}]},
            "serialization-changed",
            BREAKING,
        ),
    ],
)
def test_what_a_parameter_asks_for(old, new, ending, level):
    assert of_operations(old, new) == [(f"request-parameter-{ending}", level)]


def test_explode_matters_for_lists_only_and_a_written_default_is_no_change():
    text_list = {"type": "array", "items": TEXT}
    plain, together = parameter(schema=text_list), parameter(schema=text_list, explode=False)
    assert of_operations(plain, together) == [("request-parameter-explode-changed", BREAKING)]
    assert of_operations(parameter(), parameter(explode=False)) == []
    assert of_operations(parameter(), parameter(style="form", explode=True)) == []


def test_one_value_of_a_query_is_a_list_of_one():
    text_list = {"type": "array", "items": TEXT}
    assert of_operations(parameter(), parameter(schema=text_list)) == [
        ("request-parameter-type-generalized", COMPATIBLE)
    ]
    assert of_operations(parameter(), parameter(schema=text_list, explode=False)) == [
        ("request-parameter-explode-changed", BREAKING),
        ("request-parameter-type-changed", BREAKING),
    ]
    narrower = {"type": "array", "items": TEXT | {"maxLength": 5}}
    assert of_operations(parameter(), parameter(schema=narrower)) == [
        ("request-parameter-type-changed", BREAKING)
    ]


def test_the_name_of_a_header_has_no_case():
    old = {"parameters": [{"name": "X-Mode", "in": "header", "schema": TEXT}]}
    new = {"parameters": [{"name": "x-mode", "in": "header", "schema": TEXT}]}
    assert of_operations(old, new) == []


def test_properties_of_a_header_parameter_have_codes_of_their_own():
    empty, wanted = OBJECT | {"properties": {"p": TEXT}}, {"required": ["p"]}
    pair = [with_parameter(schema, "header") for schema in (empty, empty | wanted)]
    assert codes(compare(*pair)) == [("request-header-property-became-required", BREAKING)]
    pair = [with_parameter(schema, "header") for schema in (OBJECT, empty | wanted)]
    assert codes(compare(*pair)) == [("new-required-request-header-property", BREAKING)]
    named = OBJECT | {"properties": {"p": TEXT | {"enum": ["a"]}}}
    pair = [with_parameter(schema, "header") for schema in (empty, named)]
    assert codes(compare(*pair)) == [("request-header-property-became-enum", BREAKING)]


# Bodies and responses


def body(media_type: str = JSON, **parts) -> dict:
    return {"requestBody": {"content": {media_type: {"schema": OBJECT}}} | parts}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, body(), ("request-body-added-optional", COMPATIBLE)),
        ({}, body(required=True), ("request-body-added-required", BREAKING)),
        (body(), {}, ("request-body-removed", BREAKING)),
        (body(), body(required=True), ("request-body-became-required", BREAKING)),
        (body(required=True), body(), ("request-body-became-optional", COMPATIBLE)),
        (
            {"requestBody": {"content": {JSON: {}}}},
            body(),
            ("request-body-media-type-schema-added", BREAKING),
        ),
        (
            body(),
            {"requestBody": {"content": {JSON: {}}}},
            ("request-body-media-type-schema-removed", COMPATIBLE),
        ),
    ],
)
def test_a_request_body_comes_and_goes(old, new, expected):
    assert of_operations(old, new) == [expected]


def test_media_types_of_a_request():
    assert of_operations(body(), body("application/xml")) == [
        ("request-body-media-type-added", COMPATIBLE),
        ("request-body-media-type-removed", BREAKING),
    ]
    assert of_operations(body(), body("application/json; charset=utf-8")) == []


def response(media_type: str = JSON, status: str = "200", **parts) -> dict:
    content = {media_type: {"schema": OBJECT}}
    return {"responses": {status: {"description": "OK", "content": content} | parts}}


@pytest.mark.parametrize(
    ("old", "new", "ending", "level"),
    [
        ("application/json", "application/problem+json", "name-specialized", COMPATIBLE),
        ("application/problem+json", "application/json", "name-generalized", BREAKING),
        ("application/*", "application/json", "name-specialized", COMPATIBLE),
        ("application/json", "*/*", "name-generalized", BREAKING),
        ("text/csv", "text/csv; header=present", "parameter-added", COMPATIBLE),
        ("text/csv; header=present", "text/csv", "parameter-removed", BREAKING),
        ("text/csv; header=present", "text/csv; header=absent", "parameter-changed", BREAKING),
        ("text/csv; header=present", "text/csv; charset=ascii", "name-changed", RISKY),
    ],
)
def test_media_types_of_a_response_may_be_special_cases_of_each_other(old, new, ending, level):
    found = of_operations(response(old), response(new))
    assert found == [(f"response-media-type-{ending}", level)]


def test_media_types_of_a_response_come_and_go():
    assert of_operations(response(), response("text/plain")) == [
        ("response-media-type-added", COMPATIBLE),
        ("response-media-type-removed", BREAKING),
    ]


def test_a_client_relies_on_the_statuses_that_mean_success():
    ok = {"description": "OK"}
    both, one = {"responses": {"200": ok, "404": ok}}, {"responses": {"201": ok, "409": ok}}
    assert of_operations(both, one) == [
        ("response-non-success-status-added", COMPATIBLE),
        ("response-non-success-status-removed", COMPATIBLE),
        ("response-success-status-added", COMPATIBLE),
        ("response-success-status-removed", BREAKING),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, {}, ("response-header-added", COMPATIBLE)),
        ({}, None, ("optional-response-header-removed", COMPATIBLE)),
        ({"required": True}, None, ("required-response-header-removed", BREAKING)),
        ({"required": True}, {}, ("response-header-became-optional", BREAKING)),
        ({}, {"required": True}, ("response-header-became-required", COMPATIBLE)),
    ],
)
def test_headers_of_a_response(old, new, expected):
    def headers(one: dict | None) -> dict:
        return response(headers={} if one is None else {"X-Left": {"schema": TEXT} | one})

    assert of_operations(headers(old), headers(new)) == [expected]


def test_elements_of_a_stream_are_compared_as_bodies_are():
    def stream(**schema) -> dict:
        content = {"application/jsonl": schema}
        return {"responses": {"200": {"description": "OK", "content": content}}}

    assert of_operations(stream(), stream(itemSchema=OBJECT), version="3.2.0") == [
        ("response-body-media-type-item-schema-added", COMPATIBLE)
    ]
    assert of_operations(stream(itemSchema=OBJECT), stream(), version="3.2.0") == [
        ("response-body-media-type-item-schema-removed-untyped", BREAKING)
    ]
    narrower = stream(itemSchema=OBJECT | {"maxProperties": 5})
    assert of_operations(narrower, stream(itemSchema=OBJECT), version="3.2.0") == [
        ("response-body-max-properties-unset", BREAKING)
    ]


# Callbacks, webhooks, servers


def test_what_the_api_sends_to_a_webhook_is_judged_as_a_response():
    def hooked(schema: dict) -> dict:
        hook = {"post": operation(requestBody={"content": {JSON: {"schema": schema}}})}
        return document(OTHER, webhooks={"petLost": hook})

    full = OBJECT | {"properties": {"p": TEXT}, "required": ["p"]}
    assert codes(compare(hooked(OBJECT), hooked(full))) == [
        ("response-required-property-added", COMPATIBLE)
    ]
    assert codes(compare(hooked(full), hooked(OBJECT))) == [
        ("response-required-property-removed", BREAKING)
    ]
    assert codes(compare(document(OTHER), hooked(OBJECT))) == [("webhook-added", COMPATIBLE)]
    assert codes(compare(hooked(OBJECT), document(OTHER))) == [("webhook-removed", BREAKING)]


def test_what_the_api_sends_to_a_callback_is_judged_as_a_response():
    def called(schema: dict) -> dict:
        inner = {"post": operation(requestBody={"content": {JSON: {"schema": schema}}})}
        return {"callbacks": {"done": {"{$request.body#/url}": inner}}}

    found = of_operations(called(TEXT | {"maxLength": 5}), called(TEXT))
    assert found == [("response-body-max-length-unset", BREAKING)]
    assert of_operations({}, called(TEXT)) == [("callback-added", COMPATIBLE)]
    assert of_operations(called(TEXT), {}) == [("callback-removed", BREAKING)]


def test_servers_come_and_go():
    one, two = ([{"url": f"https://{name}.example.com/"}] for name in "ab")
    found = codes(compare(document(OTHER, servers=one), document(OTHER, servers=two)))
    assert found == [("api-server-added", COMPATIBLE), ("api-server-removed", RISKY)]
