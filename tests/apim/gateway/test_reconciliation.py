"""Redis is held against PostgreSQL at a cost that follows what changed, and nothing escapes it."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apim.gateway import grants, reconciliation
from apim.gateway.grant_format import RECONCILED
from apim.gateway.reconciliation import reconcile
from apim.keys.models import ApiKey, Subscription
from tests.apim.gateway.world import make_key, make_world


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(reconciliation, "SLICE", 1)
    monkeypatch.setattr(reconciliation, "ROUNDS", 10**9)


@pytest.fixture
def compared(monkeypatch):
    """Primary keys of API keys that were compared."""
    found = []
    real = grants._keys
    monkeypatch.setattr(grants, "_keys", lambda ids: found.extend(ids) or real(ids))
    return found


@pytest.mark.django_db(transaction=True)
def test_only_what_was_written_since_is_compared_and_one_slice(store, small_slices, compared):
    world = make_world()
    keys = [make_key(world.application)[0] for _ in range(5)]
    reconcile()  # everything, since Redis is new
    assert sorted(compared) == [world.key.pk, *(key.pk for key in keys)]
    reconcile()  # what was written while the first one read may be seen once more
    compared.clear()

    ApiKey.objects.filter(pk=keys[3].pk).update(state="revoked")
    assert reconcile() == 1
    assert keys[3].pk in compared
    assert len(compared) <= 2
    assert not store.exists(f"g:key:{keys[3].digest}")


@pytest.mark.django_db(transaction=True)
def test_what_a_transaction_wrote_that_was_open_meanwhile_is_compared_next_time(
    store, small_slices
):
    world = make_world()
    for _ in range(3):
        reconcile()
    other = connection.copy()
    try:
        with transaction.atomic():
            # Its number is older than what comes, and nobody sees yet what it writes.
            ApiKey.objects.filter(pk=world.key.pk).update(state="revoked")
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
                horizon = cursor.fetchone()[0]
            store.hset(RECONCILED, "horizon", horizon)
    finally:
        other.close()

    assert reconcile() == 1
    assert not store.exists(f"g:key:{world.key.digest}")


def test_changes_of_an_owner_or_a_subscription_reach_the_application(world, store):
    reconcile()
    name = f"g:app:{world.application.public_id}"
    type(world.organization).objects.update(state="suspended")
    assert reconcile() == 1
    assert b'"active":false' in store.get(name)

    Subscription.objects.update(state="suspended")
    assert reconcile() == 1
    assert b'"suspended"' in store.get(name)


@pytest.mark.django_db(transaction=True)
def test_what_differs_in_redis_alone_is_found_within_a_round(store, small_slices):
    world = make_world()
    keys = [world.key, *(make_key(world.application)[0] for _ in range(3))]
    reconcile()
    for key in keys:
        store.delete(f"g:key:{key.digest}")
    store.set("g:key:" + "0" * 64, b'{"id":"key_stolen"}')

    assert sum(reconcile() for _ in range(len(keys) + 2)) == len(keys) + 1
    assert all(store.exists(f"g:key:{key.digest}") for key in keys)
    assert not store.exists("g:key:" + "0" * 64)


@pytest.mark.parametrize(
    "known", [{"database": "1"}, {"horizon": str(2**62)}], ids=["another", "restored"]
)
def test_another_database_or_one_restored_to_an_earlier_moment_is_compared_as_a_whole(
    world, store, small_slices, compared, known
):
    reconcile()
    extra, _ = make_key(world.application)
    store.hset(RECONCILED, mapping=known)
    compared.clear()

    assert reconcile() == 1
    assert sorted(compared) == [world.key.pk, extra.pk]
    assert store.exists(f"g:key:{extra.digest}")


@pytest.mark.django_db(transaction=True)
def test_a_pass_over_nothing_new_asks_the_database_the_same_for_any_number_of_keys(
    store, monkeypatch
):
    monkeypatch.setattr(reconciliation, "SLICE", 3)
    monkeypatch.setattr(reconciliation, "ROUNDS", 10**9)
    world = make_world()
    reconcile()

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert reconcile() == 0
        return len(asked)

    reconcile()
    few = queries()
    for _ in range(40):
        make_key(world.application)
    grants.project_all()
    reconcile()
    assert queries() <= few
