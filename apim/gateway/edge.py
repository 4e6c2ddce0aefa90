"""How machines enter the web process: by a gateway's token, answered in problem+json.

Gateways cannot all send `Authorization: Bearer`, so the token is looked for wherever one of them
can put it; the places are in docs/integrations.
"""

from __future__ import annotations

import binascii
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
    """A request whose token named a gateway."""

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


def token_in_headers(request: HttpRequest) -> str:
    """The gateway's token, or an empty text.

    Authorization with Bearer, Splunk (Tyk), Basic (Kong's URL userinfo, Gravitee: the password, or
    the name when there is none) or the bare token (APISIX); Firehose's access key.
    """
    scheme, _, rest = request.headers.get("Authorization", "").strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() in {"bearer", "splunk"}:
        return rest
    if scheme.lower() == "basic":
        return _basic(rest)
    if scheme and not rest:
        return scheme
    return request.headers.get("X-Amz-Firehose-Access-Key", "").strip()


def _basic(credentials: str) -> str:
    """RFC 7617."""
    try:
        name, _, password = binascii.a2b_base64(credentials.encode()).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return password or name


def machine(
    _kind: Literal["gateway"],
    *,
    token: Callable[[HttpRequest], str] = token_in_headers,
    refused: Callable[[HttpRequest, DomainError], HttpResponseBase] | None = None,
) -> Callable[
    [Callable[Concatenate[GatewayRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """Only a registered, active gateway; sets `request.gateway`. No session, so no CSRF check.

    `token` finds the token, `refused` answers errors in the sender's own way.
    """

    def decorate(
        view: Callable[Concatenate[GatewayRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            opened: Any = request
            try:
                opened.gateway = gateway_by_token(token(request))
                return view(opened, *args, **kwargs)
            except DomainError as error:
                return refused(request, error) if refused else problem_response(error)

        exempt: Any = csrf_exempt(guarded)
        exempt.access_rule = "machine:gateway"
        return exempt  # type: ignore[no-any-return]

    return decorate
