"""Bounds on processor time that hold on slow machines and on busy ones.

Seconds are those of the machine of docs/benchmarks.md. Work that takes longer here is held against
what a fixed piece of work takes here: without it a bound would measure the machine.
"""

import gc
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

# What the piece of work below takes on that machine, when nothing else runs.
ANCHOR_SECONDS = 0.036
_DOCUMENT = {f"field {i}": {"type": "string", "enum": list(range(20))} for i in range(400)}


@contextmanager
def cpu_seconds_at_most(seconds: float) -> Iterator[None]:
    """Fail if this process works longer than `seconds` of the reference machine in the block.

    What other tests left in memory is hidden from the garbage collector: going through it again and
    again is no cost of the code in the block.
    """
    gc.freeze()
    started = time.process_time()
    try:
        yield
        spent = time.process_time() - started
        if spent > seconds:
            seconds *= max(_anchor() for _ in range(5)) / ANCHOR_SECONDS
    finally:
        gc.unfreeze()
    assert spent <= seconds, (
        f"{spent:.2f} s of processor time; this machine may take {seconds:.2f} s"
    )


def _anchor() -> float:
    """Processor time of a piece of work like that of a parser: dictionaries, strings, calls."""
    started = time.process_time()
    for _ in range(8):
        text = json.dumps(_DOCUMENT, indent=1)
        copy = json.loads(text)
        sum(_size(value) for value in copy.values())
    return time.process_time() - started


def _size(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(_size(part) for part in value.values())
    if isinstance(value, list):
        return 1 + sum(map(_size, value))
    return 1
