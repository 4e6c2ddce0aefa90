from celery import shared_task

from apim.outbox import services


@shared_task(name="outbox.deliver")
def deliver(entry_id: int) -> None:
    services.deliver(entry_id=entry_id)


@shared_task(name="outbox.sweep")
def sweep() -> None:
    services.sweep()


@shared_task(name="outbox.forget_delivered")
def forget_delivered() -> None:
    services.forget_delivered()
