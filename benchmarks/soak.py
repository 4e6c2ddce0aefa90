"""Ten minutes of usage at a steady rate: does memory stay flat, does anything pile up or get lost?"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from benchmarks.frame import Result
from benchmarks.load import SteadyLoad

if TYPE_CHECKING:
    from benchmarks.stage import Stage

ORDER = 90

SECONDS = int(os.environ.get("BENCH_SOAK_SECONDS", "600"))
EVENTS_PER_SECOND = int(os.environ.get("BENCH_SOAK_RATE", "15000"))
# Caches and pools fill first; what is compared is the end with the end of this.
WARM_SHARE = 0.2
SAMPLE_SECONDS = 2.0
DRAIN_SECONDS = 60
_PAGE = os.sysconf("SC_PAGE_SIZE")


def run(stage: Stage) -> list[Result]:
    stage.worker()
    watched = {name: stage.process(name) for name in ("web", "usage-worker")}
    samples: list[dict[str, int]] = []
    waiting: list[int] = []
    with psycopg.connect(stage.database_url, autocommit=True) as database:
        _wait_for_the_first_call(database)
        before = _counted(database)
        with SteadyLoad(stage, EVENTS_PER_SECOND) as load:
            ends_at = time.monotonic() + SECONDS
            while time.monotonic() < ends_at:
                time.sleep(SAMPLE_SECONDS)
                samples.append({name: resident_bytes(pid) for name, pid in watched.items()})
                waiting.append(_waiting(database))
        give_up_at = time.monotonic() + DRAIN_SECONDS
        while _waiting(database) and time.monotonic() < give_up_at:
            time.sleep(0.1)
        counted = _counted(database) - before
    if counted != load.accepted:
        raise RuntimeError(f"{load.accepted:,} events acknowledged, {counted:,} counted")
    note = (
        f"{load.accepted:,} events in {SECONDS} s, {load.refused} deliveries put off, at most "
        f"{max(waiting)} batches waiting; resident memory after {WARM_SHARE:.0%} of the time and at the end"
    )
    return [_result(name, [sample[name] for sample in samples], note) for name in watched]


def _wait_for_the_first_call(database: psycopg.Connection[tuple[int, ...]]) -> None:
    """The stage called through Envoy until it answered; the shipper delivers that a moment later."""
    give_up_at = time.monotonic() + DRAIN_SECONDS
    while not (_counted(database) and not _waiting(database)) and time.monotonic() < give_up_at:
        time.sleep(0.5)


def _result(name: str, sizes: list[int], note: str) -> Result:
    """Medians of a tenth of the samples, so that one garbage collection decides nothing."""
    some = max(1, len(sizes) // 10)
    warm = int(len(sizes) * WARM_SHARE)
    start, end = _median(sizes[warm : warm + some]), _median(sizes[-some:])
    return Result(
        name=f"Soak, memory of {name}",
        measured=f"{end / 2**20:,.0f} MiB",
        anchor=f"{start / 2**20:,.0f} MiB",
        ratio=end / start,
        note=note,
    )


def _median(sizes: list[int]) -> int:
    return sorted(sizes)[len(sizes) // 2]


def _waiting(database: psycopg.Connection[tuple[int, ...]]) -> int:
    return _one(database, "SELECT count(*) FROM analytics_usagebatch WHERE rolled_up_at IS NULL")


def _counted(database: psycopg.Connection[tuple[int, ...]]) -> int:
    return _one(database, "SELECT coalesce(sum(calls), 0)::bigint FROM analytics_usage_day")


def _one(database: psycopg.Connection[tuple[int, ...]], statement: str) -> int:
    row = database.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0


def resident_bytes(pid: int) -> int:
    """Of a process and all that descend from it."""
    folder = Path(f"/proc/{pid}")
    try:
        own = int((folder / "statm").read_text().split()[1]) * _PAGE
        lists = [file.read_text() for file in folder.glob("task/*/children")]
    except OSError:
        return 0  # ended meanwhile
    return own + sum(resident_bytes(int(child)) for text in lists for child in text.split())
