"""What the scheduler starts, and how often. One entry per job; the key is its monitor slug."""

from datetime import timedelta
from typing import TypedDict

from celery.schedules import crontab, schedule


class Entry(TypedDict):
    task: str
    schedule: schedule | crontab


SCHEDULE: dict[str, Entry] = {
    "outbox-sweep": {
        "task": "outbox.sweep",
        "schedule": schedule(timedelta(seconds=2)),
    },
    "outbox-forget": {
        "task": "outbox.forget_delivered",
        "schedule": crontab(minute="7", hour="3"),
    },
    "gateway-grants-watch": {
        "task": "gateway.watch_grants",
        "schedule": schedule(timedelta(seconds=2)),
    },
    "gateway-reconcile": {
        "task": "gateway.reconcile",
        "schedule": schedule(timedelta(seconds=60)),
    },
    # What was lent of limits that were used up, and never made.
    "gateway-lending": {
        "task": "gateway.measure_lending",
        "schedule": schedule(timedelta(seconds=60)),
    },
    "gateway-rehashed-keys": {
        "task": "gateway.take_rehashed",
        "schedule": schedule(timedelta(seconds=10)),
    },
    "keys-expiring": {
        "task": "keys.announce_expiries",
        "schedule": crontab(minute="23"),
    },
    # Intake nudges the worker; this finds what a lost message left behind.
    "usage-roll-up": {
        "task": "analytics.roll_up",
        "schedule": schedule(timedelta(seconds=2)),
    },
    "usage-keys-used": {
        "task": "analytics.note_keys_used",
        "schedule": schedule(timedelta(seconds=15)),
    },
    "usage-partitions": {
        "task": "analytics.make_partitions",
        "schedule": schedule(timedelta(hours=1)),
    },
    # Calls that were being stored while a mapping changed.
    "usage-reattribute": {
        "task": "analytics.reattribute_all",
        "schedule": schedule(timedelta(minutes=5)),
    },
    "billing-changes": {
        "task": "billing.apply_due_changes",
        "schedule": schedule(timedelta(seconds=60)),
    },
    # What lost news, or a time before tenures were noted, left behind.
    "billing-tenures": {
        "task": "billing.note_missing",
        "schedule": schedule(timedelta(minutes=10)),
    },
    "billing-credits": {
        "task": "billing.expire_credits",
        "schedule": crontab(minute="37", hour="3"),
    },
    "billing-catalogue": {
        "task": "billing.sync_catalogue",
        "schedule": schedule(timedelta(minutes=10)),
    },
    "billing-usage": {
        "task": "billing.report_usage",
        "schedule": schedule(timedelta(minutes=5)),
    },
    # Calls that a gateway reported days later.
    "billing-late-usage": {
        "task": "billing.collect_late_usage",
        "schedule": crontab(minute="47", hour="2"),
    },
    "billing-close": {
        "task": "billing.close_periods",
        "schedule": crontab(minute="13"),
    },
    "billing-invoices": {
        "task": "billing.send_invoices",
        "schedule": schedule(timedelta(minutes=1)),
    },
    # Webhooks nudge the worker; this finds what a lost message left behind.
    "billing-events": {
        "task": "billing.handle_events",
        "schedule": schedule(timedelta(seconds=15)),
    },
    "billing-reconcile": {
        "task": "billing.reconcile",
        "schedule": schedule(timedelta(minutes=15)),
    },
    # Long after the nightly roll-up of late usage, so that what is left differs for a reason.
    "billing-compare": {
        "task": "billing.request_comparison",
        "schedule": crontab(minute="27", hour="4"),
    },
    "billing-trials": {
        "task": "billing.review_trials",
        "schedule": schedule(timedelta(minutes=10)),
    },
    "billing-unpaid": {
        "task": "billing.review_unpaid",
        "schedule": schedule(timedelta(minutes=10)),
    },
    "usage-retention": {
        "task": "analytics.drop_old_usage",
        "schedule": crontab(minute="17", hour="3"),
    },
}
