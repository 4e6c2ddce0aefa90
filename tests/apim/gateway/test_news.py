"""What the catalog's and the keys' services do reaches the gateway right after the commit."""

import json

import pytest
from django.test import TestCase

from apim.accounts.services import set_organization_state, update_organization
from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.catalog.limit_checks import LimitInput
from apim.catalog.models import Operation
from apim.gateway import grants
from apim.gateway.envoy.route_tree import routes_in
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


def test_applications_of_a_suspended_organization_are_inactive_until_it_is_activated(
    world, store, commit
):
    for state in ("suspended", "active"):
        with commit():
            set_organization_state(actor=SYSTEM, organization=world.organization, state=state)
        told = value(store, f"g:app:{world.application.public_id}")
        assert told["active"] is (state == "active")


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


def test_change_of_time_zone_is_known_for_every_application(world, store, commit):
    with commit():
        update_organization(
            actor=SYSTEM, organization=world.organization, time_zone="Asia/Kathmandu"
        )
    assert value(store, f"g:app:{world.application.public_id}")["tz"] == "Asia/Kathmandu"


def test_limit_that_is_added_changed_and_removed_is_known_each_time(world, store, commit):
    def known():
        return value(store, f"g:plan:{world.plan.public_id}")["limits"]

    terms = LimitInput("minute", 60, kind="sliding", every=10, per="key", group="search")
    with commit():
        limit = catalog.add_limit(actor=SYSTEM, plan=world.plan, terms=terms)
    [added] = known()
    assert (added["name"], added["every"], added["per"]) == ("key-search-10-minutes", 10, "key")
    with commit():
        catalog.change_limit(actor=SYSTEM, limit=limit, terms=terms._replace(is_soft=True, quota=5))
    assert (known()[0]["soft"], known()[0]["quota"]) == (True, 5)
    with commit():
        catalog.remove_limit(actor=SYSTEM, limit=limit)
    assert known() == []


def test_costs_groups_and_what_happens_on_loss_are_known_while_the_version_is_served(
    world, store, commit
):
    operation = Operation.objects.create(version=world.version, method="GET", path="/x")
    name = f"g:ops:{world.version.public_id}"
    assert value(store, name) is None
    with commit():
        catalog.publish_version(actor=SYSTEM, version=world.version)
    assert value(store, name)["items"] == [{"method": "GET", "path": "/x"}]
    with commit():
        catalog.set_operation_costs(
            actor=SYSTEM, version=world.version, costs={operation.public_id: 4}
        )
        catalog.set_operation_groups(
            actor=SYSTEM, version=world.version, groups={operation.public_id: ["heavy"]}
        )
        catalog.update_version(
            actor=SYSTEM, version=world.version, cost_header="x-cost", fails_open=True
        )
    item = value(store, name)["items"][0]
    assert (item["cost"], item["groups"]) == (4, ["heavy"])
    route = value(store, "g:routes")[world.path]
    assert (route["by_operation"], route["cost_header"], route["fail_open"]) == (
        True,
        "x-cost",
        True,
    )
    with commit():
        catalog.retire_version(actor=SYSTEM, version=world.version)
    assert value(store, name) is None


def test_version_is_routed_from_publishing_to_retirement(world, store, commit):
    def listed():
        snapshot = EnvoySnapshot.objects.first()
        routes = routes_in(snapshot.routes[0]) if snapshot else []
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
