"""What the authorizer must know of API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from apim.core import clock
from apim.gateway import grant_format as wire
from apim.keys import secrets
from apim.keys.models import ApiKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from apim.keys.models import KeyLimit


def key_values(ids: Sequence[int], *, expired_told: timedelta) -> dict[str, bytes | None]:
    """The values of the keys with these primary keys, None for those that must not be there.

    An expired key is told for `expired_told`, so that it is refused as expired. A key that was
    hashed anew is no longer told under its former digest.
    """
    values: dict[str, bytes | None] = {}
    forgotten_at = clock.now() - expired_told
    rows = ApiKey.objects.filter(pk__in=ids).select_related("application")
    has_imported = False
    for key in rows.prefetch_related("limits"):
        is_told = key.state == ApiKey.State.ACTIVE and (
            key.expires_at is None or key.expires_at > forgotten_at
        )
        if key.former_digest:
            values[wire.key_name(key.former_digest)] = None
        values[wire.key_name(key.digest)] = msgspec.json.encode(_grant(key)) if is_told else None
        has_imported = has_imported or key.is_imported
    if has_imported:
        active = ApiKey.objects.filter(is_imported=True, state=ApiKey.State.ACTIVE)
        values[secrets.IMPORTED] = b"1" if active.exists() else None
    return values


def _grant(key: ApiKey) -> wire.KeyGrant:
    return wire.KeyGrant(
        id=key.public_id,
        pk=key.pk,
        app=key.application.public_id,
        env=key.environment,
        exp=key.expires_at.timestamp() if key.expires_at else None,
        scopes=tuple(key.scopes),
        cidrs=tuple(key.cidrs),
        origins=tuple(key.origins),
        limits=tuple(_limit(limit) for limit in key.limits.all()),
    )


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
