"""Processes die at random under load and every call is counted once: ten kills of the long run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.processes


def test_ten_random_kills_lose_no_call_and_double_none():
    """The run compares the totals itself, and fails when they differ."""
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    for name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"):
        env.pop(name, None)
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "kills"],
        check=False,
        cwd=ROOT,
        env=env | {"BENCH_KILLS": "10", "BENCH_KILLS_SECONDS": "90"},
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    counted = ended.stdout.partition("| Calls counted ÷ sent |")[2]
    assert "10 kill -9" in counted, ended.stdout[-3000:]
