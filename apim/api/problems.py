"""Every refusal of the management API as problem+json (RFC 9457) with a stable `code`."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from apim.core.errors import DomainError, InvalidInput, NotFound
from apim.core.logs import request_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MEDIA_TYPE = "application/problem+json"
logger = logging.getLogger(__name__)

# DRF's own refusals: exception -> code. Anything else of DRF keeps its default code.
_CODES: dict[type[exceptions.APIException], str] = {
    exceptions.ParseError: "malformed_body",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.Throttled: "too_many_requests",
}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any exception of a view; unexpected ones are logged and tell nothing."""
    if isinstance(error, Http404 | PermissionDenied):
        error = NotFound()
    if isinstance(error, DomainError):
        response = _of_domain(error)
    elif isinstance(error, exceptions.ValidationError):
        response = _of_validation(error, context)
    elif isinstance(error, exceptions.APIException):
        response = _of_framework(error)
    else:
        response = _of_defect(error, context)
    _roll_back()
    return response


def problem(
    status: int, code: str, title: str, detail: str = "", **extension: Any
) -> dict[str, Any]:
    """Build the members of one problem. `request_id` finds the log lines."""
    members: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail and detail != title:
        members["detail"] = detail
    return {**members, "code": code, "request_id": request_id.get(), **extension}


def _answer(body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status=body["status"], headers=headers, content_type=MEDIA_TYPE)


def _of_domain(error: DomainError) -> Response:
    extra = dict(error.extra)
    source = extra.pop("source", "body")
    errors = [
        # A field of a list is named by its path: versions/0.
        _field_error(source, tuple(name.split("/")), message, error.code)
        for name, messages in error.fields.items()
        for message in messages
    ]
    if errors:
        extra["errors"] = errors
    detail = error.message if isinstance(error.message, str) else ""
    return _answer(problem(error.status, error.code, str(error.title), detail, **extra))


def _of_validation(error: exceptions.ValidationError, context: Mapping[str, Any]) -> Response:
    request = context.get("request")
    source = "query" if request is not None and request.method == "GET" else "body"
    errors = [_field_error(source, *found) for found in _walk(error.get_full_details())]
    return _answer(
        problem(422, InvalidInput.code, _("Some of the input is not valid"), errors=errors)
    )


def _walk(details: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Flatten DRF's nested details into (path, message, code)."""
    if isinstance(details, dict) and {"message", "code"} == set(details):
        yield path, str(details["message"]), str(details["code"])
    elif isinstance(details, dict):
        for name, inner in details.items():
            step = () if name == "non_field_errors" else (str(name),)
            yield from _walk(inner, path + step)
    elif isinstance(details, list):
        is_leaf = all(isinstance(d, dict) and "message" in d for d in details)
        for number, inner in enumerate(details):
            yield from _walk(inner, path if is_leaf else (*path, str(number)))


def _field_error(source: str, path: tuple[str, ...], message: str, code: str) -> dict[str, str]:
    """RFC 9457's own example of `errors`: a JSON pointer into the body, or a parameter's name."""
    if source == "query":
        return {"parameter": ".".join(path), "code": code, "detail": message}
    pointer = "#" + "".join("/" + p.replace("~", "~0").replace("/", "~1") for p in path)
    return {"pointer": pointer, "code": code, "detail": message}


def _of_framework(error: exceptions.APIException) -> Response:
    code = _CODES.get(type(error)) or str(error.get_codes())
    headers: dict[str, str] = {}
    challenge = getattr(error, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(-(-wait // 1))))
    title = HTTPStatus(error.status_code).phrase
    return _answer(problem(error.status_code, code, title, str(error.detail)), headers)


def _of_defect(error: Exception, context: Mapping[str, Any]) -> Response:
    request = context.get("request")
    path = getattr(request, "path", "")
    logger.error("unexpected error at %s", path, exc_info=error)
    # Error trackers and Django's test client listen to this signal.
    django_request = getattr(request, "_request", None)
    got_request_exception.send(sender=None, request=django_request)
    detail = _("Something went wrong on our side. Tell us the request id.")
    return _answer(problem(500, "internal_error", _("Internal error"), detail))


def _roll_back() -> None:
    """A refused request writes nothing, even where it was already within a transaction."""
    connection = transaction.get_connection()
    if connection.in_atomic_block and connection.settings_dict.get("ATOMIC_REQUESTS"):
        transaction.set_rollback(True)
