"""Mails about API keys, each to one person in that person's language and time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from apim.accounts.mail import absolute_url, compose
from apim.keys.models import LeakAction, Subscription

if TYPE_CHECKING:
    from apim.accounts.models import User
    from apim.keys.models import ApiKey, LeakReport


def send_expiry_notice(key: ApiKey, person: User) -> None:
    """Say when the key ends and where to rotate it; nothing when that was done meanwhile."""
    if not key.is_usable or key.is_rotated or key.expires_at is None:
        return
    context = {"rotate_url": absolute_url(reverse("portal:key-rotate", args=[key.public_id]))}
    _send("emails/key_expires", key, person, context)


def send_leak_notice(report: LeakReport, person: User) -> None:
    """Say where the key was found and what was done about it."""
    key = report.key
    if report.action == LeakAction.REVOKE or not key.is_usable:
        page = reverse("portal:key", args=[key.public_id])
        context: dict[str, Any] = {"key_url": absolute_url(page)}
    else:
        page = reverse("portal:key-rotate", args=[key.public_id])
        context = {"rotate_url": absolute_url(page)}
    _send("emails/key_leaked", key, person, {"report": report, **context})


def _send(prefix: str, key: ApiKey, person: User, context: dict[str, Any]) -> None:
    open_ones = Subscription.objects.filter(application=key.application).open()
    rows = open_ones.select_related("plan", "product").prefetch_related("product__versions__api")
    offers = [
        {
            "plan": row.plan.name,
            "product": row.product.name,
            "apis": ", ".join(
                dict.fromkeys(version.api.name for version in row.product.versions.all())
            ),
        }
        for row in rows.order_by("pk")
    ]
    shared = {"key": key, "application": key.application, "offers": offers, "user": person}
    with override(person.language), timezone.override(zone_of(person)):
        compose(prefix, person.email, {**shared, **context}).send()


def zone_of(person: User) -> ZoneInfo:
    """The person's time zone, or UTC."""
    try:
        return ZoneInfo(person.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
