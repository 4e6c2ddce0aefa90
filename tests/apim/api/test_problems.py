"""Every refusal is a problem with a stable code, whatever went wrong."""

import pytest

from apim.accounts import selectors

pytestmark = pytest.mark.django_db


def problem_of(response, status, code):
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["title"]
    assert body["request_id"] == response["X-Request-Id"]
    return body


@pytest.mark.parametrize(
    "path", ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/applications/"]
)
def test_an_unknown_address(client, path):
    response = client.get(path)
    if path == "/api/v1":  # belongs to the pages
        assert response.status_code in {301, 404}
    else:
        problem_of(response, 404, "not_found")


def test_a_method_that_the_address_does_not_have(alice_api):
    problem_of(alice_api.delete("/api/v1/me"), 405, "method_not_allowed")
    problem_of(alice_api.options("/api/v1/me"), 405, "method_not_allowed")


@pytest.mark.parametrize("body", ["{", "[" * 100_000])
def test_a_body_that_is_no_json(alice_api, body):
    response = alice_api.post("/api/v1/applications", body, content_type="application/json")
    problem_of(response, 400, "malformed_body")


def test_a_media_type_that_is_not_understood(alice_api):
    response = alice_api.post("/api/v1/applications", "<a/>", content_type="application/xml")
    problem_of(response, 415, "unsupported_media_type")


def test_missing_and_unknown_fields_are_named(alice_api):
    response = alice_api.post("/api/v1/applications", {"nmae": "Pier"})
    body = problem_of(response, 422, "invalid_input")
    assert body["errors"] == [
        {"pointer": "#/nmae", "code": "unknown_field", "detail": "Unknown field."}
    ]
    body = problem_of(alice_api.post("/api/v1/applications", {}), 422, "invalid_input")
    assert [(e["pointer"], e["code"]) for e in body["errors"]] == [("#/name", "required")]


def test_a_nested_error_points_into_the_body(alice_api):
    response = alice_api.post(
        "/api/v1/access-tokens", {"name": "x", "scopes": ["catalog:read", "moon:write"]}
    )
    body = problem_of(response, 422, "invalid_input")
    assert [(e["pointer"], e["code"]) for e in body["errors"]] == [("#/scopes/1", "invalid_choice")]


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_a_body_of_the_wrong_kind(alice_api, body):
    problem_of(alice_api.post("/api/v1/applications", body), 422, "invalid_input")


def test_a_refusal_of_a_service_names_the_field(alice_api, application):
    response = alice_api.post("/api/v1/applications", {"name": application.name})
    body = problem_of(response, 422, "invalid_input")
    assert body["errors"][0]["pointer"] == "#/name"


def test_a_conflict_has_its_own_code(alice_api, key):
    path = f"/api/v1/api-keys/{key.public_id}/revoke"
    assert alice_api.post(path).status_code == 200
    problem_of(alice_api.post(path), 409, "key_not_active")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("limit=9999999999999999999999", "limit"),
        ("ordering=name", "ordering"),
        ("cursor=%00", "cursor"),
        ("cursor=YWZ0ZXI6OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "cursor"),
        ("state=asleep", "state"),
        ("stat=active", "stat"),
    ],
)
def test_a_wrong_query_parameter_is_named(alice_api, query, parameter):
    response = alice_api.get(f"/api/v1/applications?{query}")
    assert response.status_code == 422
    assert [e["parameter"] for e in response.json()["errors"]] == [parameter]


def test_a_null_character_is_refused_and_not_a_failure(alice_api):
    assert alice_api.get("/api/v1/applications?search=%00").status_code == 422
    assert alice_api.post("/api/v1/applications", {"name": "a\x00b"}).status_code == 422
    assert alice_api.get("/api/v1/applications/app_%00").status_code == 404


def test_an_unexpected_error_tells_nothing(alice_api, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(selectors, "access_tokens", broken)
    alice_api.raise_request_exception = False
    response = alice_api.get("/api/v1/access-tokens")
    problem_of(response, 500, "internal_error")
    assert "hunter2" not in response.content.decode()
    assert "hunter2" in caplog.text
