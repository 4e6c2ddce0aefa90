"""Callers that never give up, and what they saw: who was let by and who was refused, and when."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import httpx

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable, Sequence

PAUSE_SECONDS = 0.01
TIMEOUT_SECONDS = 3.0
# The kernel spreads new connections over all gateways that listen on a port.
CALLS_PER_CONNECTION = 5
OK = 200
REFUSED = 400


class Call(NamedTuple):
    """`status` 0: no answer. Times are monotonic."""

    started: float
    ended: float
    status: int


class Window(NamedTuple):
    """When refusals are to be expected; monotonic."""

    start: float
    end: float


class Callers:
    """Call with several keys at once, one thread each, until the block ends."""

    def __init__(self, url: str, secrets: dict[str, str]) -> None:
        self._url = url
        self.calls: dict[str, list[Call]] = {name: [] for name in secrets}
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._go, args=(name, secret), daemon=True)
            for name, secret in secrets.items()
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def passes_since(self, name: str, at: float, *, in_a_row: int) -> bool:
        """Tell whether the last `in_a_row` calls, all begun after `at`, were let by."""
        last = self.calls[name][-in_a_row:]
        return len(last) == in_a_row and all(c.started >= at and c.status == OK for c in last)

    def _go(self, name: str, secret: str) -> None:
        calls = self.calls[name]
        headers = {"Authorization": f"Bearer {secret}"}
        while not self._is_over.is_set():
            with httpx.Client(headers=headers, timeout=TIMEOUT_SECONDS) as client:
                for _ in range(CALLS_PER_CONNECTION):
                    calls.append(self._call(client))
                    if self._is_over.wait(PAUSE_SECONDS):
                        return

    def _call(self, client: httpx.Client) -> Call:
        started = time.monotonic()
        try:
            status = client.get(self._url).status_code
        except httpx.TransportError:
            status = 0
        return Call(started, time.monotonic(), status)


def accepted(calls: Iterable[Call]) -> int:
    return sum(call.status == OK for call in calls)


def accepted_after(calls: Iterable[Call], at: float) -> int:
    """Calls that were let by although they began after `at`."""
    return sum(call.status == OK and call.started > at for call in calls)


def served_from(calls: Sequence[Call], at: float, *, in_a_row: int) -> float:
    """When the first of `in_a_row` calls that all were let by, begun after `at`, was answered.

    Raises ValueError when there are none.
    """
    later = [call for call in calls if call.started >= at]
    for first in range(len(later) - in_a_row + 1):
        if all(call.status == OK for call in later[first : first + in_a_row]):
            return later[first].ended
    raise ValueError(f"never {in_a_row} calls in a row")


def refused_outside(calls: Iterable[Call], windows: Iterable[Window]) -> list[Call]:
    """Calls that were refused although they touch none of the windows."""
    told = list(windows)
    return [
        call
        for call in calls
        if call.status >= REFUSED
        and not any(call.started <= one.end and call.ended >= one.start for one in told)
    ]


def tell(pid: int, number: signal.Signals) -> None:
    """Send the signal to a process and all that descend from it, itself first."""
    for one in _tree(pid):
        try:
            os.kill(one, number)
        except ProcessLookupError:
            continue  # ended meanwhile


def _tree(pid: int) -> list[int]:
    try:
        lists = [file.read_text() for file in Path(f"/proc/{pid}").glob("task/*/children")]
    except OSError:
        lists = []
    below = [int(child) for text in lists for child in text.split()]
    return [pid, *(one for child in below for one in _tree(child))]
