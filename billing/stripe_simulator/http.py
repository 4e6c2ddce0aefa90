"""Requests and answers of the ASGI application, and reading the one and writing the other."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
MAX_BODY_BYTES = 1 << 20


class HungUp(Exception):
    """The caller went away before the request was whole."""


class TooLarge(Exception):
    """The body is beyond MAX_BODY_BYTES."""


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(content: Any, *, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=msgspec.json.encode(content), headers=named)


async def read(scope: Scope, receive: Receive) -> Request:
    """Read the whole request. Raises TooLarge, HungUp."""
    body = b""
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HungUp
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge
        if not message.get("more_body"):
            break
    if len(body) < int(headers.get("content-length") or 0):
        raise HungUp
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
    )


async def write(send: Send, answer: Answer, *, without_body: bool = False) -> None:
    headers = {
        "content-type": answer.content_type,
        "content-length": str(len(answer.body)),
        "cache-control": "no-cache, no-store",
        **answer.headers,
    }
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if without_body else answer.body})
