from celery import shared_task

from billing import mail
from billing.services import apply_due_changes, expire_credits, note_missing, note_subscription


@shared_task(name="billing.note_subscription")
def note_subscription_task(subscription_id: int) -> None:
    note_subscription(subscription_id=subscription_id)


@shared_task(name="billing.note_missing")
def note_missing_task() -> None:
    note_missing()


@shared_task(name="billing.apply_due_changes")
def apply_due_changes_task() -> None:
    apply_due_changes()


@shared_task(name="billing.expire_credits")
def expire_credits_task() -> None:
    expire_credits()


@shared_task(name="billing.announce_version")
def announce_version(version_id: int) -> None:
    mail.announce_version(version_id=version_id)
