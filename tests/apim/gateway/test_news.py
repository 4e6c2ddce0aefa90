"""What the catalog's and the keys' services do reaches the gateway right after the commit."""

import json

import pytest
from django.test import TestCase

from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.gateway import grants
from apim.gateway.models import EnvoySnapshot
from apim.keys import services as keys
from tests.apim.gateway.world import make_world

DAY = [("day", 3)]


@pytest.fixture
def commit():
    """Run the block as if it committed."""
    return lambda: TestCase.captureOnCommitCallbacks(execute=True)


@pytest.fixture
def world(db, store):
    made = make_world(state="draft", limits=[])
    grants.project_all()
    return made


def value(store, name):
    raw = store.get(name)
    return None if raw is None else json.loads(raw)


def test_key_is_known_when_issued_and_unknown_when_revoked(world, store, commit):
    with commit():
        issued = keys.issue_key(
            actor=SYSTEM,
            application=world.application,
            environment="test",
            name="",
            expires_at=None,
        )
    name = f"g:key:{issued.key.digest}"
    assert value(store, name)["env"] == "test"

    with commit():
        keys.revoke_key(actor=SYSTEM, key=issued.key)
    assert value(store, name) is None


def test_suspended_application_is_inactive(world, store, commit):
    with commit():
        keys.suspend_application(actor=SYSTEM, application=world.application)
    assert value(store, f"g:app:{world.application.public_id}")["active"] is False


def test_suspended_subscription_is_told_as_such(world, store, commit):
    with commit():
        keys.suspend_subscription(actor=SYSTEM, subscription=world.subscription)
    [told] = value(store, f"g:app:{world.application.public_id}")["subs"]
    assert told["state"] == "suspended"


def test_changed_limits_are_known(world, store, commit):
    with commit():
        catalog.set_limits(actor=SYSTEM, plan=world.plan, limits=DAY)
    assert value(store, f"g:plan:{world.plan.public_id}")["limits"] == [
        {"name": "day", "quota": 3, "window": "day"}
    ]


def test_version_is_routed_from_publishing_to_retirement(world, store, commit):
    def listed():
        snapshot = EnvoySnapshot.objects.first()
        routes = snapshot.routes[0]["virtual_hosts"][0]["routes"] if snapshot else []
        return {route["name"]: route for route in routes}.get(world.version.public_id)

    assert listed() is None
    with commit():
        version = catalog.publish_version(actor=SYSTEM, version=world.version)
    assert "route" in listed()
    assert value(store, "g:routes")[world.path]["state"] == "published"
    with commit():
        version = catalog.deprecate_version(actor=SYSTEM, version=version)
    assert value(store, "g:routes")[world.path]["state"] == "deprecated"
    with commit():
        catalog.retire_version(actor=SYSTEM, version=version)
    assert listed()["direct_response"]["status"] == 410
    assert value(store, "g:routes")[world.path]["state"] == "retired"


def test_upstream_move_is_a_new_cluster(world, commit):
    with commit():
        version = catalog.publish_version(actor=SYSTEM, version=world.version)
    before = {cluster["name"] for cluster in EnvoySnapshot.objects.first().clusters}
    with commit():
        catalog.update_version(
            actor=SYSTEM, version=version, upstream_url="http://127.0.0.1:10/moved"
        )
    after = {cluster["name"] for cluster in EnvoySnapshot.objects.first().clusters}
    assert len(after - before) == 1
