"""What authorizers may know follows PostgreSQL, also out of order and after Redis lost it."""

import json
import threading
from datetime import timedelta

import msgspec
import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from apim.catalog.models import Limit, Operation
from apim.gateway import grants
from apim.gateway.grant_format import CHANGED, CHANGES, EPOCH, ROUTES, LimitGrant, PlanGrant
from apim.keys.models import ApiKey
from tests.apim.gateway.world import make_key, make_version, make_world
from tests.deadline import eventually


def value(store, name):
    raw = store.get(name)
    return None if raw is None else json.loads(raw)


def test_key_is_written_with_its_application_and_expiry(world, store):
    expires = timezone.now() + timedelta(days=1)
    ApiKey.objects.filter(pk=world.key.pk).update(expires_at=expires)
    grants.project_key(world.key.pk)

    assert value(store, f"g:key:{world.key.digest}") == {
        "id": world.key.public_id,
        "pk": world.key.pk,
        "app": world.application.public_id,
        "env": "live",
        "exp": pytest.approx(expires.timestamp()),
    }


def test_revoked_key_is_removed_and_stays_removed_when_projected_again(world, store):
    ApiKey.objects.filter(pk=world.key.pk).update(state="revoked")
    grants.project_key(world.key.pk)
    grants.project_key(world.key.pk)  # the late delivery of "key.issued"

    assert value(store, f"g:key:{world.key.digest}") is None


def test_change_is_announced_after_the_value_is_written(world, store):
    with store.pubsub() as listener:
        listener.subscribe(CHANGED)
        eventually(lambda: listener.get_message(timeout=1))
        grants.project_application(world.application.pk)
        message = eventually(lambda: listener.get_message(timeout=1))

    assert message["data"].decode() == f"g:app:{world.application.public_id}"


def test_change_stands_in_the_change_feed_for_those_who_ask_later(world, store):
    before = store.xinfo_stream(CHANGES)["last-generated-id"]
    grants.project_application(world.application.pk)

    ((_, entry),) = store.xrange(CHANGES, min=b"(" + before)
    assert entry == {b"n": f"g:app:{world.application.public_id}".encode()}


def test_time_zone_of_the_organization_is_told_with_each_application(world, store):
    type(world.organization).objects.update(time_zone="Pacific/Auckland")
    grants.project_organization(world.organization.pk)

    assert value(store, f"g:app:{world.application.public_id}")["tz"] == "Pacific/Auckland"


def test_limits_of_all_kinds_are_told_in_the_order_in_which_they_are_asked(world, store):
    world.plan.limits.all().delete()
    for terms in (
        {"kind": "sliding", "window": "second", "every": 10, "quota": 9, "per": "key"},
        {"window": "month", "quota": 900, "is_soft": True},
        {"window": "day", "quota": 50, "group": "Search API"},
        {"kind": "concurrent", "quota": 4, "per": "organization", "name": "lanes"},
    ):
        Limit.objects.create(plan=world.plan, **terms)
    grants.project_plan(world.plan.pk)

    plan = msgspec.json.decode(store.get(f"g:plan:{world.plan.public_id}"), type=PlanGrant)
    assert plan.limits == (
        LimitGrant("lanes", 4, kind="concurrent", per="organization"),
        LimitGrant("search-api-day", 50, "day", group="Search API"),
        LimitGrant("soft-month", 900, "month", soft=True),
        LimitGrant("key-10-seconds", 9, "second", kind="sliding", every=10, per="key"),
    )


def test_operations_are_told_with_their_groups_and_costs(world, store):
    Operation.objects.create(
        version=world.version, method="GET", path="/tides/{port}", tags=["Tides"], cost=5
    )
    removed = Operation.objects.create(version=world.version, method="GET", path="/old", cost=9)
    Operation.objects.filter(pk=removed.pk).update(removed_at=timezone.now())
    grants.project_version(world.version.pk)

    assert value(store, f"g:ops:{world.version.public_id}") == {
        "items": [{"method": "GET", "path": "/tides/{port}", "groups": ["Tides"], "cost": 5}]
    }
    assert value(store, ROUTES)[world.path]["by_operation"] is True


def test_retired_version_has_no_operations_and_reconciliation_knows_those_that_have(world, store):
    name = f"g:ops:{world.version.public_id}"
    assert store.exists(name)
    assert grants.project_all() == 0
    type(world.version).objects.update(state="retired")
    grants.project_version(world.version.pk)
    assert not store.exists(name)
    store.set(name, b"{}")
    assert grants.project_all() == 1
    assert not store.exists(name)


def test_route_says_how_the_version_is_counted_and_what_happens_when_nobody_can_check(world, store):
    plain = value(store, ROUTES)[world.path]
    assert not {"fail_open", "by_operation", "cost_header", "sandbox"} & set(plain)
    type(world.version).objects.update(
        fails_open=True, cost_header="x-cost", sandbox_upstream_url="http://127.0.0.1:8"
    )
    grants.project_version(world.version.pk)

    route = value(store, ROUTES)[world.path]
    assert route["fail_open"] is True
    assert route["cost_header"] == "x-cost"
    assert route["sandbox"] is True


@pytest.mark.parametrize("suspended", ["application", "organization"])
def test_suspended_application_or_organization_is_not_active(world, store, suspended):
    owner = getattr(world, suspended)
    type(owner).objects.filter(pk=owner.pk).update(state="suspended")
    grants.project_organization(world.organization.pk)

    assert value(store, f"g:app:{world.application.public_id}")["active"] is False


def test_ended_subscription_is_not_told(world, store):
    type(world.subscription).objects.update(state="cancelled")
    grants.project_subscription(world.subscription.pk)

    assert value(store, f"g:app:{world.application.public_id}")["subs"] == []


def test_product_change_reaches_all_its_plans(world, store):
    added = make_version(upstream_url="http://127.0.0.1:9")
    world.product.versions.add(added)
    grants.project_product(world.product.pk)

    versions = value(store, f"g:plan:{world.plan.public_id}")["versions"]
    assert set(versions) == {world.version.public_id, added.public_id}


def test_drafts_have_no_route_and_retired_versions_are_told(world, store):
    draft = make_version(upstream_url="http://127.0.0.1:9", state="draft")
    retired = make_version(upstream_url="http://127.0.0.1:9", state="retired")
    grants.project_routes()

    routes = value(store, ROUTES)
    assert draft.listen_path not in routes
    assert routes[retired.listen_path]["state"] == "retired"
    assert routes[world.path]["version"] == world.version.public_id


def test_reconciliation_mends_what_differs_and_removes_what_nothing_stands_behind(world, store):
    store.delete(f"g:key:{world.key.digest}")
    store.set(f"g:plan:{world.plan.public_id}", b"{}")
    store.set("g:key:" + "0" * 64, b'{"id":"key_stolen"}')

    assert grants.project_all() == 3
    assert grants.project_all() == 0
    assert value(store, f"g:key:{world.key.digest}")["id"] == world.key.public_id
    assert not store.exists("g:key:" + "0" * 64)


def test_reconciliation_removes_a_key_that_was_revoked_without_news(world, store):
    ApiKey.objects.update(state="revoked")

    assert grants.project_all() == 1
    assert not store.exists(f"g:key:{world.key.digest}")


def test_emptied_or_restarted_redis_counts_as_incomplete(world, store):
    assert grants.is_complete()
    store.set(EPOCH, "another run of redis")
    assert not grants.is_complete()
    store.delete(EPOCH)
    assert not grants.is_complete()


@pytest.mark.django_db(transaction=True)
def test_projection_waits_for_the_one_before_it_and_then_reads_the_present(store):
    """A slow projection of the active key must not overtake the revocation's."""
    world = make_world()
    with transaction.atomic():
        with grants._one_object(world.key.pk):
            stale = grants._keys([world.key.pk])
            revocation = _in_thread(_revoke_and_project, world.key.pk)
            eventually(_somebody_waits_for_a_lock)
            grants._write(stale)
        assert store.exists(f"g:key:{world.key.digest}")
    revocation.join(10)

    assert not store.exists(f"g:key:{world.key.digest}")


def test_expired_key_is_told_for_a_month_then_forgotten(world, store):
    old, _ = make_key(world.application, expires_at=timezone.now() - timedelta(days=31))
    recent, _ = make_key(world.application, expires_at=timezone.now() - timedelta(days=1))
    grants.project_all()

    assert not store.exists(f"g:key:{old.digest}")
    assert store.exists(f"g:key:{recent.digest}")


def _revoke_and_project(key_id):
    try:
        ApiKey.objects.filter(pk=key_id).update(state="revoked")
        grants.project_key(key_id)
    finally:
        connections.close_all()


def _in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    return thread


def _somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype='advisory' AND NOT granted")
        return cursor.fetchone()[0]
