"""Several customers at once, each by one thread; and no faster than Stripe allows."""

import threading
import time
from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import connection, transaction

from apim.accounts.models import Organization
from apim.core import clock
from apim.gateway import redis_connection
from billing.stripe import together as module
from billing.stripe.pace import Pace, operation
from billing.stripe.together import together
from tests.deadline import eventually


class Meeting:
    """Work that ends only when `number` are at it at once."""

    def __init__(self, number) -> None:
        self.barrier = threading.Barrier(number, timeout=20)
        self.threads = set()

    def __call__(self, part) -> int:
        self.barrier.wait()
        self.threads.add(threading.get_ident())
        return part


@pytest.mark.django_db(transaction=True)
def test_parts_are_done_at_once_and_summed_up():
    assert together(Meeting(4), [1, 2, 3, 4], at_once=4) == 10


@pytest.mark.django_db(transaction=True)
def test_threads_see_the_database_and_the_time_that_is_told_and_leave_no_connection():
    organizations = [Organization.objects.create(name=str(n)) for n in range(6)]
    told = clock.now().replace(year=2020)

    def work(row):
        assert clock.now() == told
        return Organization.objects.filter(pk=row.pk).update(name="seen")

    def backends():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            )
            return cursor.fetchone()[0]

    before = backends()
    with clock.telling(told):
        assert together(work, organizations, at_once=3) == 6
    eventually(lambda: backends() <= before)  # a moment later they are gone


@pytest.mark.django_db(transaction=True)
def test_what_one_part_raises_is_raised_and_nothing_more_is_begun():
    begun = []

    def work(part):
        begun.append(part)
        raise LookupError(part)

    with pytest.raises(LookupError):
        together(work, range(1000), at_once=4)
    assert len(begun) <= 4


@pytest.mark.django_db
def test_within_a_transaction_one_thread_does_all():
    seen = set()
    with transaction.atomic():
        assert together(lambda n: seen.add(threading.get_ident()) or n, range(9)) == 36
    assert seen == {threading.get_ident()}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at_once", [1, 4])
def test_what_is_not_begun_in_time_is_left_to_another_run(monkeypatch, at_once):
    monkeypatch.setattr(module, "RUN_SECONDS", -1)
    assert together(lambda n: n, range(1, 9), at_once=at_once) == 0


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("post", "https://api.stripe.com/v1/invoices", "POST /v1/invoices"),
        ("post", "https://a/v1/invoices/in_1Nx9/finalize", "POST /v1/invoices/{}/finalize"),
        ("get", "https://a/v1/customers/cus_9?expand=x", "GET /v1/customers/{}"),
        ("get", "https://a/v1/subscription_items", "GET /v1/subscription_items"),
        ("post", "https://a/v1/billing/meter_events", "POST /v1/billing/meter_events"),
        ("post", "https://a/v1/products/apim_prd_Ab12", "POST /v1/products/{}"),
        ("get", "https://a/v2/core/events/evt_test_1A", "GET /v2/core/events/{}"),
    ],
)
def test_a_call_counts_for_its_operation(method, url, expected):
    assert operation(method, url) == expected


@pytest.mark.parametrize(
    ("key", "calls", "a_second"),
    [
        ("rk_live_1", [("POST", f"/v1/invoices/in_{n}") for n in range(41)], 20),
        ("rk_live_1", [("GET", f"/v1/{'a' * n}") for n in range(1, 162)], 80),
        ("sk_test_1", [("GET", f"/v1/{'a' * n}") for n in range(1, 42)], 20),
        ("rk_live_1", [("POST", "/v1/billing/meter_events")] * 801, 800),
        ("sk_test_1", [("POST", "/v1/billing/meter_events")] * 21, 20),
    ],
    ids=["an operation", "live", "test", "meter events live", "meter events test"],
)
def test_calls_take_their_turn_behind_all_others(monkeypatch, key, calls, a_second):
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    pace = replace(Pace.of(key), name=f"test-{uuid4()}")
    started = time.monotonic()
    waits = [pace.wait(method, f"https://api.stripe.com{path}") for method, path in calls]
    last_turn = time.monotonic() - started + waits[-1]
    assert last_turn > (len(calls) - 1) / a_second - 0.01


def test_without_redis_nobody_waits(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis_connection.connection.cache_clear()
    try:
        assert Pace.of("sk_test_1").wait("GET", "https://api.stripe.com/v1/customers") == 0
    finally:
        redis_connection.connection.cache_clear()
