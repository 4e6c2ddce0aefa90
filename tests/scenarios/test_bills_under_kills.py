"""Workers die at random while periods close and invoices go out: not a cent drifts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.processes


def test_twelve_random_kills_between_close_and_stripe_leave_no_drift():
    """The run compares what was rated, sent and invoiced itself, and fails when they differ."""
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    for name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"):
        env.pop(name, None)
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "bills"],
        check=False,
        cwd=ROOT,
        env=env | {"BENCH_BILLS_KILLS": "12", "BENCH_BILLS_CUSTOMERS": "16"},
        capture_output=True,
        text=True,
        timeout=480,
    )
    said = ended.stdout[-3000:] + ended.stderr[-3000:]
    assert ended.returncode == 0, said
    assert "0 differences" in ended.stdout.partition("| Drift between rated")[2], said
