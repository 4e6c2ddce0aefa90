"""How machines enter the web process: by a gateway's token, answered in problem+json."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from apim.core.errors import DomainError
from apim.gateway.services import gateway_by_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.gateway.models import Gateway

P = ParamSpec("P")


class GatewayRequest(HttpRequest):
    """A request whose bearer token named a gateway."""

    gateway: Gateway


def problem_response(error: DomainError) -> JsonResponse:
    """RFC 9457 problem details with the error's stable code."""
    body = {
        "type": "about:blank",
        "title": str(error.title),
        "status": error.status,
        "detail": str(error.message),
        "code": error.code,
        **error.extra,
    }
    response = JsonResponse(body, status=error.status, content_type="application/problem+json")
    if error.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="gateway"'
    return response


def machine(
    _kind: Literal["gateway"],
) -> Callable[
    [Callable[Concatenate[GatewayRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """Only a registered, active gateway; sets `request.gateway`. No session, so no CSRF check."""

    def decorate(
        view: Callable[Concatenate[GatewayRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            opened: Any = request
            try:
                opened.gateway = gateway_by_token(_bearer(request))
                return view(opened, *args, **kwargs)
            except DomainError as error:
                return problem_response(error)

        exempt: Any = csrf_exempt(guarded)
        exempt.access_rule = "machine:gateway"
        return exempt  # type: ignore[no-any-return]

    return decorate


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
