"""How much of a limit leases waste, and that they never exceed it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from benchmarks.calls import script_of
from benchmarks.frame import Result, wrk_binary

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.stage import Stage

ORDER = 12
QUOTA = 20_000
APPLICATIONS = 100
CONNECTIONS = 32
SECONDS = 15
# wrk tells how many answers were not 2xx or 3xx.
REFUSED = "Non-2xx or 3xx responses:"
MADE = "requests in"


def run(stage: Stage) -> list[Result]:
    return [
        _measure(stage, 1, "Calls let by ÷ quota", "one key with one hard limit"),
        _measure(
            stage,
            APPLICATIONS,
            f"Calls let by ÷ quota, {APPLICATIONS} applications",
            f"one key of each of {APPLICATIONS} applications in turn, on one hard limit of their "
            "organization",
        ),
    ]


def _measure(stage: Stage, applications: int, name: str, who: str) -> Result:
    from benchmarks import rows  # noqa: PLC0415 - needs Django

    secrets = rows.limited_keys(stage.world, quota=QUOTA, applications=applications)
    passed = _hammer(stage, script_of(stage, f"limits-{applications}", secrets))
    if passed > QUOTA:
        raise RuntimeError(f"{passed} calls passed a limit of {QUOTA}")
    return Result(
        name=name,
        measured=f"{passed:,}",
        anchor=f"{QUOTA:,}",
        ratio=passed / QUOTA,
        note=f"{who}, {CONNECTIONS} connections on all workers of one Envoy until long after the "
        "first refusal; never above 1",
    )


def _hammer(stage: Stage, script: Path) -> int:
    """Calls that passed."""
    command = [wrk_binary(), "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", stage.managed()]
    command += ["-s", str(script)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = out.splitlines()
    made = next(int(line.split()[0]) for line in lines if MADE in line)
    refused = next((int(line.split(":")[1]) for line in lines if REFUSED in line), 0)
    if not refused:
        raise RuntimeError(f"the limit was not reached within {SECONDS} s:\n{out}")
    return made - refused
