"""What the authorizer must know of API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from apim.core import clock
from apim.gateway import grant_format as wire
from apim.keys import secrets
from apim.keys.models import ApiKey, KeyLimit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta


class _Row(NamedTuple):
    """The columns that count: reading whole keys would take four times as long."""

    pk: int
    public_id: str
    application: str
    environment: str
    state: str
    expires_at: datetime | None
    digest: str
    former_digest: str
    is_imported: bool
    scopes: list[str]
    cidrs: list[str]
    origins: list[str]


_COLUMNS = tuple("application__public_id" if one == "application" else one for one in _Row._fields)


def key_values(ids: Sequence[int], *, expired_told: timedelta) -> dict[str, bytes | None]:
    """The values of the keys with these primary keys, None for those that must not be there.

    An expired key is told for `expired_told`, so that it is refused as expired. A key that was
    hashed anew is no longer told under its former digest.
    """
    values: dict[str, bytes | None] = {}
    forgotten_at = clock.now() - expired_told
    limits = _limits(ids)
    has_imported = False
    for row in ApiKey.objects.filter(pk__in=ids).order_by().values_list(*_COLUMNS):
        key = _Row._make(row)
        is_told = key.state == ApiKey.State.ACTIVE and (
            key.expires_at is None or key.expires_at > forgotten_at
        )
        if key.former_digest:
            values[wire.key_name(key.former_digest)] = None
        grant = _grant(key, limits.get(key.pk, ())) if is_told else None
        values[wire.key_name(key.digest)] = msgspec.json.encode(grant) if grant else None
        has_imported = has_imported or key.is_imported
    if has_imported:
        active = ApiKey.objects.filter(is_imported=True, state=ApiKey.State.ACTIVE)
        values[secrets.IMPORTED] = b"1" if active.exists() else None
    return values


def _grant(key: _Row, limits: Iterable[KeyLimit]) -> wire.KeyGrant:
    return wire.KeyGrant(
        id=key.public_id,
        pk=key.pk,
        app=key.application,
        env=key.environment,
        exp=key.expires_at.timestamp() if key.expires_at else None,
        scopes=tuple(key.scopes),
        cidrs=tuple(key.cidrs),
        origins=tuple(key.origins),
        limits=tuple(_limit(limit) for limit in limits),
    )


def _limits(key_ids: Sequence[int]) -> dict[int, list[KeyLimit]]:
    found: dict[int, list[KeyLimit]] = {}
    for limit in KeyLimit.objects.filter(key_id__in=key_ids).order_by("pk"):
        found.setdefault(limit.key_id, []).append(limit)
    return found


def _limit(limit: KeyLimit) -> wire.LimitGrant:
    return wire.LimitGrant(
        name=limit.policy_name,
        quota=limit.quota,
        window=limit.window,
        kind=limit.kind,
        every=limit.every,
        per="key",
        group=limit.group,
    )
