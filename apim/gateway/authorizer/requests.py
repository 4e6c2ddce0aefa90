"""Reads out of a gateway's question which call is meant and which key it carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from apim.gateway.authorizer.rules import client_address
from apim.gateway.envoy.names import KEY_PARAMETERS
from apim.keys import secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PREFIX = b"/gateway/v1/check"
_BEARER = b"bearer "
_KEY_PARAMETERS = tuple(f"{name}=".encode() for name in KEY_PARAMETERS)


class Call(NamedTuple):
    """The call that a gateway asks about. `path` is raw, without the query.

    `address` and `origin` say where it comes from; empty if unknown.
    """

    method: str
    path: bytes
    # What may be a key, in the order of precedence.
    candidates: Sequence[str]
    # The first candidate is a bearer token.
    has_bearer: bool
    request_id: bytes
    # For gateways that pass on 401 and 403 only.
    deny_status: int | None
    address: str
    origin: str

    def headers_to_remove(self, key: str) -> bytes:
        """Headers that carry a key. Another bearer token, meant for the upstream, is left alone."""
        if not self.has_bearer:
            return b"x-api-key"
        bearer = self.candidates[0]
        is_key = bearer == key or secrets.parse(bearer) is not None
        return b"x-api-key, authorization" if is_key else b"x-api-key"


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Lower-case names; of several with one name the last counts, in every decision alike."""
    return dict(raw)


def read_check(scope: dict[str, Any], headers: dict[bytes, bytes]) -> Call:
    """Envoy puts the call's path behind ours; the others name it in a header."""
    path: bytes = scope["raw_path"]
    rest = path.partition(b"?")[0][len(PREFIX) :]
    query: bytes = scope["query_string"]
    method: str = scope["method"]
    deny_status = None
    if rest in {b"", b"/"}:
        named = headers.get(b"x-original-uri") or headers.get(b"x-forwarded-uri")
        if named is not None:
            deny_status = 403 if b"deny_status=403" in query.split(b"&") else None
            rest, _, query = named.partition(b"?")
            method = _named_method(headers) or method
    return _call(method, rest, query, headers, deny_status, client_address(headers))


def read_lease(headers: dict[bytes, bytes]) -> Call:
    """The filter in Envoy names everything in headers, which callers cannot reach."""
    path, _, query = headers.get(b"x-original-uri", b"").partition(b"?")
    address = headers.get(b"x-client-ip", b"").decode("latin-1")
    return _call(_named_method(headers) or "GET", path, query, headers, None, address)


def _named_method(headers: dict[bytes, bytes]) -> str:
    named = headers.get(b"x-original-method") or headers.get(b"x-forwarded-method", b"")
    return named.decode("latin-1")


def _call(
    method: str,
    path: bytes,
    query: bytes,
    headers: dict[bytes, bytes],
    deny_status: int | None,
    address: str,
) -> Call:
    authorization = headers.get(b"authorization", b"")
    has_bearer = authorization[:7].lower() == _BEARER
    candidates = [authorization[7:].strip().decode("latin-1")] if has_bearer else []
    key = headers.get(b"x-api-key")
    if key is not None:
        candidates.append(key.strip().decode("latin-1"))
    if query and any(name in query for name in _KEY_PARAMETERS):
        candidates += _from_query(query)
    return Call(
        method,
        path,
        candidates,
        has_bearer,
        headers.get(b"x-request-id", b""),
        deny_status,
        address,
        headers.get(b"origin", b"").decode("latin-1"),
    )


def _from_query(query: bytes) -> list[str]:
    try:
        pairs = parse_qsl(query.decode("latin-1"), max_num_fields=200)
    except ValueError:
        return []
    return [value for name, value in pairs if name in KEY_PARAMETERS]


def is_plain(path: bytes) -> bool:
    """No dot segments, also encoded ones: gateways differ in what they make of them.

    Some decode `%2f` before they choose a route, so it bounds a segment here too.
    """
    if b"/." not in path and b"%2" not in path:
        return True
    lowered = path.lower().replace(b"%2e", b".").replace(b"%2f", b"/")
    return not any(segment in {b".", b".."} for segment in lowered.split(b"/"))


def listen_path_candidates(path: str, deepest: int) -> Iterable[str]:
    """Prefixes of whole segments, the longest first."""
    segments = path.split("/")[: deepest + 1]
    for count in range(len(segments), 1, -1):
        yield "/".join(segments[:count])
