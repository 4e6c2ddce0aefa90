"""From an upstream URL to an Envoy cluster. The one place that decides which URLs are sound."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from apim.gateway.envoy.names import CLUSTER_TYPE, type_url

CONNECT_TIMEOUT_SECONDS = 5
# Envoy's own default is 1024 for each, which one busy API can reach.
MAX_CONNECTIONS = 8192
MAX_REQUESTS = 16384

# RFC 1123 section 2.1, with the underscore that container networks use.
_HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")


class UpstreamInvalid(ValueError):
    """The upstream URL cannot be served; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """`base_path` has no trailing slash; it is empty for the root."""

    host: str
    port: int
    is_tls: bool
    base_path: str
    is_address: bool

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def parse_upstream(url: str) -> Upstream:
    """Take an upstream URL apart. Raises UpstreamInvalid."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = parts.hostname or ""
    except ValueError as error:
        raise UpstreamInvalid(f"The upstream URL cannot be read: {error}.") from None
    if parts.scheme not in {"http", "https"}:
        raise UpstreamInvalid("The upstream URL must begin with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise UpstreamInvalid("The upstream URL must not contain a user name or password.")
    if parts.query or parts.fragment:
        raise UpstreamInvalid("The upstream URL must not contain ? or #.")
    if port == 0:
        raise UpstreamInvalid("The upstream URL's port must be between 1 and 65535.")
    is_address = _check_host(host)
    base_path = parts.path.rstrip("/")
    if not _PATH.fullmatch(base_path) or ".." in base_path.split("/"):
        raise UpstreamInvalid(f"The upstream URL's path {base_path!r} contains what no path may.")
    is_tls = parts.scheme == "https"
    return Upstream(host, port or (443 if is_tls else 80), is_tls, base_path, is_address)


def _check_host(host: str) -> bool:
    """Tell whether the host is an IP address. Raises UpstreamInvalid if it is no host at all."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        if len(host) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in labels):
            raise UpstreamInvalid(f"{host!r} is not a host name or IP address.") from None
        if labels[-1].isdigit():
            raise UpstreamInvalid(f"{host!r} is not an IP address.") from None
        return False
    return True


def cluster_name(
    version_id: str, upstream: Upstream, trusted_ca: str, *, is_http2: bool = False
) -> str:
    """Name a cluster after the version and what it points to.

    A changed upstream is a new cluster, so that routes and clusters, which Envoy fetches
    separately, never contradict each other.
    """
    told = [upstream.host, upstream.port, upstream.is_tls, trusted_ca]
    facts = json.dumps([*told, "h2"] if is_http2 else told)
    return f"{version_id}-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"


def build_cluster(
    name: str, upstream: Upstream, trusted_ca: str, *, is_http2: bool = False
) -> dict[str, Any]:
    """`trusted_ca` is the path of the bundle of root certificates on the gateway's machine.

    HTTP/2 is spoken as gRPC does: without TLS with prior knowledge, with TLS by ALPN.
    """
    cluster: dict[str, Any] = {
        "@type": CLUSTER_TYPE,
        "name": name,
        "type": "STATIC" if upstream.is_address else "STRICT_DNS",
        "connect_timeout": f"{CONNECT_TIMEOUT_SECONDS}s",
        "load_assignment": load_assignment(name, upstream.host, upstream.port),
        "circuit_breakers": circuit_breakers(),
    }
    if not upstream.is_address:
        cluster["dns_lookup_family"] = "V4_PREFERRED"
    if upstream.is_tls:
        cluster["transport_socket"] = _tls(upstream, trusted_ca, is_http2=is_http2)
    if is_http2:
        options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        cluster["typed_extension_protocol_options"] = {
            options: {
                "@type": type_url(options),
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    return cluster


def circuit_breakers() -> dict[str, Any]:
    threshold = {
        "max_connections": MAX_CONNECTIONS,
        "max_pending_requests": MAX_REQUESTS,
        "max_requests": MAX_REQUESTS,
        "max_retries": 3,
    }
    return {"thresholds": [threshold]}


def load_assignment(name: str, host: str, port: int) -> dict[str, Any]:
    address = {"socket_address": {"address": host, "port_value": port}}
    return {
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
    }


def _tls(upstream: Upstream, trusted_ca: str, *, is_http2: bool) -> dict[str, Any]:
    san = {
        "san_type": "IP_ADDRESS" if upstream.is_address else "DNS",
        "matcher": {"exact": upstream.host},
    }
    context: dict[str, Any] = {
        "@type": type_url("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"),
        "common_tls_context": {
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "validation_context": {
                "trusted_ca": {"filename": trusted_ca},
                "match_typed_subject_alt_names": [san],
            },
        },
    }
    if not upstream.is_address:
        context["sni"] = upstream.host
    if is_http2:
        context["common_tls_context"]["alpn_protocols"] = ["h2"]
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}
