"""A partition per day: made ahead or when a call needs it, dropped by age, intake unharmed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
import time_machine
from django.core.management import call_command
from django.db import connection

from analytics import partitions, retention
from analytics.intake import MAX_AGE, receive
from analytics.models import DailyRollup, HourlyRollup, MinuteRollup, UsageBatch, UsageEvent
from analytics.rollups import roll_up
from tests.analytics.lines import ndjson
from tests.deadline import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_partitions():
    partitions.drop_before(date.max)
    yield
    partitions.drop_before(date.max)


def test_coming_days_are_made_ahead():
    partitions.make_ahead()
    partitions.make_ahead()
    today = datetime.now(UTC).date()
    expected = {today + timedelta(days=n) for n in range(partitions.DAYS_AHEAD + 1)}
    assert partitions.existing_days() == expected


def test_a_call_makes_the_partition_that_it_needs(world):
    oldest = datetime.now(UTC) - MAX_AGE + timedelta(minutes=1)
    receive(gateway=world.gateway, body=ndjson([world.line(at=oldest), world.line()]))
    assert oldest.date() in partitions.existing_days()
    assert UsageEvent.objects.count() == 2


def test_every_partition_keeps_the_key_that_makes_a_call_count_once():
    partitions.ensure_partitions([date(2026, 1, 1)])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass AND indisunique",
            [partitions.partition_name(date(2026, 1, 1))],
        )
        assert cursor.fetchone() == (1,)


def test_a_partition_dropped_behind_the_back_of_a_process_is_made_again(world):
    receive(gateway=world.gateway, body=ndjson([world.line()]))
    name = partitions.partition_name(datetime.now(UTC).date())
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {name}")
    assert receive(gateway=world.gateway, body=ndjson([world.line()])).accepted == 1


def test_only_days_before_the_first_kept_are_dropped():
    days = [date(2026, 1, day) for day in range(1, 6)]
    partitions.ensure_partitions(days)
    assert partitions.drop_before(date(2026, 1, 3)) == days[:2]
    assert partitions.existing_days() == set(days[2:])


def test_a_drop_that_was_interrupted_is_finished_the_next_time():
    day = date(2026, 1, 1)
    partitions.ensure_partitions([day])
    name = partitions.partition_name(day)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {partitions.PARENT} DETACH PARTITION {name} CONCURRENTLY")
    partitions.drop_before(date(2025, 1, 1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        assert cursor.fetchone() == (None,)


def test_raw_calls_go_by_age_and_their_sums_stay(world, settings):
    now = datetime.now(UTC)
    with time_machine.travel(now - timedelta(days=100), tick=True):
        receive(gateway=world.gateway, body=ndjson([world.line()]))
    receive(gateway=world.gateway, body=ndjson([world.line()]))
    while roll_up():
        pass
    retention.drop_old_usage()
    assert UsageEvent.objects.count() == 1
    assert [model.objects.count() for model in (MinuteRollup, HourlyRollup, DailyRollup)] == [
        1,
        1,
        2,
    ]
    assert UsageBatch.objects.count() == 2


def test_the_command_compares_and_replaces(world, capsys):
    receive(gateway=world.gateway, body=ndjson([world.line()]))
    while roll_up():
        pass
    day = UsageEvent.objects.get().occurred_on.isoformat()
    call_command("rebuild_rollups", "--day", day, "--check")
    assert "day: 0 rows differ" in capsys.readouterr().out
    DailyRollup.objects.update(calls=7)
    call_command("rebuild_rollups", "--day", day)
    assert DailyRollup.objects.get().calls == 1


def test_intake_goes_on_while_a_drop_waits_for_a_long_transaction(world):
    receive(gateway=world.gateway, body=ndjson([world.line()]))
    old = datetime.now(UTC).date() - timedelta(days=40)
    partitions.ensure_partitions([old])

    def drop():
        try:
            return partitions.drop_before(old + timedelta(days=1))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, psycopg.connect(own_database()) as reader:
        # As a report does that reads every day: the drop has to wait until it is done.
        reader.execute("SELECT count(*) FROM analytics_usageevent")
        dropping = pool.submit(drop)
        eventually(is_detaching)
        lines = world.lines(20, at=datetime.now(UTC) - timedelta(days=3))  # a new partition too
        assert receive(gateway=world.gateway, body=ndjson(lines)).accepted == 20
        while roll_up():
            pass
        assert not dropping.done()
        reader.rollback()
        assert dropping.result(timeout=60) == [old]
    assert old not in partitions.existing_days()


def own_database() -> str:
    return "postgresql://{USER}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)


def is_detaching() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)")
        return bool(cursor.fetchone()[0])
