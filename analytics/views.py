"""Usage intake: gateways and shippers post here, at least once, until they are told 200."""

from __future__ import annotations

import logging
import threading
from functools import wraps
from typing import TYPE_CHECKING

from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpResponseBase, HttpResponseNotAllowed, JsonResponse

from analytics.errors import BodyTooLarge, Busy, NotStored
from analytics.formats.bodies import MAX_EXPANDED_BYTES
from analytics.intake import receive
from analytics.wake import wake_worker
from apim.gateway.edge import machine, problem_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from apim.gateway.edge import GatewayRequest

logger = logging.getLogger(__name__)

# Deliveries that one process stores at the same time; the rest of its threads serve people.
MAX_AT_ONCE = 4
WAIT_SECONDS = 2.0
RETRY_AFTER_SECONDS = 2

_places = threading.BoundedSemaphore(MAX_AT_ONCE)


def says_when_to_return(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Without a database nothing is stored and nothing acknowledged: 503, and Retry-After."""

    @wraps(view)
    def answering(request: HttpRequest, **kwargs: str) -> HttpResponseBase:
        try:
            response = view(request, **kwargs)
        except (DatabaseError, InterfaceError):
            logger.exception("usage could not be stored")
            response = problem_response(NotStored())
        if response.status_code in {429, 503}:
            response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response

    return answering


@says_when_to_return
@machine("gateway")
def usage(request: GatewayRequest, source: str = "") -> HttpResponseBase:  # noqa: ARG001
    """POST /gateway/v1/usage and /gateway/v1/usage/envoy: both take our access log line."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    body = _body(request)
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise Busy
    try:
        receipt = receive(gateway=request.gateway, body=body)
    finally:
        _places.release()
    if receipt.accepted:
        transaction.on_commit(wake_worker)
    return JsonResponse(
        {
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "quarantined": receipt.quarantined,
            "ignored": receipt.ignored,
        }
    )


def _body(request: HttpRequest) -> bytes:
    """The body, refused before it is read when it says that it is too long."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MAX_EXPANDED_BYTES:
        raise BodyTooLarge
    body = request.read(MAX_EXPANDED_BYTES + 1)
    if len(body) > MAX_EXPANDED_BYTES:
        raise BodyTooLarge
    return body
