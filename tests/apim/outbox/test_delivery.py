"""News reach every subscriber at least once, and only if the change was committed."""

from datetime import timedelta

import pytest
from celery import current_app, shared_task
from django.contrib.messages.storage.fallback import FallbackStorage
from django.db import OperationalError, transaction
from django.http import HttpResponse

from apim.core import clock
from apim.outbox import registry, services
from apim.outbox.delays import DelayedNewsMiddleware
from apim.outbox.models import OutboxEntry
from apim.outbox.registry import Subscriber

heard = []
broken = {"on": False}


@shared_task(name="tests.listen")
def listen(thing_id):
    heard.append(("listen", thing_id))


@shared_task(name="tests.stumble")
def stumble(thing_id):
    if broken["on"]:
        raise RuntimeError("no")
    heard.append(("stumble", thing_id))


@pytest.fixture(autouse=True)
def table(monkeypatch):
    heard.clear()
    broken["on"] = False
    assert {"tests.listen", "tests.stumble"} <= set(current_app.tasks)
    monkeypatch.setattr(
        registry,
        "_SUBSCRIBERS",
        {
            "thing.changed": (Subscriber("tests.listen"), Subscriber("tests.stumble")),
            "thing.revoked": (Subscriber("tests.stumble", immediate=True),),
        },
    )


def publish(topic="thing.changed"):
    with transaction.atomic():
        return services.publish(topic, thing_id=7)


@pytest.mark.django_db(transaction=True)
def test_every_subscriber_hears_after_the_commit():
    with transaction.atomic():
        entry = services.publish("thing.changed", thing_id=7)
        assert heard == []

    assert heard == [("listen", 7), ("stumble", 7)]
    entry.refresh_from_db()
    assert entry.delivered_at is not None
    assert entry.pending == []


@pytest.mark.django_db(transaction=True)
def test_a_delivered_entry_is_delivered_no_second_time():
    entry = publish()
    heard.clear()
    assert services.deliver(entry_id=entry.pk)
    assert heard == []


@pytest.mark.django_db(transaction=True)
def test_rolled_back_change_tells_nobody():
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        services.publish("thing.changed", thing_id=7)
        raise ZeroDivisionError

    assert heard == []
    assert not OutboxEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_news_that_nobody_hears_leave_no_row():
    assert publish("thing.ignored") is None
    assert not OutboxEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_failed_subscriber_is_tried_again_alone(time_machine):
    broken["on"] = True
    entry = publish()
    entry.refresh_from_db()
    assert heard == [("listen", 7)]
    assert entry.pending == ["tests.stumble"]
    assert "no" in entry.last_error

    assert services.sweep() == 0  # not due yet
    broken["on"] = False
    time_machine.move_to(clock.now() + timedelta(minutes=1))
    services.sweep()

    assert heard == [("listen", 7), ("stumble", 7)]
    entry.refresh_from_db()
    assert entry.delivered_at is not None


@pytest.mark.django_db(transaction=True)
def test_publisher_survives_a_failing_immediate_subscriber(time_machine):
    broken["on"] = True
    entry = publish("thing.revoked")
    broken["on"] = False
    time_machine.move_to(clock.now() + timedelta(minutes=1))
    services.sweep()

    assert heard == [("stumble", 7)]
    entry.refresh_from_db()
    assert entry.delivered_at is not None


@pytest.mark.django_db(transaction=True)
def test_entry_left_by_a_dead_publisher_is_swept(time_machine):
    """As after a kill between commit and delivery."""
    OutboxEntry.objects.create(
        topic="thing.changed",
        payload={"thing_id": 9},
        pending=["tests.listen"],
        due_at=clock.now() + timedelta(seconds=services.FIRST_SWEEP_SECONDS),
    )
    assert services.sweep() == 0
    time_machine.move_to(clock.now() + timedelta(seconds=services.FIRST_SWEEP_SECONDS + 1))
    assert services.sweep() == 1

    assert heard == [("listen", 9)]


@pytest.mark.django_db(transaction=True)
def test_half_done_work_of_a_failed_subscriber_is_undone():
    entry = OutboxEntry.objects.create(
        topic="t", payload={}, pending=["tests.half_done"], due_at=clock.now()
    )

    @shared_task(name="tests.half_done")
    def half_done():
        OutboxEntry.objects.create(topic="half", due_at=clock.now())
        raise RuntimeError("after the write")

    assert half_done.name in current_app.tasks
    assert services.deliver(entry_id=entry.pk) is False
    assert not OutboxEntry.objects.filter(topic="half").exists()


@pytest.mark.django_db(transaction=True)
def test_delivered_entries_are_forgotten_and_waiting_ones_kept(time_machine):
    publish()
    waiting = OutboxEntry.objects.create(topic="w", pending=["tests.listen"], due_at=clock.now())
    time_machine.move_to(clock.now() + timedelta(days=15))

    assert services.forget_delivered() == 1
    assert OutboxEntry.objects.get() == waiting


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_cannot_be_stored_does_not_keep_others_waiting(monkeypatch):
    first, second = (
        OutboxEntry.objects.create(
            topic="t", payload={"thing_id": n}, pending=["tests.listen"], due_at=clock.now()
        )
        for n in (1, 2)
    )
    deliver = services.deliver

    def unlucky(*, entry_id):
        if entry_id == first.pk:
            raise OperationalError("deadlock detected")
        return deliver(entry_id=entry_id)

    monkeypatch.setattr(services, "deliver", unlucky)
    services.sweep()
    assert heard == [("listen", 2)]
    second.refresh_from_db()
    assert second.delivered_at is not None


@pytest.mark.django_db(transaction=True)
def test_an_error_that_holds_a_nul_is_noted_and_tried_later():
    @shared_task(name="tests.nul")
    def nul():
        raise RuntimeError("a\0b")

    entry = OutboxEntry.objects.create(
        topic="t", payload={}, pending=[nul.name], due_at=clock.now()
    )
    assert services.deliver(entry_id=entry.pk) is False
    entry.refresh_from_db()
    assert entry.attempts == 1
    assert entry.last_error == "tests.nul: a\ufffdb"
    assert entry.due_at > clock.now()


@pytest.mark.django_db(transaction=True)
def test_many_immediate_news_that_cannot_be_told_wait_for_one_of_them_and_for_no_broker(
    monkeypatch, time_machine
):
    monkeypatch.setattr(services, "_held_up", services._HeldUp())
    monkeypatch.setattr(services, "HELD_UP_SECONDS", 600)
    nudged = []
    monkeypatch.setattr(current_app.tasks["outbox.deliver"], "delay", nudged.append)
    broken["on"] = True
    entries = [publish("thing.revoked") for _ in range(5)]
    assert sorted(OutboxEntry.objects.values_list("attempts", flat=True)) == [0, 0, 0, 0, 1]
    assert nudged == []

    broken["on"] = False
    time_machine.move_to(clock.now() + timedelta(minutes=1))
    assert services.sweep() == len(entries)
    assert heard == [("stumble", 7)] * 5


@pytest.mark.django_db(transaction=True)
def test_page_says_that_gateways_could_not_be_told(rf, monkeypatch):
    monkeypatch.setattr(services, "_held_up", services._HeldUp())

    def answer(request):
        request._messages = FallbackStorage(request)
        publish("thing.revoked")
        return HttpResponse()

    def said():
        request = rf.post("/")
        request.session = {}
        DelayedNewsMiddleware(answer)(request)
        return [str(message) for message in request._messages]

    assert said() == []
    broken["on"] = True
    (warning,) = said()
    assert "as soon as they can be reached" in warning
    broken["on"] = False
    monkeypatch.setattr(services, "_held_up", services._HeldUp())
    assert said() == []
