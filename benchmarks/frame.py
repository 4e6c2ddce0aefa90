"""What every benchmark returns, and how rounds are taken."""

from __future__ import annotations

import shutil
import statistics
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

WRK_MISSING = "wrk is not installed (Debian: apt-get install wrk)"


class BenchmarkSkipped(Exception):
    """Something that the benchmark needs is not on this machine; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One row of the table. `ratio` is ours divided by the anchor."""

    name: str
    measured: str
    anchor: str = ""
    ratio: float | None = None
    note: str = ""


def alternate(runs: Mapping[str, Callable[[], float]], rounds: int = 3) -> dict[str, float]:
    """Run each in turn, `rounds` times over, and return the medians.

    In turn, and every second time from the last to the first, so that a machine that gets slower
    meanwhile slows down all of them alike.
    """
    seen: dict[str, list[float]] = {name: [] for name in runs}
    order = list(runs)
    for _ in range(rounds):
        for name in order:
            seen[name].append(runs[name]())
        order.reverse()
    return {name: statistics.median(values) for name, values in seen.items()}


def quantile(values: Sequence[float], share: float) -> float:
    """Nearest-rank quantile: a value that was really measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def wrk_binary() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise BenchmarkSkipped(WRK_MISSING)
    return found


def requests_per_second(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: int = 4,
    connections: int = 32,
    script: Path | None = None,
    tolerated_share: float = 0.0,
) -> float:
    """Load `url` with wrk, if given with its Lua script. Raises BenchmarkSkipped without wrk,
    RuntimeError for other answers than 2xx beyond `tolerated_share`: a refusal is quicker than a
    call and must not count as one.
    """
    command = [wrk_binary(), "-t1", f"-c{connections}", f"-d{seconds}s", url]
    if script is not None:
        command += ["-s", str(script)]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    made = refused = 0
    for line in out.splitlines():
        if " requests in " in line:
            made = int(line.split()[0])
        elif "Non-2xx" in line:
            refused = int(line.split(":")[1])
    if refused > made * tolerated_share or "Socket errors" in out:
        raise RuntimeError(f"{url} did not answer 2xx throughout:\n{out}")
    line = next(line for line in out.splitlines() if line.startswith("Requests/sec"))
    return float(line.split(":")[1])
