"""From where a key may be used: networks and web origins."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from apim.gateway.authorizer.denials import IP_NOT_ALLOWED, ORIGIN_NOT_ALLOWED

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from apim.gateway.authorizer.denials import Denial
    from apim.gateway.grant_format import KeyGrant

_DEFAULT_PORTS = {"http": 80, "https": 443}


class KeyRules:
    """The allow-lists of one key. An empty list allows everything; see grant_format.KeyGrant."""

    def __init__(self, key: KeyGrant) -> None:
        self._networks = [ip_network(cidr, strict=False) for cidr in key.cidrs]
        self._origins = frozenset(key.origins)
        # `https://*.example.com` as (scheme, ending).
        self._below = [
            (scheme, f".{rest.removeprefix('*.')}")
            for scheme, _, rest in (origin.partition("://") for origin in key.origins)
            if rest.startswith("*.")
        ]

    def denial(self, address: str, origin: str) -> Denial | None:
        """`address` and `origin` are empty where none is known; then a list allows nothing."""
        if self._networks and not self._is_inside(address):
            return IP_NOT_ALLOWED
        if self._origins and not self._is_listed(origin):
            return ORIGIN_NOT_ALLOWED
        return None

    def _is_inside(self, address: str) -> bool:
        caller = _address(address)
        return caller is not None and any(caller in network for network in self._networks)

    def _is_listed(self, origin: str) -> bool:
        normal = _normal_origin(origin)
        if normal in self._origins:
            return bool(normal)
        scheme, _, host = normal.partition("://")
        return any(scheme == wanted and host.endswith(end) for wanted, end in self._below)


def rules_of(key: KeyGrant) -> KeyRules | None:
    return KeyRules(key) if key.cidrs or key.origins else None


def client_address(headers: dict[bytes, bytes]) -> str:
    """The caller's address as the asking gateway saw it.

    Each proxy appends the address it saw to X-Forwarded-For, so its last one is the gateway's own
    word; all before it may be the caller's invention. Gateways that send none name the address in
    X-Client-Ip or, Envoy, in X-Envoy-External-Address.
    """
    forwarded = headers.get(b"x-forwarded-for")
    if forwarded is not None:
        return forwarded.rpartition(b",")[2].strip().decode("latin-1")
    named = headers.get(b"x-client-ip") or headers.get(b"x-envoy-external-address", b"")
    return named.strip().decode("latin-1")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """With or without a port; IPv4 within IPv6 counts as IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _normal_origin(origin: str) -> str:
    """Lower-case scheme, host and port other than the scheme's own (RFC 6454, section 4)."""
    try:
        parts = urlsplit(origin.strip().lower())
        port = parts.port
    except ValueError:
        return ""
    if not parts.scheme or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port is None or port == _DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"
