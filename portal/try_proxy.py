"""Carries the reference page's test requests to the gateway.

The browser may talk only to our own origin (`connect-src 'self'`), so Scalar sends a call to
`/try/<api>/<version>/?scalar_url=…` and this module repeats it at the gateway, with the key that
the developer typed. Nothing of a call is stored or logged.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from apim.core.errors import DomainError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apim.catalog.models import ApiVersion

TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 3.0
MAX_BYTES = 5 * 1024 * 1024
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# Request headers that travel on. Besides these, `x-` headers except those of proxies and ours.
FORWARDED = frozenset({
    "accept",
    "accept-language",
    "api-version",
    "apikey",
    "authorization",
    "content-language",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "prefer",
    "range",
    "traceparent",
})  # fmt: skip
NEVER_FORWARDED = (
    "x-apim-",
    "x-csrf",
    "x-envoy-",
    "x-forwarded",
    "x-original",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
    "x-scalar-",
)

# Answer headers that stay behind: hop by hop (RFC 9110, section 7.6.1), or they would act on our
# own origin.
NEVER_RETURNED = frozenset({
    "alt-svc",
    "clear-site-data",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-security-policy-report-only",
    "keep-alive",
    "proxy-authenticate",
    "public-key-pins",
    "referrer-policy",
    "refresh",
    "service-worker-allowed",
    "set-cookie",
    "sourcemap",
    "strict-transport-security",
    "trailer",
    "transfer-encoding",
    "upgrade",
})  # fmt: skip


class GatewayUnreachable(DomainError):
    code = "gateway_unreachable"
    status = 502
    title = "The gateway could not be reached"


class GatewayTooSlow(DomainError):
    code = "gateway_too_slow"
    status = 504
    title = "The gateway took too long"


class AnswerTooLarge(DomainError):
    code = "answer_too_large"
    status = 502
    title = "The answer is too large to show here"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway said, without what must not reach the browser."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(default=())


def target_url(version: ApiVersion, wanted: str) -> str:
    """Where a test request really goes.

    Raises InvalidInput unless `wanted` is an address of this very version at our own gateway.
    """
    asked, gateway = _split(wanted), urlsplit(settings.APIM_GATEWAY_URL)
    same_place = (asked.scheme, asked.netloc) == (gateway.scheme, gateway.netloc)
    prefix = f"{gateway.path.rstrip('/')}{version.listen_path}"
    below = asked.path == prefix or asked.path.startswith(f"{prefix}/")
    if not same_place or not below or _climbs(asked.path):
        raise InvalidInput(
            _("Test requests go only to %(url)s.") % {"url": f"{settings.APIM_GATEWAY_URL}{prefix}"}
        )
    inner = urlsplit(settings.APIM_GATEWAY_INTERNAL_URL)
    path = asked.path.removeprefix(gateway.path.rstrip("/"))
    return urlunsplit((inner.scheme, inner.netloc, f"{inner.path}{path}", asked.query, ""))


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # such as an unclosed bracket: an address of nothing
        return urlsplit("")


def _climbs(path: str) -> bool:
    """The path has a part that an upstream might read as "one up", at any level of encoding."""
    for _level in range(3):
        if "\\" in path or any(part in {".", ".."} for part in path.split("/")):
            return True
        path = unquote(path)
    return False


def request_headers(sent: Mapping[str, str]) -> dict[str, str]:
    """The headers of the browser's request that belong to the call itself."""
    headers = {name: value for name, value in sent.items() if _travels(name.lower())}
    if cookie := sent.get("X-Scalar-Cookie"):  # the browser lets no script set Cookie
        headers["Cookie"] = cookie
    return {**headers, "Accept-Encoding": "identity"}


def _travels(name: str) -> bool:
    if name in FORWARDED:
        return True
    return name.startswith("x-") and not name.startswith(NEVER_FORWARDED)


def carry(*, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Make the call once, without following redirects.

    Raises GatewayUnreachable, GatewayTooSlow after TOTAL_SECONDS, AnswerTooLarge over MAX_BYTES.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    limits = httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS)
    client = httpx.Client(timeout=limits, follow_redirects=False, trust_env=False)
    # WSGI hands header values over as Latin-1; they travel on as the bytes they were.
    sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    try:
        with client, client.stream(method, url, headers=sent, content=body) as response:
            kept = b"".join(_limited(response.iter_bytes(), deadline))
            return Answer(response.status_code, kept, _returned(response))
    except httpx.TimeoutException as error:
        raise _too_slow() from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GatewayUnreachable(_("The gateway could not be reached. Try again.")) from error


def _limited(chunks: Iterator[bytes], deadline: float) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_BYTES:
            raise AnswerTooLarge(
                _("The answer is larger than %(size)s MiB. Make this call with curl instead.")
                % {"size": MAX_BYTES // 1024**2}
            )
        if time.monotonic() > deadline:
            raise _too_slow()
        yield chunk


def _too_slow() -> GatewayTooSlow:
    return GatewayTooSlow(
        _("No complete answer within %(seconds)s seconds. Make this call with curl instead.")
        % {"seconds": int(TOTAL_SECONDS)}
    )


def _returned(response: httpx.Response) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value)
        for name, value in response.headers.multi_items()
        if name.lower() not in NEVER_RETURNED
    )
