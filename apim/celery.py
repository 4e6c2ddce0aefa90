"""The Celery application: `celery -A apim.celery worker` and `celery -A apim.celery beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apim.settings.production")

app = Celery("apim", task_cls="apim.core.tasks:BaseTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
