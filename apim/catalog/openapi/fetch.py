"""Fetching a document from an address that a person typed, without becoming their way inside.

The server's own network is reachable from here and not from where the person sits. So every host
is resolved once, every address it has is checked, and the connection goes to the very address that
was checked: a name that answers differently the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote, urljoin, urlsplit

import httpcore
from django.utils.translation import gettext as _

from apim.catalog.openapi.load import MAX_BYTES
from apim.core.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_SECONDS = 10.0
MAX_REDIRECTS = 3
_REDIRECTS = {301, 302, 303, 307, 308}
# Global by registration, yet they lead to IPv4 addresses that need not be:
# NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), IPv4-compatible (RFC 4291).
_TRANSLATED = tuple(
    ipaddress.ip_network(n)
    for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)

Resolve = Callable[[str, int], "Sequence[str]"]


class SpecFetchFailed(DomainError):
    """The document could not be had from this address; the message says why."""

    code = "spec_fetch_failed"
    status = 422
    title = "The specification could not be fetched"

    def __init__(self, message: str) -> None:
        super().__init__(message, fields={"source_url": [message]})


def fetch_spec(
    url: str,
    *,
    allowed_hosts: Iterable[str] = (),
    only_hosts: Iterable[str] | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    max_bytes: int = MAX_BYTES,
    resolve: Resolve | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> bytes:
    """The body at `url`, after at most three redirects.

    `allowed_hosts` (names, or name:port) may use plain http and lie on private addresses; all
    others need https and public addresses. With `only_hosts` no other host is asked, redirects
    included. The timeout covers everything, names included.

    Raises SpecFetchFailed.
    """
    backend = _CheckedNetwork(
        allowed=frozenset(host.lower() for host in allowed_hosts),
        only=None if only_hosts is None else frozenset(host.lower() for host in only_hosts),
        deadline=time.monotonic() + timeout_seconds,
        resolve=resolve or _resolve,
    )
    with httpcore.ConnectionPool(network_backend=backend, ssl_context=ssl_context) as pool:
        for _hop in range(MAX_REDIRECTS + 1):
            outcome = _request(pool, backend, url, max_bytes)
            if isinstance(outcome, bytes):
                return outcome
            url = _redirected(url, outcome)
    return _fail(_("The address redirects more than %(max)d times.") % {"max": MAX_REDIRECTS})


def file_name_of(url: str) -> str:
    """The last part of the address's path, whose extension tells what is there."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def _redirected(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        _fail(_("The address redirects to one that is malformed."))


def _request(
    pool: httpcore.ConnectionPool, backend: _CheckedNetwork, url: str, max_bytes: int
) -> bytes | str:
    """The body, or where the answer redirects to."""
    host = _check_url(url, backend)
    headers = {
        "Accept": "application/json, application/yaml, text/yaml, text/plain;q=0.8, */*;q=0.5",
        "Accept-Encoding": "identity",
        "User-Agent": "apim-spec-import",
    }
    try:
        with pool.stream("GET", url, headers=list(headers.items())) as response:
            return _read(response, max_bytes)
    except httpcore.TimeoutException:
        _fail(_("%(host)s did not answer in time.") % {"host": host})
    except ssl.SSLError:
        _fail(_("The TLS certificate of %(host)s is not trusted.") % {"host": host})
    except httpcore.ConnectError as error:
        if "certificate" in str(error).lower():
            _fail(_("The TLS certificate of %(host)s is not trusted.") % {"host": host})
        _fail(_("No connection to %(host)s could be made.") % {"host": host})
    except (httpcore.NetworkError, httpcore.ProtocolError):
        _fail(_("%(host)s broke off its answer, or did not speak HTTP.") % {"host": host})
    except (httpcore.UnsupportedProtocol, ValueError):
        _fail(_("This is not an address that can be fetched."))


def _check_url(url: str, backend: _CheckedNetwork) -> str:
    """The host; refuses what is not https, unless the host is allowed http."""
    if not url.isascii() or any(c.isspace() or ord(c) < 32 for c in url):
        _fail(_("An address consists of ASCII characters without white space."))
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        _fail(_("This is not an address that can be fetched."))
    if parts.scheme not in {"http", "https"} or not host:
        _fail(_("The address must begin with https://."))
    if parts.username or parts.password:
        _fail(_("The address must not contain a user name or password."))
    port = port or (443 if parts.scheme == "https" else 80)
    if not backend.may_ask(host, port):
        _fail(
            _(
                "%(host)s is not one of the hosts that documents may refer to. "
                "An administrator can add it to APIM_SPEC_REFERENCE_HOSTS."
            )
            % {"host": host}
        )
    is_allowed = backend.is_allowed(host, port)
    if parts.scheme == "http" and not is_allowed:
        _fail(_("%(host)s must be fetched over https.") % {"host": host})
    return host


def _read(response: httpcore.Response, max_bytes: int) -> bytes | str:
    headers = {name.lower(): value for name, value in response.headers}
    if response.status in _REDIRECTS and b"location" in headers:
        return headers[b"location"].decode("latin-1")
    if response.status != 200:
        _fail(_("The address answered with status %(status)d.") % {"status": response.status})
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        _fail(_("The answer is compressed although that was not asked for."))
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > max_bytes:
            size = max_bytes / (1024 * 1024)
            _fail(_("The document is larger than %(max).0f MB.") % {"max": size})
    return bytes(body)


def _fail(message: str) -> NoReturn:
    raise SpecFetchFailed(message)


@dataclass(frozen=True)
class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects to checked addresses only, and never past the deadline."""

    allowed: frozenset[str]
    deadline: float
    resolve: Resolve
    # The only hosts to be asked at all; None for any.
    only: frozenset[str] | None = None

    def is_allowed(self, host: str, port: int) -> bool:
        return host in self.allowed or f"{host}:{port}" in self.allowed

    def may_ask(self, host: str, port: int) -> bool:
        return self.only is None or host in self.only or f"{host}:{port}" in self.only

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline rules
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port)
        if not self.is_allowed(host.lower(), port):
            for address in addresses:
                _refuse_inside(host, address)
        error: Exception = httpcore.ConnectError(host)
        for address in addresses:
            try:
                stream = httpcore.SyncBackend().connect_tcp(
                    address, port, _left(self.deadline), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
            else:
                return _TimedStream(stream, self.deadline)
        raise error

    def connect_unix_socket(self, path: str, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise httpcore.ConnectError(path)

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        # getaddrinfo knows no timeout; a thread that is late is left behind.
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="resolve")
        try:
            found = executor.submit(self.resolve, host, port).result(_left(self.deadline))
        except FutureTimeoutError:
            raise httpcore.ConnectTimeout(host) from None
        except (OSError, UnicodeError):
            _fail(_("The host name %(host)s does not exist.") % {"host": host})
        finally:
            executor.shutdown(wait=False)
        if not found:
            _fail(_("The host name %(host)s does not exist.") % {"host": host})
        return found


class _TimedStream(httpcore.NetworkStream):
    """Every wait ends at the deadline, so that a drop every second does not keep it going."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _refuse_inside(host: str, address: str) -> None:
    if is_public(address):
        return
    _fail(
        _(
            "%(host)s has the address %(address)s, which is not on the public internet. "
            "An administrator can allow the host in APIM_SPEC_FETCH_ALLOWED_HOSTS."
        )
        % {"host": host, "address": address}
    )


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the internet could reach, and one host's."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (
        ip.ipv4_mapped is not None or any(ip in network for network in _TRANSLATED)
    ):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified
