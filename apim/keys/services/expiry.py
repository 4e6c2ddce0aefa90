"""Notices before keys expire, each given once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from apim.core import clock
from apim.keys.models import ApiKey, Application, KeyNotice
from apim.keys.selectors import people_of_key
from apim.outbox.services import publish

if TYPE_CHECKING:
    from datetime import datetime

# So many days before its expiry people are told of a key, the nearest first.
NOTICE_DAYS = (1, 7, 30)


def announce_expiries() -> int:
    """Tell the people of every key that expires soon, once at 30, 7 and 1 days before.

    A key that was never meant to live longer than such a time is not announced at its start, nor
    one that has been replaced. Returns how many keys were announced.
    """
    now = clock.now()
    nearest = timedelta(0)
    announced = 0
    for days in NOTICE_DAYS:
        until = timedelta(days=days)
        announced += sum(_announce(key, days) for key in _due(now, nearest, until, days))
        nearest = until
    return announced


def _due(now: datetime, nearest: timedelta, until: timedelta, days: int) -> list[ApiKey]:
    """Keys that expire after `nearest` and by `until` and were not announced in that time."""
    rows = ApiKey.objects.usable(now).filter(
        expires_at__gt=now + nearest,
        expires_at__lte=now + until,
        successor__isnull=True,
        is_cut_short=False,  # the mail about its leak has said so
        created_at__lt=F("expires_at") - until,
        application__state=Application.State.ACTIVE,
    )
    found: list[ApiKey] = list(rows.exclude(notices__days=days).order_by("pk"))
    return found


@transaction.atomic
def _announce(key: ApiKey, days: int) -> bool:
    _notice, is_new = KeyNotice.objects.get_or_create(
        key=key, days=days, defaults={"organization_id": key.organization_id}
    )
    if is_new:
        for person in people_of_key(key):
            publish("key.expires_soon", key_id=key.pk, user_id=person.pk)
    return is_new
