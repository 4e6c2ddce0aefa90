"""Usage at a steady rate, cheaply made: what other benchmarks measure beside."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

import httpx

from benchmarks.intake import LINES, Intake

if TYPE_CHECKING:
    from benchmarks.stage import Stage

SENDERS = 2
_MARK = b"load-0000000000"


class SteadyLoad:
    """Deliveries of LINES events at a rate, while the `with` block lasts.

    One delivery is made once; of the next ones only the ids and the instants differ.
    """

    def __init__(self, stage: Stage, events_per_second: float) -> None:
        self._url = f"{stage.web_url}/gateway/v1/usage"
        self._token = stage.gateway_token
        self._every = LINES / events_per_second
        self._template = Intake(stage).lines(id_mark=_MARK.decode())
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        self.accepted = 0
        self.refused = 0
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _send(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx.Client(headers=headers, timeout=30) as client:
            while not self._stop.is_set():
                with self._lock:
                    number, self._number = self._number, self._number + 1
                due = self._started + number * self._every
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return
                body = self._template.replace(_MARK, b"load-%010d" % number)
                answer = client.post(self._url, content=body)
                with self._lock:
                    if answer.status_code == 200:
                        self.accepted += answer.json()["accepted"]
                    else:
                        self.refused += 1
