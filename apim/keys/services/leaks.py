"""Leaked keys: reported by anybody or by a scanner, and stopped as the organization wishes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.keys.models import ApiKey, LeakAction, LeakPolicy, LeakReport
from apim.keys.selectors import find_key, people_of_key
from apim.outbox.services import publish

if TYPE_CHECKING:
    from apim.accounts.models import Organization
    from apim.audit.actors import Actor

# Who holds a leaked key can call at once, so nothing waits for somebody to read mail (ADR 0015).
DEFAULT_ACTION = LeakAction.REVOKE
TIME_TO_ROTATE = timedelta(hours=24)
QUIET = timedelta(days=1)


def leak_action(organization: Organization) -> LeakAction:
    """What the organization wants done with a leaked key."""
    chosen = LeakPolicy.objects.filter(organization=organization).values_list("action", flat=True)
    return LeakAction(chosen.first() or DEFAULT_ACTION)


@transaction.atomic
def set_leak_policy(*, actor: Actor, organization: Organization, action: str) -> LeakAction:
    """Choose what happens to leaked keys from now on. Raises InvalidInput."""
    if action not in LeakAction.values:
        raise InvalidInput(fields={"action": [_("Choose one of the three.")]})
    before = leak_action(organization)
    LeakPolicy.objects.update_or_create(organization=organization, defaults={"action": action})
    if before != action:
        record(
            actor,
            "leak_policy.changed",
            organization,
            before={"action": before},
            after={"action": action},
            organization_id=organization.pk,
        )
    return LeakAction(action)


@transaction.atomic
def report_leak(
    *,
    actor: Actor,
    text: str,
    source: str,
    url: str = "",
    kind: str = "",
    note: str = "",
) -> LeakReport | None:
    """Stop the key that has this text, by its organization's policy, and tell its people.

    None when no key of ours has it. The same key found again at the same place is one report,
    and nothing is done a second time.
    """
    key = find_key(text)
    if key is None:
        return None
    report = LeakReport(
        organization=key.organization,
        key=key,
        source=source,
        url=_without(text, url)[:500],
        kind=_without(text, kind)[:60],
        note=_without(text, note)[:1000],
    )
    try:
        with transaction.atomic():
            report.save()
    except IntegrityError:
        return LeakReport.objects.get(key=key, source=source, url=report.url)
    _act(actor, report)
    record(
        actor,
        "key.leaked",
        key,
        after={"source": report.source, "url": report.url, "action": report.action},
    )
    if report.action or not _was_told_lately(report):
        for person in people_of_key(key):
            publish("key.leaked", report_id=report.pk, user_id=person.pk)
    return report


def _was_told_lately(report: LeakReport) -> bool:
    """A scanner finds a dead key at many places; one mail a day is enough."""
    others = LeakReport.objects.filter(key=report.key).exclude(pk=report.pk)
    return others.filter(reported_at__gt=clock.now() - QUIET).exists()


def _act(actor: Actor, report: LeakReport) -> None:
    """Do what the policy says and note it; nothing is left to do for a key that has ended."""
    key = report.key
    if not key.is_usable:
        return
    action = leak_action(report.organization)
    now = clock.now()
    if action == LeakAction.REVOKE:
        if ApiKey.objects.revoke(key, at=now):
            record(
                actor, "key.revoked", key, before={"state": "active"}, after={"state": "revoked"}
            )
            publish("key.revoked", key_id=key.pk)
    elif action == LeakAction.EXPIRE:
        before = key.expires_at
        if ApiKey.objects.cut_short(key, ends_at=now + TIME_TO_ROTATE):
            key.refresh_from_db()
            record(
                actor,
                "key.expiry_changed",
                key,
                before={"expires_at": before.isoformat() if before else None},
                after={"expires_at": (now + TIME_TO_ROTATE).isoformat()},
            )
            publish("key.changed", key_id=key.pk)
    key.refresh_from_db()
    report.action = action
    report.save(update_fields=["action"])


def _without(secret: str, text: str) -> str:
    """What reporters write may repeat the key; it is stored nowhere."""
    return text.strip().replace(secret, "…").replace("\0", "")
