"""Topic -> subscribers, filled once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A Celery task, by name, that takes the payload as keyword arguments.

    An `immediate` one is also tried in the publishing process right after the commit, so that
    it does not wait for a worker (a revoked key must stop within a second); if that fails, the
    worker does it.
    """

    task: str
    immediate: bool = False


_SUBSCRIBERS: dict[str, tuple[Subscriber, ...]] = {}


def register(subscribers: Mapping[str, tuple[Subscriber, ...]]) -> None:
    """Take the composition root's table."""
    _SUBSCRIBERS.update(subscribers)


def subscribers_of(topic: str) -> tuple[Subscriber, ...]:
    return _SUBSCRIBERS.get(topic, ())
