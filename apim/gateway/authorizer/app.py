"""The ASGI application: routes, start and stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from apim.gateway.authorizer import answers, denials, verdicts
from apim.gateway.authorizer.requests import PREFIX, read_headers
from apim.gateway.authorizer.service import UNANSWERABLE, Authorizer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from apim.gateway.authorizer.answers import Answer

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 16 * 1024

_authorizer: Authorizer | None = None


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    authorizer = _authorizer or _running()
    if scope["raw_path"].startswith(PREFIX):
        answer = await authorizer.check(scope)
    else:
        answer = await _other(authorizer, scope, receive)
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def _running() -> Authorizer:
    global _authorizer  # noqa: PLW0603 - one per process, also under a server without lifespan
    if _authorizer is None:
        _authorizer = Authorizer()
        _authorizer.start()
    return _authorizer


async def _lifespan(receive: Receive, send: Send) -> None:
    global _authorizer  # noqa: PLW0603
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _running()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            if _authorizer is not None:
                await _authorizer.stop()
                _authorizer = None
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _other(authorizer: Authorizer, scope: Scope, receive: Receive) -> Answer:
    path: str = scope["path"]
    if path not in _FOR_GATEWAYS:
        return _for_operators(authorizer, path)
    method, answer = _FOR_GATEWAYS[path]
    if not authorizer.knows(read_headers(scope["headers"])):
        return answers.refusal(None, denials.GATEWAY_UNKNOWN, [])
    if scope["method"] != method:
        return answers.plain(405, f"{method} only\n")
    return await answer(authorizer, scope, receive)


def _for_operators(authorizer: Authorizer, path: str) -> Answer:
    if path == "/healthz":
        return answers.plain(200, "ok\n")
    if path == "/readyz":
        is_ready = authorizer.is_ready()
        return answers.plain(200 if is_ready else 503, "ready\n" if is_ready else "no redis\n")
    if path == "/metrics":
        return answers.plain(200, authorizer.metrics_text())
    return answers.plain(404, "not found\n")


async def _lease(authorizer: Authorizer, scope: Scope, _receive: Receive) -> Answer:
    return await authorizer.lease(read_headers(scope["headers"]))


async def _release(authorizer: Authorizer, scope: Scope, _receive: Receive) -> Answer:
    headers = read_headers(scope["headers"])
    authorizer.leases.settle(headers)
    lease = headers.get(b"x-apim-lease-id", b"").decode("latin-1")
    if lease:
        authorizer.leases.release(lease)
    return answers.Answer(204, [], b"", "")


async def _changes(authorizer: Authorizer, scope: Scope, _receive: Receive) -> Answer:
    query: bytes = scope["query_string"]
    since = next((part[6:] for part in query.split(b"&") if part.startswith(b"since=")), b"")
    return await authorizer.changes_since(since.decode("latin-1"))


async def _verify(authorizer: Authorizer, _scope: Scope, receive: Receive) -> Answer:
    try:
        question = msgspec.json.decode(await _body(receive), type=verdicts.Question)
        verdict = await verdicts.verdict(authorizer, question)
    except (msgspec.DecodeError, RecursionError) as error:
        return answers.json(422, {"valid": False, "code": "invalid_input", "detail": str(error)})
    except UNANSWERABLE:
        return answers.refusal(None, denials.CANNOT_CHECK, [])
    authorizer.metrics.verdicts[verdict["code"]] += 1
    return answers.json(200, verdict)


# path: (method, answer); only for those who send the authorizer token.
_FOR_GATEWAYS = {
    "/gateway/v1/lease": ("POST", _lease),
    "/gateway/v1/release": ("POST", _release),
    "/gateway/v1/changes": ("GET", _changes),
    "/gateway/v1/verify": ("POST", _verify),
}


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise msgspec.DecodeError(f"the body is longer than {MAX_BODY_BYTES} bytes")
        if not message.get("more_body"):
            return body
