"""Kong's http-log: what its serializer writes (kong/pdk/log.lua), http and stream.

Times in milliseconds; the credential's id and the consumer only when the call was authenticated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.formats import fields
from analytics.formats.calls import call
from analytics.formats.fields import dig, first, header, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.events import Event, Foreign

_PER_SECOND = 1000


def recognises(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("latencies"), dict) and "started_at" in record


def read(record: Mapping[str, Any]) -> Event:
    """Raises Refused. An empty `request.id` is no id: Kong writes it when it has none."""
    if isinstance(record.get("session"), dict) and "request" not in record:
        return _session(record)
    request, response = record.get("request"), record.get("response")
    proxy_us = fields.microseconds(dig(record, "latencies", "proxy"), _PER_SECOND)
    return call(
        event_id=text(dig(request, "id")),
        at=fields.epoch(record.get("started_at"), _PER_SECOND),
        method=text(dig(request, "method")),
        path=fields.path(text(dig(request, "uri")) or dig(request, "url")),
        status=fields.status(dig(response, "status")),
        duration_us=fields.microseconds(dig(record, "latencies", "request"), _PER_SECOND),
        upstream_us=proxy_us,
        is_forwarded=_is_forwarded(record, proxy_us),
        request_bytes=fields.whole(dig(request, "size")),
        response_bytes=fields.whole(dig(response, "size")),
        user_agent=header(dig(request, "headers"), "user-agent"),
        units=_tokens(record.get("ai")),
        ip=text(record.get("client_ip")),
        foreign=_foreign(record),
    )


def _session(record: Mapping[str, Any]) -> Event:
    """A TCP or TLS stream counts as one call without method and path."""
    session = record["session"]
    return call(
        event_id="",
        at=fields.epoch(record.get("started_at"), _PER_SECOND),
        status=fields.status(session.get("status")),
        duration_us=fields.microseconds(dig(record, "latencies", "session"), _PER_SECOND),
        request_bytes=fields.whole(session.get("received")),
        response_bytes=fields.whole(session.get("sent")),
        ip=text(record.get("client_ip")),
        foreign=_foreign(record),
    )


def _is_forwarded(record: Mapping[str, Any], proxy_us: int | None) -> bool:
    source = text(record.get("source"))
    return source in {"upstream", "service"} if source else proxy_us is not None


def _foreign(record: Mapping[str, Any]) -> Foreign:
    consumer = record.get("consumer")
    return fields.foreign(
        credential=dig(record, "authenticated_entity", "id"),
        consumer=first(consumer, "custom_id", "username", "id")
        if isinstance(consumer, dict)
        else "",
        route=_name(record.get("route")),
        service=_name(record.get("service")),
    )


def _name(entity: object) -> str:
    return text(first(entity, "name", "id")) if isinstance(entity, dict) else ""


def _tokens(ai: object) -> int | float | None:
    """Tokens of a call to a language model, under whatever plugin's name they stand."""
    if not isinstance(ai, dict):
        return None
    for plugin in ai.values():
        used = fields.number(dig(plugin, "usage", "total_tokens"))
        if used is not None:
            return used
    return None
