"""API keys as the portal shows them: state, thirty days of calls, what may be done now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from analytics.reports import UsageFilters
from analytics.selectors import key_sparklines, last_used, usage_totals
from apim.core import clock
from apim.keys.models import ApiKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django_stubs_ext import StrOrPromise

SPARKLINE_DAYS = 30
EXPIRES_SOON = timedelta(days=14)
# What people see -> the name of the badge that draws it.
BADGES = {
    ApiKey.Status.ACTIVE: "active",
    ApiKey.Status.GRACE: "rotating",
    ApiKey.Status.EXPIRED: "expired",
    ApiKey.Status.REVOKED: "revoked",
}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`calls` and `errors` hold one number per day, oldest first."""

    key: ApiKey
    badge: str
    label: StrOrPromise
    calls: tuple[int, ...]
    errors: tuple[int, ...]
    is_ending_soon: bool
    last_used_at: datetime | None

    @property
    def age_days(self) -> int:
        return (clock.now() - self.key.created_at).days

    @property
    def is_in_grace(self) -> bool:
        return self.key.status == ApiKey.Status.GRACE

    @property
    def can_rotate(self) -> bool:
        return self.key.status == ApiKey.Status.ACTIVE

    @property
    def can_revoke(self) -> bool:
        return self.key.is_usable

    @property
    def total_calls(self) -> int:
        return sum(self.calls)

    @property
    def total_errors(self) -> int:
        return sum(self.errors)


def key_rows(keys: Sequence[ApiKey]) -> list[KeyRow]:
    """The keys in the same order, with their last thirty days (UTC)."""
    sparklines = key_sparklines([key.pk for key in keys], SPARKLINE_DAYS)
    seen = last_used([key.pk for key in keys])
    soon = clock.now() + EXPIRES_SOON
    return [
        KeyRow(
            key=key,
            badge=BADGES[key.status],
            label=key.status.label,
            calls=sparklines[key.pk].calls,
            errors=sparklines[key.pk].errors,
            last_used_at=_latest(seen.get(key.pk), key.last_used_at),
            is_ending_soon=key.is_usable and key.expires_at is not None and key.expires_at < soon,
        )
        for key in keys
    ]


def _latest(counted: datetime | None, noted: datetime | None) -> datetime | None:
    """Usage knows of a call at once, the key a little later; usage of long ago may be gone."""
    return max((at for at in (counted, noted) if at is not None), default=None)


def key_row(key: ApiKey) -> KeyRow:
    return key_rows([key])[0]


def calls_in_the_last_hour(key: ApiKey) -> int:
    """What would start failing if the key stopped now."""
    now = clock.now()
    period = clock.Period(now - timedelta(hours=1), now)
    return usage_totals(key.organization, period=period, filters=UsageFilters(key=key.pk)).calls
