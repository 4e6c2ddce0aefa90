"""Each process dies at random, a hundred times under load: is every call counted exactly once?

What was sent is what Envoy wrote to its log, which is compared with what callers were answered, with
the stored calls, with the rollups, and with the rollups made anew from the stored calls.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Self

import httpx
import psycopg

from benchmarks.frame import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.stage import Stage

ORDER = 95

KILLS = int(os.environ.get("BENCH_KILLS", "100"))
SECONDS = float(os.environ.get("BENCH_KILLS_SECONDS", "300"))
SEED = int(os.environ.get("BENCH_KILLS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
PROCESSES = (
    "web",
    "worker",
    "usage-worker",
    "scheduler",
    "shipper",
    "authorizer",
    "redis",
    "postgres",
)
# One connection of PostgreSQL, at which the server ends all others and recovers.
BACKEND = "postgres backend"
PAUSE_SECONDS = (0.2, 2.0)
CALLERS = 4
CALLS_PER_SECOND = 100
DRAIN_SECONDS = 120


class _Callers:
    """Callers that go on whatever they are answered; `statuses` counts their answers."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.statuses: Counter[int] = Counter()
        self.unanswered = 0
        self._url, self._headers = url, headers
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(CALLERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with httpx.Client(headers=self._headers, timeout=30) as client:
            while not self._stop.wait(CALLERS / CALLS_PER_SECOND):
                try:
                    status = client.get(self._url).status_code
                except httpx.TransportError:
                    with self._lock:
                        self.unanswered += 1
                    continue
                with self._lock:
                    self.statuses[status] += 1


def run(stage: Stage) -> list[Result]:
    stage.worker()
    with psycopg.connect(stage.database_url, autocommit=True) as database:
        give_up_at = time.monotonic() + 60
        while not _counted(database)[1] and time.monotonic() < give_up_at:
            time.sleep(0.2)  # the calls by which the stage waited for its gateway
    started = time.monotonic()
    with _Callers(stage.managed(), stage.bearer()) as callers:
        killed = _kill_all(stage, started + SECONDS)
        seconds = time.monotonic() - started
        _until(lambda: _is_serving(stage), DRAIN_SECONDS, "the gateway did not recover")
    logged = _logged(stage)
    _until(lambda: _totals(stage) == (logged, logged, logged), DRAIN_SECONDS, "")
    totals = _totals(stage)
    rebuilt = _is_rebuilt_alike()
    answered = callers.statuses.total()
    _print(killed, callers, logged, totals, is_rebuilt=rebuilt)
    if totals != (logged, logged, logged) or not rebuilt or logged < answered:
        raise RuntimeError(
            f"{logged:,} calls logged, {totals} stored, rolled up and different, "
            f"{answered:,} answered, rebuilding agrees: {rebuilt}; seed {SEED}"
        )
    note = (
        f"{sum(killed.values())} kill -9 in {seconds:.0f} s ("
        + ", ".join(f"{name} {number}" for name, number in sorted(killed.items()))
        + f") beside {answered / seconds:.0f} calls/s; stored, rolled up and rebuilt agree; "
        f"{callers.statuses[200]:,} of {answered:,} calls were let by"
    )
    return [Result(name="Calls counted ÷ sent", measured=f"{totals[1]:,} calls",
                   anchor=f"{logged:,} calls", ratio=totals[1] / logged, note=note)]  # fmt: skip


def _kill_all(stage: Stage, ends_at: float) -> Counter[str]:
    chance = random.Random(SEED)
    killed: Counter[str] = Counter()
    while sum(killed.values()) < KILLS and time.monotonic() < ends_at:
        time.sleep(chance.uniform(*PAUSE_SECONDS))
        victim = chance.choice((*PROCESSES, BACKEND))
        if victim == BACKEND:
            _kill_backend(stage, chance)
        else:
            stage.kill(victim)
            if victim == "postgres":
                _until_gone(stage)
            stage.start_again(victim)
        killed[victim] += 1
        sys.stdout.write(f"  killed {victim}\n")
        sys.stdout.flush()
    return killed


def _kill_backend(stage: Stage, chance: random.Random) -> None:
    try:
        with psycopg.connect(stage.database_url, autocommit=True, connect_timeout=5) as database:
            rows = database.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " AND pid <> pg_backend_pid() ORDER BY pid"
            ).fetchall()
    except psycopg.OperationalError:
        return  # it recovers from the last one
    if rows:
        os.kill(chance.choice(rows)[0], signal.SIGKILL)


def _until_gone(stage: Stage) -> None:
    """Until the dead server's children have gone, it would not start again on its folder."""
    folder = str(stage.folder / "postgres")

    def is_gone() -> bool:
        for entry in os.listdir("/proc"):  # noqa: PTH208 - names of processes
            try:
                with open(f"/proc/{entry}/cwd/postmaster.pid"):  # noqa: PTH123
                    if os.readlink(f"/proc/{entry}/cwd") == folder:  # noqa: PTH115
                        return False
            except (OSError, ValueError):
                continue
        return True

    _until(is_gone, 30, "PostgreSQL's children live on")


def _is_serving(stage: Stage) -> bool:
    try:
        answers = [
            httpx.get(f"{stage.web_url}/healthz", timeout=5),
            httpx.get(stage.managed(), headers=stage.bearer(), timeout=5),
        ]
    except httpx.TransportError:
        return False
    return all(answer.status_code == 200 for answer in answers)


def _logged(stage: Stage) -> int:
    """Calls in Envoy's log, once it has written the last ones."""
    size = -1
    while size != (size := stage.access_log.stat().st_size):
        time.sleep(2)
    with stage.access_log.open() as log:
        return sum(json.loads(line)["type"] == "DownstreamEnd" for line in log)


def _totals(stage: Stage) -> tuple[int, int, int]:
    """Calls stored, rolled up, and different ids among those stored."""
    try:
        with psycopg.connect(stage.database_url, autocommit=True, connect_timeout=5) as database:
            return _counted(database)
    except psycopg.OperationalError:
        return (0, 0, 0)


def _counted(database: psycopg.Connection[tuple[int, ...]]) -> tuple[int, int, int]:
    found = database.execute(
        "SELECT count(*), (SELECT coalesce(sum(calls), 0)::bigint FROM analytics_usage_day),"
        " count(DISTINCT (gateway_id, event_id)) FROM analytics_usageevent"
    ).fetchone()
    assert found is not None
    return found[0], found[1], found[2]


def _is_rebuilt_alike() -> bool:
    from django.db import close_old_connections, connection  # noqa: PLC0415

    from analytics.models import UsageEvent  # noqa: PLC0415
    from analytics.rollups import rebuild_rollups  # noqa: PLC0415

    connection.close()  # it is from before the kills
    close_old_connections()
    days = UsageEvent.objects.order_by().values_list("occurred_on", flat=True).distinct()
    return all(rebuild_rollups(day, check_only=True).is_equal for day in list(days))


def _until(holds: Callable[[], bool], seconds: float, complaint: str) -> None:
    """Raises RuntimeError with the complaint, if there is one, when it does not become true."""
    give_up_at = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up_at:
            if complaint:
                raise RuntimeError(complaint)
            return
        time.sleep(0.2)


def _print(
    killed: Counter[str],
    callers: _Callers,
    logged: int,
    totals: tuple[int, int, int],
    *,
    is_rebuilt: bool,
) -> None:
    rows = [
        *((f"killed: {name}", str(number)) for name, number in sorted(killed.items())),
        ("calls answered", f"{callers.statuses.total():,}"),
        *((f"  with {status}", f"{n:,}") for status, n in sorted(callers.statuses.items())),
        ("calls without an answer", f"{callers.unanswered:,}"),
        ("calls in the gateway's log", f"{logged:,}"),
        ("calls stored", f"{totals[0]:,}"),
        ("different calls stored", f"{totals[2]:,}"),
        ("calls in the rollups", f"{totals[1]:,}"),
        ("rebuilt rollups agree", "yes" if is_rebuilt else "NO"),
        ("seed", str(SEED)),
    ]
    print("\n".join(f"  {name:<28}{value:>12}" for name, value in rows))
