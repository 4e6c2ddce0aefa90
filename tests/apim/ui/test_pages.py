"""Error pages, the theme cookie and the gallery, through the whole middleware stack."""

import re
from http import HTTPStatus

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from apim.core.errors import Conflict, DomainError, NotFound, PermissionMissing
from apim.ui import errors, views
from apim.ui.middleware import DomainErrorMiddleware

KEY_ROTATED = "The key was rotated a moment ago."


def answer(error, **headers):
    request = RequestFactory().get("/x/", headers=headers)
    request.META["apim.request_id"] = "req_0123456789"
    middleware = DomainErrorMiddleware(lambda _: HttpResponse())
    return middleware.process_exception(request, error)


def test_unknown_and_forbidden_look_the_same_to_the_byte():
    request = RequestFactory().get("/x/")
    unknown = errors.not_found(request)
    forbidden = answer(NotFound("org_1 belongs to somebody else"))
    assert unknown.content == forbidden.content
    assert unknown.status_code == forbidden.status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("error", "status"),
    [(PermissionMissing(), 403), (Conflict(KEY_ROTATED), 409), (DomainError("No."), 400)],
)
def test_refusal_keeps_its_status_and_prints_the_request_id(error, status):
    response = answer(error)
    assert response.status_code == status
    assert b"req_0123456789" in response.content


def test_refusal_says_what_to_change():
    assert KEY_ROTATED.encode() in answer(Conflict(KEY_ROTATED)).content


def test_refused_htmx_request_gets_a_notice_and_not_a_page():
    response = answer(Conflict(KEY_ROTATED), HX_Request="true")
    assert response["HX-Retarget"] == "#messages"
    assert b"<html" not in response.content
    assert KEY_ROTATED.encode() in response.content


def test_other_exceptions_are_left_to_become_a_500():
    assert answer(ValueError("boom")) is None


def test_server_error_page_needs_no_session_or_database():
    response = errors.server_error(RequestFactory().get("/x/"))
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR


def post_theme(**data):
    return views.set_theme(RequestFactory().post("/theme/", data))


def test_theme_choice_is_kept_in_a_cookie():
    response = post_theme(theme="dark", next="/usage/")
    assert response.cookies["theme"].value == "dark"
    assert response["Location"] == "/usage/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""]
)
def test_theme_never_redirects_elsewhere(target):
    assert post_theme(theme="light", next=target)["Location"] == "/"


def test_unknown_theme_is_not_stored():
    assert "theme" not in post_theme(theme="<b>", next="/").cookies


def test_page_is_written_in_the_chosen_theme():
    request = RequestFactory().get("/x/")
    request.COOKIES["theme"] = "dark"
    assert b'data-theme="dark"' in errors.not_found(request).content
    assert b"data-theme" not in errors.not_found(RequestFactory().get("/x/")).content


@pytest.mark.django_db
@pytest.mark.parametrize("layout", ["portal", "dashboard"])
def test_gallery_draws_everything_without_inline_code(client, layout):
    html = client.get(f"/dev/components/?layout={layout}").content.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert html.count("<h1") == 1


@pytest.mark.django_db
def test_gallery_form_answers_422_with_its_errors(client):
    response = client.post("/dev/components/", {})
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert b"form-errors" in response.content


@pytest.mark.django_db
@override_settings(APIM_DEVELOPMENT_PAGES=False)
def test_gallery_does_not_exist_in_production(client):
    assert client.get("/dev/components/").status_code == HTTPStatus.NOT_FOUND
