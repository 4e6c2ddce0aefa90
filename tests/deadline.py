"""Waiting for a real process without sleeping blindly."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, seconds: float = 10, every: float = 0.02) -> T:
    """Return the first true answer of `probe`; fail at the deadline."""
    give_up_at = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < give_up_at, f"{probe} stayed false for {seconds} s"
        time.sleep(every)
    return answer
