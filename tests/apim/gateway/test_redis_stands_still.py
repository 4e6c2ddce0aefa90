"""Changes that are made while Redis stands still: quickly answered, and told when it goes on."""

from datetime import timedelta

import pytest
import redis

from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.gateway import grants
from apim.keys.models import ApiKey
from apim.keys.services import revoke_keys
from apim.outbox import services as outbox
from apim.outbox.models import OutboxEntry
from tests.apim.gateway.world import make_key, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def test_revoking_many_keys_waits_for_redis_once_and_they_are_gone_when_it_is_back(
    store, monkeypatch, time_machine
):
    monkeypatch.setattr(outbox, "_held_up", outbox._HeldUp())
    monkeypatch.setattr(outbox, "HELD_UP_SECONDS", 600)
    world = make_world()
    keys = [world.key, *(make_key(world.application)[0] for _ in range(4))]
    grants.project_all()
    asked = []

    def standing_still():
        asked.append(1)
        raise redis.TimeoutError("Timeout reading from socket")

    with monkeypatch.context() as stopped:
        stopped.setattr(grants, "connection", standing_still)
        assert revoke_keys(actor=SYSTEM, keys=keys) == len(keys)
    assert len(asked) == 1
    assert not ApiKey.objects.exclude(state="revoked").exists()
    assert all(store.exists(f"g:key:{key.digest}") for key in keys)

    time_machine.move_to(clock.now() + timedelta(minutes=1))
    outbox.sweep()
    assert not any(store.exists(f"g:key:{key.digest}") for key in keys)
    assert not OutboxEntry.objects.filter(delivered_at=None, topic="key.revoked").exists()
