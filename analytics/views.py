"""Usage intake: gateways and shippers post here, at least once, until they are told that it is kept.

One intake with many doors (ADR 0016): a door knows what its sender expects to be told, a dialect
(analytics/formats) what it writes.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, transaction
from django.http import JsonResponse

from analytics import doors
from analytics.errors import BodyTooLarge, Busy, NotStored, OnlyPosted, UnknownFormat
from analytics.events import Reading
from analytics.formats import cloudevents, registry, threescale
from analytics.formats.bodies import MAX_EXPANDED_BYTES, MAX_RECORDS, expand
from analytics.intake import Receipt, store
from analytics.wake import wake_worker
from apim.gateway.edge import machine, token_in_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest, HttpResponseBase

    from apim.core.errors import DomainError
    from apim.gateway.edge import GatewayRequest

logger = logging.getLogger(__name__)

# Deliveries that one process stores at the same time; the rest of its threads serve people.
MAX_AT_ONCE = 4
WAIT_SECONDS = 2.0
RETRY_AFTER_SECONDS = 2
READ_BYTES = 256 * 1024
# A compressed body up to this size may turn out large too, but only a door for large ones lets it.
MAX_SMALL_BYTES = 1024 * 1024
# Of a body that is read before its sender is known, because the token stands in it.
MAX_FORM_BYTES = 2 * 1024 * 1024

_places = threading.BoundedSemaphore(MAX_AT_ONCE)
# A large delivery expands to what several others do: one at a time.
_large_place = threading.BoundedSemaphore(1)


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
            response = _refused(request, NotStored())
        if response.status_code in {429, 503}:
            response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response

    return answering


def _door(request: HttpRequest) -> doors.Door:
    way = request.resolver_match.kwargs if request.resolver_match else {}
    return doors.door_of(request, str(way.get("source", "")), str(way.get("door", "")))


def _refused(request: HttpRequest, error: DomainError) -> HttpResponseBase:
    response = _door(request).refused(request, error)
    if error.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="gateway"'
    elif error.status == 405:
        response["Allow"] = "POST"
    return response


@says_when_to_return
@machine("gateway", refused=_refused)
def usage(request: GatewayRequest, source: str = "", door: str = "") -> HttpResponseBase:
    """POST /gateway/v1/usage, /gateway/v1/usage/<source> and the paths that senders insist on."""
    return _take(request, source, door)


def _take(request: GatewayRequest, source: str, door_name: str) -> HttpResponseBase:
    if request.method != "POST":
        raise OnlyPosted
    name = registry.known_name(source)
    if source and name is None:
        raise UnknownFormat(f"Known formats: {', '.join(sorted(registry.READERS))}.")
    door = doors.door_of(request, source, door_name)
    early = getattr(request, "body_read_early", None)
    body = _body(request, door.limit) if early is None else early
    with _place(is_large=door.limit > MAX_EXPANDED_BYTES and len(body) > MAX_SMALL_BYTES):
        event = cloudevents.from_headers(request.headers, body)
        receipt = _received(request, name or "", expand(event, door.limit))
    return door.accepted(request, body, receipt)


def _received(request: GatewayRequest, name: str, expanded: bytes) -> Receipt:
    read = registry.reader_for(
        expanded,
        name=name,
        kind=request.gateway.kind,
        content_type=request.content_type or "",
    )
    receipt = Receipt()
    for reading in _portions(read(expanded)):
        stored = store(gateway=request.gateway, reading=reading)
        receipt = Receipt(
            receipt.accepted + stored.accepted,
            receipt.duplicates + stored.duplicates,
            receipt.quarantined + stored.quarantined,
            receipt.ignored + stored.ignored,
        )
    if receipt.accepted:
        transaction.on_commit(wake_worker)
    return receipt


def _portions(reading: Reading) -> Iterator[Reading]:
    """Of at most MAX_RECORDS events, each durable before the next: a repetition counts none twice."""
    if len(reading.events) <= MAX_RECORDS:
        yield reading
        return
    for start in range(0, len(reading.events), MAX_RECORDS):
        end = start + MAX_RECORDS
        yield Reading(
            events=reading.events[start:end],
            rejected=reading.rejected if start == 0 else [],
            ignored=reading.ignored if start == 0 else 0,
            raws=reading.raws[start:end],
            format=reading.format,
        )


@contextmanager
def _place(*, is_large: bool) -> Iterator[None]:
    """One of the places for deliveries. Raises Busy when none becomes free in time."""
    wanted = (_large_place, _places) if is_large else (_places,)
    taken: list[threading.BoundedSemaphore] = []
    try:
        for place in wanted:
            if not place.acquire(timeout=WAIT_SECONDS):
                raise Busy
            taken.append(place)
        yield
    finally:
        for place in taken:
            place.release()


def _body(request: HttpRequest, limit: int) -> bytes:
    """The body, refused before it is read when it says that it is too long."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > limit:
        raise BodyTooLarge
    body = b"".join(_parts(request, limit + 1)) if _is_chunked(request) else request.read(limit + 1)
    if len(body) > limit:
        raise BodyTooLarge
    return body


def _is_chunked(request: HttpRequest) -> bool:
    """A body without a length (Envoy, HTTP/2), of which Django would read nothing at all.

    The server says when it knows the end itself; Granian does.
    """
    return not request.META.get("CONTENT_LENGTH") and bool(
        request.META.get("wsgi.input_terminated")
    )


def _parts(request: HttpRequest, room: int) -> Iterator[bytes]:
    while room > 0 and (part := request.META["wsgi.input"].read(min(room, READ_BYTES))):
        room -= len(part)
        yield part


def _token_in_form(request: HttpRequest) -> str:
    """3scale's clients can send their token only as a parameter, mostly in the body."""
    token = token_in_headers(request) or request.GET.get("service_token", "")
    if token or request.method != "POST":
        return token
    reported: Any = request
    reported.body_read_early = _body(request, MAX_FORM_BYTES)
    form = threescale.form(reported.body_read_early)
    return form.get("service_token") or form.get("provider_key", "")


@says_when_to_return
@machine("gateway", token=_token_in_form, refused=_refused)
def report(request: GatewayRequest, source: str = "", door: str = "") -> HttpResponseBase:
    """POST /transactions.xml, as 3scale's Service Management API has it."""
    return _take(request, source, door)


@says_when_to_return
@machine("gateway", refused=_refused)
def elastic(request: GatewayRequest, rest: str = "", door: str = "") -> HttpResponseBase:  # noqa: ARG001
    """What Gravitee's Elasticsearch reporter asks before it sends: a version, and its templates."""
    if request.method in {"GET", "HEAD"} and not rest:
        return doors.elastic(
            JsonResponse(
                {
                    "name": "apim",
                    "cluster_name": "apim",
                    "version": {"number": "8.15.0", "build_flavor": "default"},
                    "tagline": "You Know, for Search",
                }
            )
        )
    return doors.elastic(JsonResponse({"acknowledged": True}))
