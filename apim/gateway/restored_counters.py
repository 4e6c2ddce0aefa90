"""Counters of limits that Redis lost are raised to what the usage log shows.

Counters are never lowered, so raising them twice, or while they count, does no harm. Who knows the
usage registers here, since this app must not know it; see analytics/counters.py.
"""

from __future__ import annotations

import logging
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from apim.gateway import grant_format as wire
from apim.gateway.redis_connection import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

logger = logging.getLogger(__name__)

BATCH = 500
# Calls from before the loss are reported late: for so long each reconciliation looks once more.
AGAIN_SECONDS = 300
# Like take.lua: a minute longer than the window, for those who look.
KEPT_MILLISECONDS = 60_000

_SCRIPT = Path(__file__).with_name("raise.lua").read_text()


class WindowTotal(NamedTuple):
    """Calls in a calendar's or fixed window; `name` ends with its start, `end` is a unix second."""

    name: str
    calls: int
    end: int


class SlidingTotal(NamedTuple):
    """Calls by part of a sliding window; parts and their length are counting.Counted's."""

    name: str
    parts: dict[int, int]
    first_part: int
    length_milliseconds: int


Total = WindowTotal | SlidingTotal
_sources: list[Callable[[float], Iterable[Total]]] = []


def register(source: Callable[[float], Iterable[Total]]) -> None:
    """Name who tells what was counted in the windows that are open at a unix second."""
    if source not in _sources:
        _sources.append(source)


def is_due(*, is_whole: bool) -> bool:
    """Tell whether counters may be missing: Redis is new or emptied, or was so a moment ago."""
    restored_at = last_restored()
    return not is_whole or restored_at is None or redis_now() - restored_at < AGAIN_SECONDS


def last_restored() -> float | None:
    """Unix second in which counters were last lost and restored; None: they are lost."""
    epoch: Any = connection().get(wire.COUNTERS)
    return float(epoch.partition(b".")[0]) if epoch else None


def redis_now() -> float:
    """Unix seconds by the clock that limits are counted by."""
    seconds, microseconds = connection().time()
    return float(seconds + microseconds / 1_000_000)


def restore(*, is_whole: bool) -> int:
    """Raise counters to what is known, and let limits be counted; returns how many were raised.

    In a Redis that may have lost some, a new epoch begins: what was lent before is not given back.
    """
    raised = _raise(total for source in _sources for total in source(redis_now()))
    if not is_whole:
        connection().set(wire.COUNTERS, f"{int(redis_now())}.{token_hex(4)}")
        logger.warning("redis is new: %d counters of limits raised to the usage log's", raised)
    elif raised:
        logger.info("counters: %d raised to what the usage log shows", raised)
    return raised


def _raise(totals: Iterable[Total]) -> int:
    script = connection().register_script(_SCRIPT)
    raised = 0
    for batch in _batches(totals):
        pipe = connection().pipeline(transaction=False)
        for one in batch:
            script(keys=[one.name], args=_arguments(one), client=pipe)
        raised += sum(pipe.execute())
    return raised


def _batches(totals: Iterable[Total]) -> Iterator[list[Total]]:
    batch: list[Total] = []
    for total in totals:
        batch.append(total)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _arguments(total: Total) -> list[str | int]:
    if isinstance(total, WindowTotal):
        return ["w", total.calls, total.end + KEPT_MILLISECONDS // 1000]
    arguments: list[str | int] = ["s", total.first_part]
    arguments.append(total.length_milliseconds + KEPT_MILLISECONDS)
    for part in sorted(total.parts, reverse=True):
        arguments += (part, total.parts[part])
    return arguments
