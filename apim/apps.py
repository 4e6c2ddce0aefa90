"""The composition root as a Django app: what must be loaded in every process."""

from django.apps import AppConfig


class ApimConfig(AppConfig):
    name = "apim"
    label = "apim"

    def ready(self) -> None:
        from apim import celery, checks, subscribers  # noqa: F401, PLC0415 - registers on import

        # Celery would do so lazily, in workers only; the web process runs immediate subscribers.
        celery.app.autodiscover_tasks(force=True)
