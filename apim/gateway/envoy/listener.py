"""The gateway's listener: what happens to a call, filter by filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apim.gateway.envoy import names
from apim.gateway.envoy.accesslog import file_logger
from apim.gateway.envoy.lua_filter import lua_filter
from apim.gateway.envoy.names import type_url
from apim.gateway.envoy.problems import local_replies

REQUEST_HEADERS_TIMEOUT_SECONDS = 15
ROUTES_REFRESH_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class ListenerSettings:
    address: str
    port: int
    access_log: str
    # Origin of the portal, whose "try it" calls the gateway out of the browser.
    portal_origin: str


def build_listener(settings: ListenerSettings) -> dict[str, Any]:
    manager = connection_manager(settings, {"rds": _route_discovery()})
    return {
        "@type": names.LISTENER_TYPE,
        "name": names.LISTENER,
        "address": {"socket_address": {"address": settings.address, "port_value": settings.port}},
        "per_connection_buffer_limit_bytes": 1048576,
        "filter_chains": [
            {"filters": [{"name": "http", "typed_config": manager}]},
        ],
    }


def _route_discovery() -> dict[str, Any]:
    return {"route_config_name": names.ROUTES, "config_source": rest_source(ROUTES_REFRESH_SECONDS)}


def rest_source(refresh_seconds: float) -> dict[str, Any]:
    return {
        "resource_api_version": "V3",
        "initial_fetch_timeout": "5s",
        "api_config_source": {
            "api_type": "REST",
            "transport_api_version": "V3",
            "cluster_names": [names.CONTROL_CLUSTER],
            "refresh_delay": f"{refresh_seconds}s",
            "request_timeout": "2s",
        },
    }


def connection_manager(settings: ListenerSettings, routes: dict[str, Any]) -> dict[str, Any]:
    """`routes` is `rds` or, for validation, `route_config`."""
    return {
        "@type": type_url(
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
        ),
        "stat_prefix": "gateway",
        **routes,
        # Every caller is a stranger, also one on a private address: a request id or an x-envoy-
        # header that a caller sent is never believed.
        "use_remote_address": True,
        "always_set_request_id_in_response": True,
        "internal_address_config": {
            "cidr_ranges": [{"address_prefix": "192.0.2.255", "prefix_len": 32}]
        },
        "early_header_mutation_extensions": [_forget_what_callers_claim()],
        "normalize_path": True,
        "merge_slashes": True,
        # WSGI and CGI upstreams read x_apim_key as x-apim-key.
        "common_http_protocol_options": {
            "headers_with_underscores_action": "DROP_HEADER",
            "idle_timeout": "300s",
        },
        # Until a route is chosen, which has its own; request_headers_timeout would be another timer
        # for each call.
        "stream_idle_timeout": f"{REQUEST_HEADERS_TIMEOUT_SECONDS}s",
        "http_filters": [
            _cors(),
            lua_filter(),
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": type_url("envoy.extensions.filters.http.router.v3.Router"),
                    # Three headers that only cost; lease.lua adds the one that the log needs.
                    "suppress_envoy_headers": True,
                    # Counting answers by status for each cluster takes a twentieth of a call, and the
                    # log tells the same of each call.
                    "dynamic_stats": False,
                },
            },
        ],
        "access_log": [file_logger(settings.access_log)],
        "local_reply_config": local_replies(),
    }


def _forget_what_callers_claim() -> dict[str, Any]:
    removed = [
        {"remove_on_match": {"key_matcher": {"prefix": prefix}}}  # names are in lower case here
        for prefix in (names.IDENTITY_PREFIX, "x-envoy-")
    ]
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": type_url(
                "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
            ),
            "mutations": [*removed, {"remove": "x-request-id"}],
        },
    }


def _cors() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.cors",
        "typed_config": {"@type": type_url("envoy.extensions.filters.http.cors.v3.Cors")},
    }
