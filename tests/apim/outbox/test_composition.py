"""What the composition root names exists in every process, not only in workers."""

import subprocess
import sys

import pytest
from celery import current_app

from apim.schedule import SCHEDULE
from apim.subscribers import SUBSCRIBERS

NAMED = {s.task for listeners in SUBSCRIBERS.values() for s in listeners} | {
    entry["task"] for entry in SCHEDULE.values()
}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_named_task_exists(name):
    assert name in current_app.tasks


def test_web_process_knows_every_task_without_importing_them_itself():
    names = sorted(NAMED | {"outbox.deliver"})
    program = (
        "import django; django.setup(); from celery import current_app;"
        f"print(sorted(set({names!r}) - current_app.tasks.keys()))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip().splitlines()[-1] == "[]"
