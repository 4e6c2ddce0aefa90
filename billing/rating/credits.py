"""Prepaid credit: which grants pay a bill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """Credit that is left. A smaller `priority` is used first."""

    id: int
    currency: str
    left_minor: int
    priority: int
    granted_at: datetime
    expires_at: datetime | None = None

    def is_usable(self, at: datetime) -> bool:
        return self.left_minor > 0 and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class CreditUse:
    grant_id: int
    amount_minor: int


def use_credits(
    due_minor: int, currency: str, grants: Iterable[Grant], *, at: datetime
) -> tuple[CreditUse, ...]:
    """What each grant pays of `due_minor`: by priority, then the one that expires first, then age.

    Only grants of the same currency that have not expired at `at` are used.
    """
    usable = [grant for grant in grants if grant.currency == currency and grant.is_usable(at)]
    uses = []
    for grant in sorted(usable, key=_turn):
        paid = min(grant.left_minor, due_minor)
        if paid <= 0:
            break
        due_minor -= paid
        uses.append(CreditUse(grant.id, paid))
    return tuple(uses)


def _turn(grant: Grant) -> tuple[int, bool, float, datetime, int]:
    expires = grant.expires_at
    return (
        grant.priority,
        expires is None,
        expires.timestamp() if expires else 0.0,
        grant.granted_at,
        grant.id,
    )
