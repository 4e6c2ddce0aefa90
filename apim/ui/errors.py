"""Refusals and failures as HTML: whole pages for a browser, one notice for an htmx request."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.utils.translation import gettext as _

from apim.core.errors import DomainError
from apim.ui.context_processors import site

OWN_PAGES = {403, 404, 500}
OTHER_REFUSALS = 422


def domain_error_page(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The page of a refused request. Everything that is "not found" gives the same bytes."""
    if error.status == 404:
        return _respond(request, 404)
    back = request.headers.get("Referer", "") if request.method == "POST" else ""
    return _respond(
        request,
        error.status,
        title=str(error.title),
        message=str(error.message),
        fields=error.fields,
        back_url=back if back.startswith(request.build_absolute_uri("/")) else "",
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception  # its text may repeat what an attacker sent
    title = _("The request could not be understood")
    return _respond(request, 400, title=title, message=title)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _respond(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _respond(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _respond(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid token: most often an old tab after signing in again."""
    del reason
    return _respond(
        request,
        403,
        heading=_("This form has expired"),
        message=_("Go back, reload the page and send it again."),
    )


def _respond(request: HttpRequest, status: int, **context: Any) -> HttpResponse:
    """Rendered without database, session or menu, so that it works when those are what broke."""
    context = {**site(request), "status": status, **context}
    # A 404 that printed its request id would differ from the next one, and could be told apart.
    context["shown_request_id"] = "" if status == 404 else context["request_id"]
    page = status if status in OWN_PAGES else OTHER_REFUSALS
    if request.headers.get("HX-Request"):
        response = HttpResponse(get_template("errors/fragment.html").render(context), status=status)
        response["HX-Retarget"] = "#messages"
        response["HX-Reswap"] = "innerHTML"
        return response
    return HttpResponse(get_template(f"errors/{page}.html").render(context), status=status)
