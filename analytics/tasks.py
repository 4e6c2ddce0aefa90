import time

from celery import shared_task

from analytics import nudge, partitions, quarantine, reattribution, retention, rollups
from analytics.services import note_keys_used
from apim.outbox.services import publish

# A roll-up costs the same for few and for many deliveries, so it rests in between as long as they
# need to gather: twice the time that it took, and little enough for charts to be of this second.
REST = 2.0
REST_MAX_SECONDS = 0.25
TURN_SECONDS = 5.0


@shared_task(name="analytics.roll_up")
def roll_up() -> None:
    """Roll up until nothing waits, or for TURN_SECONDS: then other tasks have their turn."""
    nudge.taken()
    ends_at = time.monotonic() + TURN_SECONDS
    while seconds := _seconds_of_roll_up():
        if time.monotonic() >= ends_at:
            if nudge.is_needed():
                roll_up.apply_async(retry=False)
            return
        time.sleep(min(REST_MAX_SECONDS, REST * seconds))


def _seconds_of_roll_up() -> float:
    """How long one took; 0 when nothing waited."""
    started = time.perf_counter()
    return time.perf_counter() - started if rollups.roll_up() else 0.0


@shared_task(name="analytics.make_partitions")
def make_partitions() -> None:
    partitions.make_ahead()


@shared_task(name="analytics.drop_old_usage")
def drop_old_usage() -> None:
    retention.drop_old_usage()


@shared_task(name="analytics.note_keys_used")
def note_keys_used_task() -> None:
    note_keys_used()


@shared_task(name="analytics.reattribute")
def reattribute(gateway_id: int) -> None:
    reattribution.reattribute(gateway_id)


@shared_task(name="analytics.reattribute_all")
def reattribute_all() -> None:
    reattribution.reattribute_all()


@shared_task(name="analytics.replay_quarantine")
def replay_quarantine(gateway_id: int, code: str, after_id: int) -> None:
    last = quarantine.replay_chunk(gateway_id=gateway_id, code=code, after_id=after_id)
    if last is not None:
        publish("quarantine.replay_asked", gateway_id=gateway_id, code=code, after_id=last)
