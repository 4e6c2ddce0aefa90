"""Which path goes to which upstream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apim.gateway.envoy import names
from apim.gateway.envoy.lua_filter import AFTER, UNSERVED, run_instead
from apim.gateway.envoy.names import type_url
from apim.gateway.envoy.problems import UNKNOWN_PATH, direct_response, problem
from apim.gateway.envoy.route_tree import ROOT, route_tree
from apim.gateway.envoy.upstreams import build_cluster, cluster_name, parse_upstream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apim.gateway.envoy.upstreams import Upstream

MAX_TIMEOUT_SECONDS = 3600
# For so long an upstream may pause within an answer; Envoy's own default.
QUIET_SECONDS = 300
CORS_FILTER = "envoy.filters.http.cors"
_NO_CORS = {"@type": type_url("envoy.config.route.v3.FilterConfig"), "disabled": True}


@dataclass(frozen=True, kw_only=True)
class ServedVersion:
    """What the gateway must know of an API version."""

    public_id: str
    listen_path: str
    upstream_url: str
    sandbox_upstream_url: str
    timeout_seconds: int
    # The response header that states what a call costs.
    cost_header: str = ""
    # Headers that every answer of a deprecated version bears.
    notices: tuple[tuple[str, str], ...] = ()
    is_retired: bool = False
    # Upstreams of gRPC speak HTTP/2. Calls of it name a service where others name the listen path.
    is_grpc: bool = False
    services: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class VersionResources:
    routes: list[dict[str, Any]]
    clusters: list[dict[str, Any]]


def build_version(version: ServedVersion, trusted_ca: str) -> VersionResources:
    """Build one version's routes and clusters. Raises UpstreamInvalid."""
    if version.is_retired:
        return VersionResources(routes=[_retired(version)], clusters=[])
    upstream, is_http2 = parse_upstream(version.upstream_url), version.is_grpc
    name = cluster_name(version.public_id, upstream, trusted_ca, is_http2=is_http2)
    routes = _routes(version, upstream, name)
    clusters = [build_cluster(name, upstream, trusted_ca, is_http2=is_http2)]
    if version.sandbox_upstream_url:
        sandbox = parse_upstream(version.sandbox_upstream_url)
        name = cluster_name(f"{version.public_id}-test", sandbox, trusted_ca, is_http2=is_http2)
        routes = [*_routes(version, sandbox, name, environment="test"), *routes]
        clusters.append(build_cluster(name, sandbox, trusted_ca, is_http2=is_http2))
    return VersionResources(routes=routes, clusters=clusters)


def _retired(version: ServedVersion) -> dict[str, Any]:
    body = problem(410, "Gone", "version_retired", "This version of the API has been retired.")
    return {
        "name": version.public_id,
        "match": {"path_separated_prefix": version.listen_path},
        **_unserved(body),
    }


def _unserved(body: dict[str, Any]) -> dict[str, Any]:
    """Whatever key the call bears, the answer is the same: no lease is needed."""
    return {**direct_response(body), "typed_per_filter_config": run_instead(UNSERVED)}


def route_names(public_id: str) -> set[str]:
    """All names that a version's routes may have."""
    return {f"{public_id}{suffix}" for suffix in ("", "-after", "-test", "-test-after")}


def _routes(
    version: ServedVersion, upstream: Upstream, cluster: str, *, environment: str = ""
) -> list[dict[str, Any]]:
    """A route for the listen path, and one for each service of gRPC."""
    plain = _route(version, upstream, cluster, environment=environment)
    action = plain["route"]
    kept = {
        name: action[name] for name in action if name not in {"prefix_rewrite", "regex_rewrite"}
    }
    routes = _with_marked(plain)
    for service in version.services:
        rewrite = {"prefix_rewrite": upstream.base_path + service} if upstream.base_path else {}
        match = {**plain["match"], "path_separated_prefix": service}
        routes += _with_marked({**plain, "match": match, "route": {**kept, **rewrite}})
    return routes


def _with_marked(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """The route, and before it the same for marked calls.

    Those are calls whose end the authorizer is told of, and calls that tell what limits leave.
    """
    marked: dict[str, Any] = {
        **plain,
        "name": f"{plain['name']}-after",
        "match": {
            **plain["match"],
            "headers": [
                *plain["match"].get("headers", []),
                {"name": names.AFTER_HEADER, "present_match": True},
            ],
        },
        "request_headers_to_remove": [names.AFTER_HEADER],
        "response_headers_to_add": [
            *plain["response_headers_to_add"],
            *_copied(names.RATE_LIMITS),
        ],
        "typed_per_filter_config": run_instead(AFTER),
    }
    return [marked, *_quicker(plain)]


def _quicker(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """The route for calls out of a browser, and the same without what the others need not pay for.

    That is the CORS filter, for calls without Origin, and a regular expression, for paths that go
    on behind the listen path. Counted in docs/adr/0022.
    """
    if "headers" in plain["match"]:
        return [plain]  # chosen anew for a call whose filters run already
    match, action = plain["match"], plain["route"]
    browsers = {**plain, "match": {**match, "headers": [{"name": "origin", "present_match": True}]}}
    others = {**plain, "typed_per_filter_config": {CORS_FILTER: _NO_CORS}}
    if "regex_rewrite" not in action:
        return [browsers, others]
    behind = {
        **others,
        "match": {"prefix": f"{match['path_separated_prefix']}/"},
        "route": {
            **{name: action[name] for name in action if name != "regex_rewrite"},
            "prefix_rewrite": "/",
        },
    }
    return [browsers, behind, others]


def _route(
    version: ServedVersion, upstream: Upstream, cluster: str, *, environment: str = ""
) -> dict[str, Any]:
    match: dict[str, Any] = {"path_separated_prefix": version.listen_path}
    if environment:
        match["headers"] = [{"name": "x-apim-environment", "string_match": {"exact": environment}}]
    told = {"cost_header": version.cost_header} if version.cost_header else {}
    timeout = min(max(version.timeout_seconds, 1), MAX_TIMEOUT_SECONDS)
    return {
        "name": f"{version.public_id}-{environment}" if environment else version.public_id,
        "match": match,
        "route": {
            "cluster": cluster,
            "timeout": f"{timeout}s",
            # Instead of the listener's, which only guards requests that have not come whole.
            "idle_timeout": f"{max(timeout, QUIET_SECONDS)}s",
            "host_rewrite_literal": upstream.authority,
            **_rewrite(version.listen_path, upstream.base_path),
        },
        "metadata": {"filter_metadata": {names.LEASE_FILTER: told}},
        "response_headers_to_add": [_header(name, value) for name, value in version.notices],
    }


def _header(name: str, value: str) -> dict[str, Any]:
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _copied(sources: Mapping[str, str]) -> list[dict[str, Any]]:
    """Response headers out of the request headers that the filter set."""
    return [_header(name, f"%REQ({source})%") for name, source in sources.items()]


def _rewrite(listen_path: str, base_path: str) -> dict[str, Any]:
    """Without a base path a plain prefix rewrite would leave two slashes."""
    if base_path:
        return {"prefix_rewrite": base_path}
    return {
        "regex_rewrite": {
            "pattern": {"regex": f"^{re.escape(listen_path)}/?"},
            "substitution": "/",
        }
    }


def build_routes(routes: Iterable[dict[str, Any]], portal_origin: str) -> dict[str, Any]:
    """One virtual host for all names; what no version claims is a 404."""
    unknown = {"name": "unknown", "match": {"prefix": ROOT}, **_unserved(UNKNOWN_PATH)}
    return {
        "@type": names.ROUTE_TYPE,
        "name": names.ROUTES,
        # Keys are for us, not for the upstream. The filter removes those elsewhere. And who calls is
        # told once, by X-Forwarded-For: each header costs us and the upstream.
        "request_headers_to_remove": [names.KEY_HEADER, "x-envoy-external-address"],
        # An upstream must not tell callers whose call it was.
        "response_headers_to_remove": [names.CALL_HEADER],
        "virtual_hosts": [
            {
                "name": "apis",
                "domains": ["*"],
                "matcher": route_tree([*routes, unknown]),
                "include_request_attempt_count": False,
                "typed_per_filter_config": {CORS_FILTER: _cors(portal_origin)},
            }
        ],
    }


def _cors(portal_origin: str) -> dict[str, Any]:
    return {
        "@type": type_url("envoy.extensions.filters.http.cors.v3.CorsPolicy"),
        "allow_origin_string_match": [{"exact": portal_origin}],
        "allow_methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "allow_headers": "authorization, x-api-key, content-type, accept, accept-language, "
        "if-match, if-none-match, idempotency-key",
        "expose_headers": "ratelimit, ratelimit-policy, retry-after, deprecation, sunset, link, "
        "x-request-id",
        "max_age": "600",
    }
