"""Gives each request an id that its answer, its log lines and its audit events carry."""

import re
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.db import DataError
from django.http import HttpRequest, HttpResponse

from apim.core.ids import random_base62
from apim.core.logs import request_id

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Keeps a well-formed X-Request-Id from the proxy, else makes one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-Id", "")
        current = sent if _ACCEPTED.fullmatch(sent) else f"req_{random_base62(20)}"
        request.META["apim.request_id"] = current
        reset = request_id.set(current)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(reset)
        response["X-Request-Id"] = current
        return response


# The management API names the faulty parameter in its own way.
_CHECKS_ITSELF = "/api/"


class NulMiddleware:
    """Refuses addresses with a NUL character: PostgreSQL cannot hold one in a text.

    Cookies with one, which no browser makes, count as not sent. In a form, its fields refuse it;
    what a view reads past them comes back from the database as a bad request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> None:
        """Raise BadRequest, which the error handlers of each surface render."""
        if request.path.startswith(_CHECKS_ITSELF):
            return
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("The address contains a NUL character.")

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Raise BadRequest for psycopg's "text fields cannot contain NUL (0x00) bytes"."""
        is_nul = isinstance(exception, DataError) and "NUL" in str(exception)
        if is_nul and not request.path.startswith(_CHECKS_ITSELF):
            raise BadRequest("The form contains a NUL character.") from exception
