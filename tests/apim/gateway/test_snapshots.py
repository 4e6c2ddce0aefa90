"""Envoy is told only what Envoy would take; one bad version holds up no other."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apim.catalog.models import ApiVersion
from apim.core import clock
from apim.gateway import selectors, services
from apim.gateway.envoy.route_tree import routes_in
from apim.gateway.envoy.upstreams import UpstreamInvalid, parse_upstream
from apim.gateway.errors import UpstreamRefused
from apim.gateway.models import EnvoyRefusal, EnvoySnapshot
from apim.gateway.snapshots import rebuild_envoy_snapshot
from tests.apim.gateway.world import make_version

pytestmark = pytest.mark.django_db


def rebuild():
    return rebuild_envoy_snapshot(reason="test")


def routes(snapshot):
    return {route["name"]: route for route in routes_in(snapshot.routes[0])}


def cluster_of(snapshot, version):
    name = routes(snapshot)[version.public_id]["route"]["cluster"]
    return next(cluster for cluster in snapshot.clusters if cluster["name"] == name)


def test_published_version_gets_a_route_and_a_cluster():
    version = make_version(upstream_url="https://tides.test/base/", timeout_seconds=7)
    snapshot = rebuild()

    route = routes(snapshot)[version.public_id]
    assert route["match"] == {"path_separated_prefix": version.listen_path}
    assert route["route"]["timeout"] == "7s"
    assert route["route"]["prefix_rewrite"] == "/base"
    assert route["route"]["host_rewrite_literal"] == "tides.test"
    assert cluster_of(snapshot, version)["transport_socket"]["typed_config"]["sni"] == "tides.test"


def test_nothing_changed_makes_no_new_snapshot():
    make_version(upstream_url="http://127.0.0.1:9")
    first = rebuild()
    assert rebuild() == first
    assert EnvoySnapshot.objects.count() == 1


def test_draft_has_no_route_and_retired_answers_410():
    draft = make_version(upstream_url="http://127.0.0.1:9", state="draft")
    retired = make_version(upstream_url="http://127.0.0.1:9", state="retired")
    found = routes(rebuild())
    assert draft.public_id not in found
    assert found[retired.public_id]["direct_response"]["status"] == 410


@pytest.mark.parametrize(
    "url",
    [
        "ftp://tides.test",
        "http://",
        "http://user:secret@tides.test",
        "http://tides.test:99999",
        "http://tides.test:0",
        "http://ti des.test",
        "http://999.1.1.1",
        "http://tides.test/a?b=1",
        "http://tides.test/a/../b",
        "http://[::1",
        "http://-tides.test",
        "tides.test",
        "",
        "http://tides.test/\n",
    ],
)
def test_upstream_that_no_gateway_can_serve_is_refused_by_name(url):
    if url.endswith("\n"):
        assert parse_upstream(url).host == "tides.test"  # pasted with a line's end
        return
    with pytest.raises(UpstreamInvalid):
        parse_upstream(url)
    with pytest.raises(UpstreamRefused) as refused:
        services.check_upstream(url)
    assert refused.value.fields["upstream_url"]


def test_bad_upstream_keeps_what_was_served_and_lets_others_through():
    kept = make_version(upstream_url="http://127.0.0.1:9")
    before = rebuild()
    ApiVersion.objects.filter(pk=kept.pk).update(upstream_url="http://tides.test:99999")
    other = make_version(upstream_url="http://127.0.0.1:10")
    after = rebuild()

    assert routes(after)[kept.public_id] == routes(before)[kept.public_id]
    assert cluster_of(after, kept) == cluster_of(before, kept)
    assert other.public_id in routes(after)
    refusal = selectors.refusal_of(kept)
    assert "99999" in refusal.message or "Port" in refusal.message
    assert selectors.refusal_of(other) is None


def test_what_only_envoy_itself_refuses_is_refused_too(settings):
    """A bundle of certificates that is not there: every check of ours passes."""
    good = make_version(upstream_url="http://127.0.0.1:9")
    settings.APIM_ENVOY_TRUSTED_CA = "/nowhere/roots.crt"
    bad = make_version(upstream_url="https://tides.test")
    snapshot = rebuild()

    assert good.public_id in routes(snapshot)
    assert bad.public_id not in routes(snapshot)
    assert "/nowhere/roots.crt" in selectors.refusal_of(bad).message


def test_refusal_is_told_once_and_closed_when_mended():
    version = make_version(upstream_url="http://tides.test:99999")
    rebuild()
    rebuild()
    assert EnvoyRefusal.objects.count() == 1
    ApiVersion.objects.filter(pk=version.pk).update(upstream_url="http://tides.test")
    snapshot = rebuild()

    assert selectors.refusal_of(version) is None
    assert EnvoyRefusal.objects.get().resolved_at is not None
    assert version.public_id in routes(snapshot)


def test_cluster_outlives_its_route_for_a_minute():
    """Envoy fetches the two separately: calls under way must not lose their upstream."""
    version = make_version(upstream_url="http://127.0.0.1:9")
    before = rebuild()
    name = cluster_of(before, version)["name"]
    ApiVersion.objects.filter(pk=version.pk).update(upstream_url="http://127.0.0.1:10")
    rebuild()
    assert name in {cluster["name"] for cluster in rebuild().clusters}

    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert clock.now() > before.created_at + timedelta(minutes=1)
        rebuild()
        assert name not in {cluster["name"] for cluster in rebuild().clusters}


def test_configuration_that_returns_becomes_current_again():
    version = make_version(upstream_url="http://127.0.0.1:9")
    first = rebuild()
    ApiVersion.objects.update(timeout_seconds=5)
    rebuild()
    ApiVersion.objects.update(timeout_seconds=version.timeout_seconds)
    assert routes(rebuild()) == routes(first)


def test_no_secret_stands_in_a_snapshot(settings):
    make_version(upstream_url="http://127.0.0.1:9")
    snapshot = rebuild()
    text = str([snapshot.listeners, snapshot.clusters, snapshot.routes])
    assert settings.APIM_AUTHORIZER_TOKEN not in text
