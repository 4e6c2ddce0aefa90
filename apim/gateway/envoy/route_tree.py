"""Routes found by their path at once, instead of one after the other.

Envoy tries a virtual host's routes in turn, for some 500 instructions each: with two hundred APIs
choosing the route took more than all the rest of a call.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/route_matching
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from apim.gateway.envoy.names import type_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = "/"


def route_tree(routes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the virtual host's matcher: the longest path wins, then the order of `routes`.

    The tree knows texts, not segments: it finds /tides/v1 for /tides/v10 too. So each place holds
    the routes above it as well, and every route judges the path once more. At least one route
    must claim ROOT.
    """
    claimed: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for route in routes:
        claimed[_claim(route)].append(route)
    return {
        "matcher_tree": {
            "input": {
                "name": "path",
                "typed_config": {
                    "@type": type_url("envoy.type.matcher.v3.HttpRequestHeaderMatchInput"),
                    "header_name": ":path",
                },
            },
            "prefix_match_map": {
                "map": {
                    path: _one_of(
                        [route for above in _upwards(path) for route in claimed.get(above, [])]
                    )
                    for path in claimed
                }
            },
        }
    }


def routes_in(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    """All routes of a route configuration, each once; also of one from before there was a tree."""
    host = configuration["virtual_hosts"][0]
    if "matcher" not in host:
        return list(host["routes"])
    places = host["matcher"]["matcher_tree"]["prefix_match_map"]["map"]
    return [
        route
        for path, place in places.items()
        for route in place["action"]["typed_config"]["routes"]
        if _claim(route) == path
    ]


def _claim(route: dict[str, Any]) -> str:
    match = route["match"]
    path: str = match.get("path_separated_prefix") or match["prefix"].rstrip("/")
    return path or ROOT


def _upwards(path: str) -> Iterator[str]:
    while path not in {"", ROOT}:
        yield path
        path = path.rpartition("/")[0]
    yield ROOT


def _one_of(routes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "action": {
            "name": "route",
            "typed_config": {
                "@type": type_url("envoy.config.route.v3.RouteList"),
                "routes": routes,
            },
        }
    }
