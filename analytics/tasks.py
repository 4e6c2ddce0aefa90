from celery import shared_task

from analytics import nudge, partitions, retention, rollups
from analytics.services import note_keys_used


@shared_task(name="analytics.roll_up")
def roll_up() -> None:
    nudge.taken()
    while rollups.roll_up():
        pass


@shared_task(name="analytics.make_partitions")
def make_partitions() -> None:
    partitions.make_ahead()


@shared_task(name="analytics.drop_old_usage")
def drop_old_usage() -> None:
    retention.drop_old_usage()


@shared_task(name="analytics.note_keys_used")
def note_keys_used_task() -> None:
    note_keys_used()
