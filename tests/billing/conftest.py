"""A small world at noon of 20 November 2026 (UTC), and calls in it."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from analytics.intake import receive
from analytics.rollups import roll_up
from tests.analytics.lines import make_world, ndjson

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def noon():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(noon):
    return make_world()


@pytest.fixture
def call(world):
    """Make calls: `call(3, at=…, status=…)`; an hour ago unless said."""

    def make(number, customer=None, **fields):
        fields = {"at": NOW - timedelta(hours=1), "plan": world.plan.public_id} | fields
        lines = [world.line(customer, **fields) for _ in range(number)]
        assert receive(gateway=world.gateway, body=ndjson(lines)).accepted == number
        while roll_up():
            pass

    return make


@pytest.fixture
def subscription(world):
    """Acme's, active on the small plan since the first of October."""
    row = world.customer.subscription
    since = datetime(2026, 10, 1, tzinfo=UTC)
    row.created_at = row.activated_at = since
    row.save(update_fields=["created_at", "activated_at"])
    type(world.plan).objects.update(state="published")
    world.other_plan.refresh_from_db()
    return row
