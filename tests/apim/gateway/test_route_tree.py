"""Routes by path: the longest claim wins, and a tree of texts is no looser than a list of paths."""

import pytest

from apim.gateway.envoy.route_tree import route_tree, routes_in
from apim.gateway.envoy.routes import ServedVersion, build_routes, build_version, route_names


def route(name, path):
    match = {"prefix": path} if path.endswith("/") else {"path_separated_prefix": path}
    return {"name": name, "match": match}


def places(*routes):
    tree = route_tree([*routes, route("unknown", "/")])
    found = tree["matcher_tree"]["prefix_match_map"]["map"]
    return {
        path: [one["name"] for one in place["action"]["typed_config"]["routes"]]
        for path, place in found.items()
    }


def test_each_place_holds_its_routes_and_then_those_above_it():
    assert places(
        route("first", "/pay"), route("v2", "/pay/v2"), route("behind", "/pay/"), route("x", "/x")
    ) == {
        "/pay": ["first", "behind", "unknown"],
        "/pay/v2": ["v2", "first", "behind", "unknown"],
        "/x": ["x", "unknown"],
        "/": ["unknown"],
    }


def test_without_any_version_all_paths_are_unknown():
    configuration = build_routes([], "http://portal.test")
    assert [one["name"] for one in routes_in(configuration)] == ["unknown"]


@pytest.mark.parametrize("base", ["", "/base"])
def test_every_route_is_found_again_once(base):
    version = ServedVersion(
        public_id="ver_1",
        listen_path="/tides/v1",
        upstream_url=f"http://127.0.0.1:9{base}",
        sandbox_upstream_url="http://127.0.0.1:10",
        timeout_seconds=5,
    )
    routes = build_version(version, "/roots.crt").routes
    found = routes_in(build_routes(routes, "http://portal.test"))
    assert found[:-1] == routes
    assert {one["name"] for one in routes} == route_names("ver_1")


def test_calls_try_no_more_routes_however_many_apis_there_are():
    routes = [
        one
        for number in range(200)
        for one in build_version(
            ServedVersion(
                public_id=f"ver_{number}",
                listen_path=f"/api-{number}/v1",
                upstream_url="http://127.0.0.1:9",
                sandbox_upstream_url="",
                timeout_seconds=5,
            ),
            "/roots.crt",
        ).routes
    ]
    assert max(len(tried) for tried in places(*routes).values()) <= 5


def test_configurations_from_before_the_tree_are_still_read():
    before = {"virtual_hosts": [{"routes": [route("old", "/old")]}]}
    assert [one["name"] for one in routes_in(before)] == ["old"]
