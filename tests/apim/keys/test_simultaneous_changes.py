"""Two requests at once on real PostgreSQL: one wins, the other is told so."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections

from apim.core.errors import DomainError
from apim.keys import services
from apim.keys.errors import (
    AlreadySubscribed,
    KeyAlreadyRotated,
    KeyNotActive,
    SubscriptionStateConflict,
)
from apim.keys.models import ApiKey, Subscription

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*changes):
    """Run the changes in threads of their own, started together; return results and refusals."""
    start = Barrier(len(changes))

    def run(change):
        try:
            start.wait(10)
            return change()
        except DomainError as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(changes)) as pool:
        return list(pool.map(run, changes))


def _split(results):
    refusals = [r for r in results if isinstance(r, DomainError)]
    return [r for r in results if r not in refusals], refusals


def test_of_two_rotations_one_wins(actor, key):
    def rotate():
        return services.rotate_key(
            actor=actor, key=ApiKey.objects.get(pk=key.pk), grace=timedelta(hours=1)
        )

    won, refused = _split(at_once(rotate, rotate))
    assert len(won) == 1
    assert [type(r) for r in refused] == [KeyAlreadyRotated]
    assert ApiKey.objects.count() == 2


def test_of_two_revocations_one_wins(actor, key):
    def revoke():
        return services.revoke_key(actor=actor, key=ApiKey.objects.get(pk=key.pk))

    won, refused = _split(at_once(revoke, revoke))
    assert len(won) == 1
    assert [type(r) for r in refused] == [KeyNotActive]


def test_a_key_revoked_during_its_rotation_does_not_come_back(actor, key):
    at_once(
        lambda: services.rotate_key(
            actor=actor, key=ApiKey.objects.get(pk=key.pk), grace=timedelta(hours=1)
        ),
        lambda: services.revoke_key(actor=actor, key=ApiKey.objects.get(pk=key.pk)),
    )
    key.refresh_from_db()
    assert key.state == ApiKey.State.REVOKED


def test_of_two_subscriptions_to_one_product_one_wins(actor, application, plan):
    def subscribe():
        return services.subscribe(actor=actor, application=application, plan=plan)

    won, refused = _split(at_once(subscribe, subscribe))
    assert len(won) == 1
    assert [type(r) for r in refused] == [AlreadySubscribed]


def test_approval_and_rejection_at_once_decide_once(actor, application, manual_plan):
    pending = services.subscribe(actor=actor, application=application, plan=manual_plan)

    def fresh():
        return Subscription.objects.get(pk=pending.pk)

    won, refused = _split(
        at_once(
            lambda: services.approve_subscription(actor=actor, subscription=fresh()),
            lambda: services.reject_subscription(actor=actor, subscription=fresh()),
        )
    )
    assert len(won) == 1
    assert [type(r) for r in refused] == [SubscriptionStateConflict]


def test_no_usable_key_survives_the_deletion_of_its_application(actor, application):
    at_once(
        lambda: services.issue_key(actor=actor, application=application),
        lambda: services.delete_application(actor=actor, application=application),
    )
    assert not ApiKey.objects.filter(state=ApiKey.State.ACTIVE).exists()
