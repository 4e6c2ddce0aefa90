"""A file that Celery's worker and scheduler touch while they work.

`python -m apim.runtime alive <file>` is the health check that reads it.
"""

from pathlib import Path
from typing import Any

from celery import signals


def beat_into(file: Path) -> None:
    """Touch `file` when the process is ready, and again with each sign of life.

    The worker sends a heartbeat every two seconds; the scheduler publishes a task at least
    every five (apim/schedule.py).
    """

    def touch(**_: Any) -> None:
        file.touch()

    def touch_from_now_on(**_: Any) -> None:
        touch()
        signals.before_task_publish.connect(touch, weak=False)

    signals.worker_ready.connect(touch, weak=False)
    signals.heartbeat_sent.connect(touch, weak=False)
    signals.beat_init.connect(touch_from_now_on, weak=False)
