"""Work that mostly waits for Stripe's answers, done for several customers at once."""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# An answer of Stripe's takes a quarter of a second, so that these make 40 calls a second. Each has
# a database connection, in up to four tasks at once: PostgreSQL usually has a hundred.
AT_ONCE = 10
# A run ends before the worker's time limit does (CELERY_TASK_SOFT_TIME_LIMIT).
RUN_SECONDS = 200
T = TypeVar("T")


def together(work: Callable[[T], int], parts: Iterable[T], *, at_once: int = AT_ONCE) -> int:
    """The sum of `work` over the parts; each is done whole by one thread, in no order.

    Parts must not touch each other: a customer's things belong into one. Within a transaction they
    are done one after the other, for nobody else would see its rows. What is not begun after
    RUN_SECONDS is left to another run. When one part raises, no other is begun, and what it raised
    is raised here.
    """
    waiting = list(parts)
    crew = _Crew(work, iter(waiting))
    if connection.in_atomic_block or len(waiting) <= 1 or at_once <= 1:
        return sum(work(part) for part in crew.taken())
    threads = [
        threading.Thread(target=copy_context().run, args=(crew.run,))
        for _ in range(min(at_once, len(waiting)))
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException as error:  # such as the worker's time limit: nobody works on unwatched
        crew.error = error
        for thread in threads:
            thread.join()
        raise
    if crew.error is not None:
        raise crew.error
    return crew.total


class _Crew(Generic[T]):
    """Threads that take the next part until there is none; each has its own database connection."""

    def __init__(self, work: Callable[[T], int], parts: Iterator[T]) -> None:
        self.work, self.parts = work, parts
        self.lock = threading.Lock()
        self.total = 0
        self.error: BaseException | None = None
        self.ends_at = time.monotonic() + RUN_SECONDS

    def run(self) -> None:
        try:
            for part in self.taken():
                done = self.work(part)
                with self.lock:
                    self.total += done
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self.error = error
        finally:
            connection.close()

    def taken(self) -> Iterator[T]:
        while self.error is None and time.monotonic() < self.ends_at:
            with self.lock:
                found = list(_first(self.parts))
            if not found:
                return
            yield found[0]


def _first(parts: Iterator[T]) -> Iterator[T]:
    for part in parts:
        yield part
        return
