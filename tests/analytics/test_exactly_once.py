"""Each call is in the rollups exactly once: repeated, in parallel, or with a process killed."""

import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.models import Sum

from analytics import rollups
from analytics.intake import receive
from analytics.models import DailyRollup, HourlyRollup, MinuteRollup, UsageBatch, UsageEvent
from analytics.sketch import Timer
from tests.analytics.lines import ndjson
from tests.deadline import eventually

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = [MinuteRollup, HourlyRollup, DailyRollup]


def counted() -> list[int]:
    return [model.objects.aggregate(n=Sum("calls"))["n"] or 0 for model in TABLES]


def deliver(world, lines):
    return receive(gateway=world.gateway, body=ndjson(lines))


def roll_up_everything():
    while rollups.roll_up():
        pass


def test_repeated_batches_count_once(world):
    lines = world.lines(50)
    for _ in range(3):
        deliver(world, lines)
        roll_up_everything()
    assert counted() == [50, 50, 50]


def test_rolling_up_twice_changes_nothing(world):
    deliver(world, world.lines(20))
    assert rollups.roll_up() == 1
    assert rollups.roll_up() == 0
    assert counted() == [20, 20, 20]


def test_batches_are_added_to_the_same_bucket(world):
    at = datetime.now(UTC)
    for duration in (1, 10, 100):
        deliver(world, world.lines(10, at=at, duration_ms=duration))
        roll_up_everything()
    row = MinuteRollup.objects.get()
    assert (row.calls, row.billable, row.denied) == (30, 30, 0)
    assert row.duration_us == 10 * (1_000 + 10_000 + 100_000)
    assert row.response_bytes == 30 * 2048
    assert row.last_at == at
    for timer in Timer:
        counted = [n for n in row.latency if n >> 52 == timer]
        assert sum(element & (2**40 - 1) for element in counted) == 30
    assert row.latency == sorted(row.latency)


def test_a_late_call_lands_in_its_own_buckets(world):
    late = datetime.now(UTC) - timedelta(days=20, hours=3)
    deliver(world, world.lines(3))
    roll_up_everything()
    deliver(world, world.lines(2, at=late))
    roll_up_everything()
    day = late.replace(hour=0, minute=0, second=0, microsecond=0)
    assert DailyRollup.objects.get(bucket=day).calls == 2
    assert counted() == [5, 5, 5]


def test_workers_that_roll_up_at_the_same_time_count_each_batch_once(world):
    for _ in range(40):
        deliver(world, world.lines(5))
    start = threading.Barrier(4)

    def work():
        start.wait()
        try:
            while rollups.roll_up(max_batches=3):
                pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result()
    roll_up_everything()  # a worker may have found nothing but locked batches
    assert counted() == [200, 200, 200]


def test_deliveries_of_the_same_calls_at_the_same_time_store_each_once(world):
    lines = world.lines(200)
    deliver(world, lines[:1])  # the fast path fails for all of them
    start = threading.Barrier(4)

    def send(seed):
        mixed = random.Random(seed).sample(lines, len(lines))
        start.wait()
        try:
            return deliver(world, mixed)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        receipts = [done.result() for done in [pool.submit(send, seed) for seed in range(4)]]
    assert sum(receipt.accepted for receipt in receipts) == 199
    assert sum(receipt.duplicates for receipt in receipts) == 4 * 200 - 199
    roll_up_everything()
    assert counted() == [200, 200, 200]


@pytest.mark.parametrize("step", range(5))
def test_a_worker_that_fails_between_two_steps_leaves_nothing_half_done(world, step):
    deliver(world, world.lines(10))

    def fail_at_step(execute, sql, params, many, context):
        if rolled_up_statements(sql):
            fail_at_step.left -= 1
            if fail_at_step.left < 0:
                raise KeyboardInterrupt
        return execute(sql, params, many, context)

    fail_at_step.left = step
    with connection.execute_wrapper(fail_at_step), pytest.raises(KeyboardInterrupt):
        rollups.roll_up()
    assert counted() == [0, 0, 0]
    roll_up_everything()
    assert counted() == [10, 10, 10]


def rolled_up_statements(sql: str) -> bool:
    return "usagebatch" in sql or "INSERT INTO analytics_usage_" in sql


WORKER = """
import django; django.setup()
from django.db import connection
from analytics import rollups

def pause_before_marking(execute, sql, params, many, context):
    if sql.startswith("UPDATE analytics_usagebatch"):
        print("sums written", flush=True)
        input()
    return execute(sql, params, many, context)

with connection.execute_wrapper(pause_before_marking):
    rollups.roll_up()
"""


@pytest.mark.processes
def test_a_worker_killed_before_it_marks_its_batches_leaves_them_to_the_next(world):
    deliver(world, world.lines(10))
    url = "postgresql://{USER}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env={**os.environ, "DATABASE_URL": url},
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert worker.stdout.readline() == "sums written\n"
    finally:
        worker.kill()
        worker.wait()
    eventually(lambda: rollups.roll_up() == 1)
    assert counted() == [10, 10, 10]


def test_an_intake_that_fails_after_the_copy_leaves_no_event_and_no_batch(world, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    lines = world.lines(10)
    with monkeypatch.context() as broken:
        broken.setattr("analytics.intake._quarantine", fail)
        with pytest.raises(KeyboardInterrupt):
            deliver(world, lines)
    assert (UsageEvent.objects.count(), UsageBatch.objects.count()) == (0, 0)
    assert deliver(world, lines).accepted == 10


def test_rollups_rebuilt_from_raw_are_equal_to_the_live_ones(world, charlie):
    rng = random.Random(7)
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = midnight - timedelta(days=1)
    for _ in range(6):
        lines = [
            world.line(
                rng.choice([world.customer, charlie]),
                at=yesterday + timedelta(seconds=rng.randrange(86_400)),
                duration_ms=rng.expovariate(1 / 40),
                status=rng.choice([200, 200, 404, 500]),
                path=rng.choice(["/tides/v1/tides", "/tides/v1/tides/kiel", "/nowhere"]),
            )
            for _ in range(40)
        ]
        deliver(world, lines)
        roll_up_everything()
    deliver(world, world.lines(5, at=yesterday))  # waits, so it is in neither
    assert rollups.rebuild_rollups(yesterday.date(), check_only=True).is_equal

    DailyRollup.objects.update(calls=1)
    HourlyRollup.objects.filter(organization_id=charlie.organization.pk).delete()
    result = rollups.rebuild_rollups(yesterday.date())
    assert result.differing["day"] > 0
    assert result.differing["hour"] > 0
    assert rollups.rebuild_rollups(yesterday.date(), check_only=True).is_equal
    roll_up_everything()
    assert rollups.rebuild_rollups(yesterday.date(), check_only=True).is_equal
    assert counted() == [245, 245, 245]


def test_a_day_without_raw_events_cannot_be_rebuilt(world):
    with pytest.raises(ValueError, match="no raw events"):
        rollups.rebuild_rollups(datetime(2020, 1, 1, tzinfo=UTC).date())
