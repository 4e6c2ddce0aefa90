"""The one base of every Celery task."""

import random
from typing import TYPE_CHECKING, Any

from celery.contrib.django.task import DjangoTask

from apim.core.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

RETRY_BASE_SECONDS = 1.0
RETRY_MAX_SECONDS = 300.0


def full_jitter(attempt: int) -> float:
    """Seconds to wait before retry `attempt` (0-based): uniform in [0, min(cap, base·2^attempt)]."""
    return random.uniform(0, min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2**attempt))  # noqa: S311


class BaseTask(DjangoTask[Any, Any]):
    """Acknowledged late, limited in time, retried with full jitter on TransientError only.

    A task takes ids, is safe to run twice, and is enqueued with `delay_on_commit`.
    """

    abstract = True
    max_retries = 8

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        run: Callable[..., Any] = self.run
        try:
            return run(*args, **kwargs)
        except TransientError as error:
            if self.request.called_directly:
                raise
            raise self.retry(exc=error, countdown=full_jitter(self.request.retries)) from error
