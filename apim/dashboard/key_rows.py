"""API keys as the dashboard lists them: with their last call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.selectors import last_used

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from apim.keys.models import ApiKey


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key with its last call, from usage where it is newer than what the key itself notes."""

    key: ApiKey
    last_used_at: datetime | None


def key_rows(keys: Iterable[ApiKey]) -> list[KeyRow]:
    """In the same order."""
    listed = list(keys)
    counted = last_used([key.pk for key in listed])
    rows = []
    for key in listed:
        known = [at for at in (key.last_used_at, counted.get(key.pk)) if at is not None]
        rows.append(KeyRow(key, max(known, default=None)))
    return rows
