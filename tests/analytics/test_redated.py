"""A call that is sent again with another date counts once, on whichever side of midnight."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from analytics.intake import receive
from analytics.models import UsageEvent, UsageEventId
from tests.analytics.lines import ndjson

pytestmark = pytest.mark.django_db(transaction=True)

MIDNIGHT = (datetime.now(UTC) - timedelta(days=3)).replace(
    hour=0, minute=0, second=0, microsecond=0
)


def deliver(world, *lines):
    return receive(gateway=world.gateway, body=ndjson(lines))


@pytest.mark.parametrize(
    ("first", "again"),
    [(-1, 1), (1, -1), (-7199, 0), (-1, 7199), (-3600, 3599)],
)
def test_a_repetition_with_the_other_days_date_counts_once(world, first, again):
    line = world.line(at=MIDNIGHT + timedelta(seconds=first))
    other = {**line, "ts": (MIDNIGHT + timedelta(seconds=again)).isoformat()}
    assert deliver(world, line, world.line()).accepted == 2
    receipt = deliver(world, other, world.line())
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    assert UsageEvent.objects.filter(event_id=line["id"]).count() == 1


def test_a_repetition_with_the_same_date_is_the_same_duplicate_as_ever(world):
    line = world.line(at=MIDNIGHT + timedelta(seconds=5))
    assert deliver(world, line).accepted == 1
    assert deliver(world, line).duplicates == 1


def test_the_same_id_of_another_gateway_is_another_call(world):
    from tests.analytics.lines import make_gateway  # noqa: PLC0415

    line = world.line(at=MIDNIGHT)
    deliver(world, line)
    other = {**line, "ts": (MIDNIGHT - timedelta(seconds=1)).isoformat()}
    assert receive(gateway=make_gateway("other"), body=ndjson([other])).accepted == 1


def test_far_from_midnight_no_id_is_kept_twice(world):
    deliver(world, *world.lines(5, at=MIDNIGHT + timedelta(hours=12)))
    assert UsageEventId.objects.count() == 0


def test_two_dates_sent_at_the_same_time_count_once(world):
    lines = [world.line(at=MIDNIGHT - timedelta(seconds=1)) for _ in range(50)]
    others = [{**line, "ts": MIDNIGHT.isoformat()} for line in lines]
    start = threading.Barrier(2)

    def send(some):
        start.wait()
        try:
            return deliver(world, *some).accepted
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        accepted = [done.result() for done in [pool.submit(send, one) for one in (lines, others)]]
    assert sum(accepted) == 50
    assert UsageEvent.objects.count() == 50
