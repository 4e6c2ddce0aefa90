"""Which route a call takes through Envoy: no spelling of a path leads elsewhere, no header either."""

import json
from contextlib import closing
from http.client import HTTPConnection

import pytest
from django.utils import timezone

from apim.catalog.models import ApiVersion
from apim.gateway import grants, tasks
from tests.apim.gateway.in_envoy.calling import telling
from tests.deadline import eventually

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

PORTAL = {"origin": "http://portal.test"}


def reached(envoy, path, headers):
    """The path that the upstream got, or the status of a refusal. Sends the path as it is."""
    with closing(HTTPConnection("127.0.0.1", envoy.port, timeout=10)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    return json.loads(body)["path"] if answer.status == 200 else answer.status


@pytest.mark.parametrize("base", ["", "/base"])
def test_upstream_gets_what_stands_behind_the_listen_path(envoy, world, upstream, base):
    if base:
        ApiVersion.objects.filter(pk=world.version.pk).update(upstream_url=f"{upstream.url}{base}")
        tasks.serve_version(world.version.pk)
    for origin in ({}, PORTAL, {"origin": "http://mallory.test"}):
        headers = {**world.bearer(), **origin}

        def seen(tail, headers=headers):
            return reached(envoy, f"{world.path}{tail}", headers)

        eventually(lambda seen=seen: seen("/x") == f"{base}/x")
        assert seen("/x/y?b=/../2") == f"{base}/x/y?b=/../2"
        assert seen("//x") == f"{base}/x"
        assert seen("/a/../x") == f"{base}/x"
        assert seen("/a/%2e%2e/x") == f"{base}/x"
        assert seen("/a%2Fb") == f"{base}/a%2Fb"
        assert seen("/") == f"{base}/"
        assert seen("") == (base or "/")
        assert seen("?a=1") == f"{base or '/'}?a=1"
        assert seen("x/x") == 404
        assert seen("/../x") == 404
        assert seen("/%2e%2e/x") == 404
        assert reached(envoy, world.path.upper(), headers) == 404


def test_versions_whose_names_begin_alike_are_told_apart(envoy, world, upstream):
    """The tree that finds routes compares texts: v1 is the beginning of v10."""
    other = ApiVersion.objects.create(
        api=world.version.api,
        name=f"{world.version.name}0",
        state="published",
        upstream_url=f"{upstream.url}/ten",
        published_at=timezone.now(),
    )
    world.product.versions.add(other)
    grants.project_all()
    tasks.serve_version(other.pk)
    headers = world.bearer()
    eventually(lambda: reached(envoy, f"{other.listen_path}/x", headers) == "/ten/x")
    assert reached(envoy, f"{world.path}/x", headers) == "/x"
    assert reached(envoy, f"{world.path}/0/x", headers) == "/0/x"
    assert reached(envoy, f"{other.listen_path}0/x", headers) == 404
    assert reached(envoy, f"{world.path}1", headers) == 404
    assert reached(envoy, "/", headers) == 404


def test_browser_of_the_portal_may_read_answers_and_what_limits_leave(envoy, world):
    """CORS is for calls with an Origin, also where the filter chooses the route again."""
    answer = telling(envoy, f"{world.path}/x", {**world.bearer(), **PORTAL})
    assert answer.headers["access-control-allow-origin"] == PORTAL["origin"]
    assert "ratelimit" in answer.headers["access-control-expose-headers"]
    refused = envoy.get(f"{world.path}/x", PORTAL)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == PORTAL["origin"]


def test_other_callers_are_told_nothing_of_origins(envoy, world):
    for origin in ({}, {"origin": "http://mallory.test"}):
        answer = envoy.get(f"{world.path}/x", {**world.bearer(), **origin})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]
