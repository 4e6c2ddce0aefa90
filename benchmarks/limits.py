"""How much of a limit leases waste, and that they never exceed it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from benchmarks.frame import Result, wrk_binary

if TYPE_CHECKING:
    from benchmarks.stage import Stage

ORDER = 12
QUOTA = 20_000
CONNECTIONS = 32
SECONDS = 10
# wrk tells how many answers were not 2xx or 3xx.
REFUSED = "Non-2xx or 3xx responses:"
MADE = "requests in"


def run(stage: Stage) -> list[Result]:
    from benchmarks import rows  # noqa: PLC0415 - needs Django

    secret = rows.limited_key(stage.world, quota=QUOTA)
    passed = _hammer(stage, secret)
    if passed > QUOTA:
        raise RuntimeError(f"{passed} calls passed a limit of {QUOTA}")
    return [
        Result(
            name="Calls let by ÷ quota",
            measured=f"{passed:,}",
            anchor=f"{QUOTA:,}",
            ratio=passed / QUOTA,
            note=f"one key with one hard limit, {CONNECTIONS} connections on all workers of one "
            "Envoy until long after the first refusal; never above 1",
        )
    ]


def _hammer(stage: Stage, secret: str) -> int:
    """Calls that passed."""
    command = [wrk_binary(), "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", stage.managed()]
    command += ["-H", f"Authorization: Bearer {secret}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = out.splitlines()
    made = next(int(line.split()[0]) for line in lines if MADE in line)
    refused = next((int(line.split(":")[1]) for line in lines if REFUSED in line), 0)
    if not refused:
        raise RuntimeError(f"the limit was not reached within {SECONDS} s:\n{out}")
    return made - refused
