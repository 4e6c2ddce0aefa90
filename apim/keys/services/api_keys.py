"""API keys: issued, rotated with a grace, revoked. The secret leaves here once and is not stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apim.audit.services import changes, record
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.keys import secrets
from apim.keys.errors import (
    GraceAlreadyExtended,
    KeyAlreadyRotated,
    KeyNotActive,
    KeyNotInGrace,
)
from apim.keys.guards import fitting, lock_active_application
from apim.keys.models import ApiKey, KeyLimit
from apim.keys.rules import KeyRules, checked_rules, rules_of
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from typing import Any

    from apim.audit.actors import Actor
    from apim.keys.models import Application

ANYTHING = KeyRules()
# How many keys one request may revoke.
MAX_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its secret, for the one answer that shows it."""

    key: ApiKey
    secret: str = field(repr=False)  # a log line of this object must not hold it


@transaction.atomic
def issue_key(
    *,
    actor: Actor,
    application: Application,
    environment: str = ApiKey.Environment.LIVE,
    name: str = "",
    expires_at: datetime | None = None,
    rules: KeyRules = ANYTHING,
) -> IssuedKey:
    """Make a key for the application, good for what the rules leave of its plans.

    Raises InvalidInput, ApplicationNotActive, OrganizationSuspended.
    """
    application = lock_active_application(application)
    if environment not in ApiKey.Environment.values:
        raise InvalidInput(fields={"environment": [_("Choose live or test.")]})
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInput(fields={"expires_at": [_("Choose an instant in the future.")]})
    name = fitting(ApiKey, "name", name)
    rules = checked_rules(application, rules)
    issued = _create(actor, application, environment, name, expires_at, rules)
    record(actor, "key.issued", issued.key, after=_facts(issued.key))
    publish("key.issued", key_id=issued.key.pk)
    return issued


@transaction.atomic
def update_key(*, actor: Actor, key: ApiKey, name: str) -> ApiKey:
    """Rename the key. Raises InvalidInput."""
    row = ApiKey.objects.select_for_update().get(pk=key.pk)
    before, row.name = row.name, fitting(ApiKey, "name", name)
    if before != row.name:
        row.save(update_fields=["name"])
        record(actor, "key.renamed", row, before={"name": before}, after={"name": row.name})
    return row


@transaction.atomic
def change_key_rules(*, actor: Actor, key: ApiKey, rules: KeyRules) -> ApiKey:
    """Replace what the key may do; holds at the gateways within a second.

    Raises InvalidInput, KeyNotActive.
    """
    row = (
        ApiKey.objects.select_for_update(of=("self",)).select_related("application").get(pk=key.pk)
    )
    if not row.is_usable:
        raise KeyNotActive
    old, new = changes(
        _rule_facts(rules_of(row)),
        _rule_facts(rules := checked_rules(row.application, rules, already=row.scopes)),
    )
    if new:
        row.scopes, row.cidrs, row.origins = map(list, (rules.scopes, rules.cidrs, rules.origins))
        row.save(update_fields=["scopes", "cidrs", "origins"])
        row.limits.all().delete()
        _limit(row, rules)
        record(actor, "key.rules_changed", row, before=old, after=new)
        publish("key.changed", key_id=row.pk)
    return row


@transaction.atomic
def rotate_key(*, actor: Actor, key: ApiKey, grace: timedelta) -> IssuedKey:
    """Issue a successor with the same rules; the old key lives for `grace`, at most to its expiry.

    A grace of zero revokes the old key at once. The successor lives as long from now as the old
    key did from its issue.
    Raises KeyNotActive, KeyAlreadyRotated, InvalidInput for the grace, ApplicationNotActive,
    OrganizationSuspended.
    """
    _check_grace(grace)
    application = lock_active_application(key.application)
    old = ApiKey.objects.get(pk=key.pk)
    _require_rotatable(old)
    now = clock.now()
    lifetime = old.lifetime
    ends_at = min(now + grace, old.expires_at) if old.expires_at else now + grace
    issued = _create(
        actor,
        application,
        old.environment,
        old.name,
        now + lifetime if lifetime else None,
        rules_of(old),
    )
    if not ApiKey.objects.start_rotation(old, successor=issued.key, ends_at=ends_at, at=now):
        # Revoked, expired or rotated since it was read; the transaction takes the successor back.
        old.refresh_from_db()
        _require_rotatable(old)
        raise KeyNotActive
    old.refresh_from_db()
    record(actor, "key.issued", issued.key, after=_facts(issued.key))
    record(
        actor,
        "key.rotated",
        old,
        before={"expires_at": _instant(old.own_expires_at)},
        after={"expires_at": _instant(ends_at), "successor": issued.key.public_id},
    )
    publish("key.issued", key_id=issued.key.pk)
    publish("key.rotated" if old.is_usable else "key.revoked", key_id=old.pk)
    return issued


@transaction.atomic
def extend_grace(*, actor: Actor, key: ApiKey, grace: timedelta) -> ApiKey:
    """Let a rotated key live until `grace` from now; once for each rotation.

    Never past its own expiry, nor past the longest grace counted from its rotation.
    Raises KeyNotInGrace when it is not rotated, is over, or would not live longer,
    GraceAlreadyExtended, InvalidInput.
    """
    _check_grace(grace)
    row = ApiKey.objects.select_for_update().get(pk=key.pk)
    if row.rotated_at is None:
        raise KeyNotInGrace
    if row.grace_extended_at is not None:
        raise GraceAlreadyExtended
    now = clock.now()
    bounds = [now + grace, row.rotated_at + max_grace()]
    if row.own_expires_at is not None:
        bounds.append(row.own_expires_at)
    before = row.expires_at
    if not ApiKey.objects.extend_grace(row, ends_at=min(bounds), at=now):
        raise KeyNotInGrace
    row.refresh_from_db()
    record(
        actor,
        "key.grace_extended",
        row,
        before={"expires_at": _instant(before)},
        after={"expires_at": _instant(row.expires_at)},
    )
    publish("key.changed", key_id=row.pk)
    return row


@transaction.atomic
def end_grace_now(*, actor: Actor, key: ApiKey) -> ApiKey:
    """Revoke a rotated key before its grace is over. Raises KeyNotInGrace."""
    row = ApiKey.objects.select_for_update().get(pk=key.pk)
    if row.status != ApiKey.Status.GRACE:
        raise KeyNotInGrace
    return _revoke(actor, row, "key.grace_ended")


@transaction.atomic
def revoke_key(*, actor: Actor, key: ApiKey) -> ApiKey:
    """Stop the key for good; gateways refuse it within a second.

    Raises KeyNotActive when it is already revoked.
    """
    return _revoke(actor, key, "key.revoked")


@transaction.atomic
def revoke_keys(*, actor: Actor, keys: Iterable[ApiKey]) -> int:
    """Stop several keys for good, all in one transaction; returns how many still worked.

    Raises InvalidInput for more than MAX_AT_ONCE.
    """
    rows = sorted(keys, key=lambda key: key.pk)  # one order, so that two requests never deadlock
    if len(rows) > MAX_AT_ONCE:
        message = _("At most %(most)d keys at once.") % {"most": MAX_AT_ONCE}
        raise InvalidInput(message, fields={"keys": [message]})
    revoked = 0
    for key in rows:
        if ApiKey.objects.revoke(key, at=clock.now()):
            _tell_revoked(actor, key, "key.revoked")
            revoked += 1
    return revoked


@transaction.atomic
def rehash_key(*, key_id: int, digest: str, pepper_version: int) -> bool:
    """Store the key under another pepper's digest; False when it is so stored already.

    Changes nothing that people see, so no audit event is written.
    """
    try:
        with transaction.atomic():
            changed = ApiKey.objects.rehash(key_id, digest=digest, pepper_version=pepper_version)
    except IntegrityError:  # another key has this digest: the message was not ours
        return False
    if changed:
        publish("key.changed", key_id=key_id)
    return changed


def max_grace() -> timedelta:
    """The longest grace that a rotation may give."""
    return timedelta(hours=settings.APIM_ROTATION_GRACE_MAX_HOURS)


def _revoke(actor: Actor, key: ApiKey, action: str) -> ApiKey:
    if not ApiKey.objects.revoke(key, at=clock.now()):
        raise KeyNotActive
    _tell_revoked(actor, key, action)
    return key


def _tell_revoked(actor: Actor, key: ApiKey, action: str) -> None:
    key.refresh_from_db()
    record(actor, action, key, before={"state": "active"}, after={"state": "revoked"})
    publish("key.revoked", key_id=key.pk)


def _create(
    actor: Actor,
    application: Application,
    environment: str,
    name: str,
    expires_at: datetime | None,
    rules: KeyRules,
) -> IssuedKey:
    secret = secrets.generate(brand=settings.APIM_KEY_BRAND, environment=environment)
    parts = secrets.parse(secret)
    assert parts is not None, "a generated key has a right checksum"
    pepper = secrets.read_peppers(settings.APIM_KEY_PEPPER)[0]
    key = ApiKey.objects.create(
        organization=application.organization,
        application=application,
        environment=environment,
        name=name,
        start=parts.start,
        last4=secret[-4:],
        digest=secrets.digest(secret, pepper.secret),
        pepper_version=pepper.version,
        created_by=actor.label[:200],
        creator_id=actor.user_pk,
        expires_at=expires_at,
        scopes=list(rules.scopes),
        cidrs=list(rules.cidrs),
        origins=list(rules.origins),
    )
    _limit(key, rules)
    return IssuedKey(key=key, secret=secret)


def _limit(key: ApiKey, rules: KeyRules) -> None:
    KeyLimit.objects.bulk_create(
        KeyLimit(organization_id=key.organization_id, key=key, **asdict(given))
        for given in rules.limits
    )


def _require_rotatable(key: ApiKey) -> None:
    if not key.is_usable:
        raise KeyNotActive
    if key.is_rotated:
        raise KeyAlreadyRotated


def _check_grace(grace: timedelta) -> None:
    if not timedelta(0) <= grace <= max_grace():
        message = _("Choose a grace between now and %(days)d days.") % {"days": max_grace().days}
        raise InvalidInput(message, fields={"grace": [message]})


def _facts(key: ApiKey) -> dict[str, Any]:
    rules = {name: value for name, value in _rule_facts(rules_of(key)).items() if value}
    return {
        "application": key.application.public_id,
        "environment": key.environment,
        "name": key.name,
        "expires_at": _instant(key.expires_at),
        **rules,
    }


def _rule_facts(rules: KeyRules) -> dict[str, Any]:
    return {
        "scopes": list(rules.scopes),
        "cidrs": list(rules.cidrs),
        "origins": list(rules.origins),
        "limits": [asdict(given) for given in rules.limits],
    }


def _instant(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
