"""Envoy's bootstrap: where the control plane and the authorizer are, and the tokens for them.

Both tokens stand here and nowhere else: they are added to requests by filters of the two static
clusters, so that no snapshot, database row or admin page of the web process holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apim.gateway.envoy import names
from apim.gateway.envoy.listener import rest_source
from apim.gateway.envoy.names import type_url
from apim.gateway.envoy.upstreams import (
    build_cluster,
    parse_upstream,
)

REFRESH_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class BootstrapSettings:
    gateway_token: str
    authorizer_token: str
    web_url: str
    authorizer_url: str
    admin_address: str
    admin_port: int
    trusted_ca: str
    node_id: str = "gateway"


def build_bootstrap(settings: BootstrapSettings) -> dict[str, Any]:
    """Raises UpstreamInvalid for an address that cannot be read."""
    return {
        "node": {"id": settings.node_id, "cluster": "apim"},
        "dynamic_resources": {
            "lds_config": rest_source(REFRESH_SECONDS),
            "cds_config": rest_source(REFRESH_SECONDS),
        },
        "static_resources": {"clusters": control_clusters(settings)},
        "admin": {
            "address": {
                "socket_address": {
                    "address": settings.admin_address,
                    "port_value": settings.admin_port,
                }
            }
        },
    }


def control_clusters(settings: BootstrapSettings) -> list[dict[str, Any]]:
    return [
        _control_cluster(
            names.CONTROL_CLUSTER,
            settings.web_url,
            settings.trusted_ca,
            {"authorization": f"Bearer {settings.gateway_token}"},
        ),
        _control_cluster(
            names.AUTHORIZER_CLUSTER,
            settings.authorizer_url,
            settings.trusted_ca,
            {names.TOKEN_HEADER: settings.authorizer_token},
        ),
    ]


def _control_cluster(
    name: str, url: str, trusted_ca: str, headers: dict[str, str]
) -> dict[str, Any]:
    cluster = build_cluster(name, parse_upstream(url), trusted_ca)
    del cluster["@type"]
    mutations = [
        {
            "append": {
                "header": {"key": key, "value": value.replace("%", "%%")},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        }
        for key, value in headers.items()
    ]
    cluster["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": type_url("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
            "explicit_http_config": {"http_protocol_options": {}},
            "http_filters": [
                {
                    "name": "envoy.filters.http.header_mutation",
                    "typed_config": {
                        "@type": type_url(
                            "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
                        ),
                        "mutations": {"request_mutations": mutations},
                    },
                },
                {
                    "name": "envoy.filters.http.upstream_codec",
                    "typed_config": {
                        "@type": type_url(
                            "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"
                        )
                    },
                },
            ],
        }
    }
    return cluster
