"""API keys, their own limits, and what was said of their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from apim.catalog.limit_terms import (
    GROUP_MAX_LENGTH,
    LimitKind,
    LimitPer,
    LimitTerms,
    LimitWindow,
    default_name,
    terms_checks,
)
from apim.catalog.limit_words import span
from apim.core import clock
from apim.core.ids import PublicIdField
from apim.keys.models.access import Application
from apim.keys.sightings import Sighting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from apim.accounts.models import Organization


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def for_organization(self, organization: Organization) -> ApiKeyQuerySet:
        return self.filter(organization=organization)

    def usable(self, at: datetime) -> ApiKeyQuerySet:
        """Not revoked and not past expiry."""
        return self.filter(state=ApiKey.State.ACTIVE).filter(
            models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=at)
        )

    def start_rotation(
        self, key: ApiKey, *, successor: ApiKey, ends_at: datetime, at: datetime
    ) -> bool:
        """Compare and set: False when the key is no longer usable or another rotation was first.

        The key lives until `ends_at`; when that is `at`, it is revoked instead.
        """
        values: dict[str, Any] = {"expires_at": ends_at}
        if ends_at <= at:
            values = {"state": ApiKey.State.REVOKED, "revoked_at": at}
        fresh = self.usable(at).filter(pk=key.pk, successor__isnull=True)
        return (
            fresh.update(
                successor=successor,
                rotated_at=at,
                own_expires_at=models.F("expires_at"),
                **values,
            )
            == 1
        )

    def extend_grace(self, key: ApiKey, *, ends_at: datetime, at: datetime) -> bool:
        """Compare and set, once for each rotation.

        False unless the key is rotated, usable, not yet extended and would live longer.
        """
        rotated = self.usable(at).filter(
            pk=key.pk, successor__isnull=False, grace_extended_at__isnull=True
        )
        later = rotated.filter(expires_at__lt=ends_at)
        return later.update(expires_at=ends_at, grace_extended_at=at) == 1

    def cut_short(self, key: ApiKey, *, ends_at: datetime) -> bool:
        """Compare and set: False when the key ends by then anyway or is revoked.

        What it was meant to live is kept for its successor; a grace can no longer be extended.
        """
        longer = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=ends_at)
        active = self.filter(longer, pk=key.pk, state=ApiKey.State.ACTIVE)
        rotated = active.filter(successor__isnull=False)
        if rotated.update(expires_at=ends_at, own_expires_at=ends_at) == 1:
            return True
        planned = models.F("expires_at")
        return (
            active.filter(successor__isnull=True).update(
                own_expires_at=planned, expires_at=ends_at, is_cut_short=True
            )
            == 1
        )

    def rehash(self, key_id: int, *, digest: str, pepper_version: int) -> bool:
        """Compare and set: False when the key is stored under that pepper already."""
        other = self.filter(pk=key_id).exclude(pepper_version=pepper_version)
        return (
            other.update(
                former_digest=models.F("digest"), digest=digest, pepper_version=pepper_version
            )
            == 1
        )

    def revoke(self, key: ApiKey, *, at: datetime) -> bool:
        """Compare and set: False when the key is already revoked."""
        active = self.filter(pk=key.pk, state=ApiKey.State.ACTIVE)
        return active.update(state=ApiKey.State.REVOKED, revoked_at=at) == 1

    def mark_used(self, last_used: Mapping[int, Sighting | datetime]) -> int:
        """Note where keys were last seen, by primary key; never back in time.

        Returns the rows set.
        """
        if not last_used:
            return 0
        table = connection.ops.quote_name(self.model._meta.db_table)
        sightings = [
            seen if isinstance(seen, Sighting) else Sighting(seen) for seen in last_used.values()
        ]
        with connection.cursor() as cursor:
            cursor.execute(
                # One statement however many keys; the subquery locks them in one order.
                "WITH used(id, at, ip, gateway) AS (SELECT * FROM unnest("  # noqa: S608  the table's name is ours
                "%s::bigint[], %s::timestamptz[], %s::inet[], %s::text[])), "
                f"rows AS (SELECT k.id, used.at, used.ip, used.gateway FROM {table} k "
                "JOIN used USING (id) "
                "WHERE k.last_used_at IS NULL OR k.last_used_at < used.at "
                "OR (k.last_used_at = used.at AND used.ip IS NOT NULL AND k.last_used_ip IS NULL) "
                "ORDER BY k.id FOR UPDATE OF k) "
                f"UPDATE {table} k SET last_used_at = rows.at, last_used_ip = rows.ip, "
                "last_used_gateway = rows.gateway FROM rows WHERE k.id = rows.id",
                [
                    list(last_used.keys()),
                    [sighting.at for sighting in sightings],
                    [sighting.ip for sighting in sightings],
                    [sighting.gateway for sighting in sightings],
                ],
            )
            return int(cursor.rowcount)


class ApiKey(models.Model):
    """An application's credential. Only a keyed hash is stored; the key is shown once.

    A rotated key stays active until `expires_at`, the end of the grace its owner chose;
    `successor` names the key that takes its place.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        REVOKED = "revoked", _("Revoked")

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        GRACE = "grace", _("In grace")
        EXPIRED = "expired", _("Expired")
        REVOKED = "revoked", _("Revoked")

    class Environment(models.TextChoices):
        LIVE = "live", _("Live")
        TEST = "test", _("Test")

    public_id = PublicIdField(prefix="key")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="api_keys"
    )
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="api_keys")
    environment = models.CharField(
        _("environment"), max_length=4, choices=Environment.choices, default=Environment.LIVE
    )
    name = models.CharField(_("name"), max_length=80, blank=True)
    # The readable beginning, brand and environment included, and the last four characters.
    start = models.CharField(max_length=24)
    last4 = models.CharField(max_length=4)
    # HMAC-SHA256 of the whole key under the pepper of `pepper_version`, hex; version 0 says that it
    # is a plain SHA-256, under which a key was imported and has not been seen since.
    digest = models.CharField(max_length=64, unique=True)
    pepper_version = models.PositiveSmallIntegerField(default=1)
    # What it was stored under before it was hashed anew, so that the projection removes it.
    former_digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    # Its text is another system's, so it has no checksum of ours.
    is_imported = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)
    # Gets the mails about the key, beside the organization's owners.
    creator = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    # Operation groups (OpenAPI tags), networks and browsers' origins; empty: any.
    scopes = ArrayField(
        models.CharField(max_length=GROUP_MAX_LENGTH), default=list, blank=True, db_default=[]
    )
    cidrs = ArrayField(models.CharField(max_length=43), default=list, blank=True, db_default=[])
    origins = ArrayField(models.CharField(max_length=200), default=list, blank=True, db_default=[])
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    # The expiry it had before its rotation (no grace goes past it), or before it was cut short.
    own_expires_at = models.DateTimeField(null=True)
    # It ends sooner than it was meant to, because it leaked.
    is_cut_short = models.BooleanField(default=False, db_default=False)
    rotated_at = models.DateTimeField(null=True)
    grace_extended_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    successor = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, related_name="predecessor"
    )
    # From which address and by which gateway's report, as far as it said.
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.GenericIPAddressField(null=True)
    last_used_gateway = models.CharField(max_length=80, blank=True, default="", db_default="")

    objects: ClassVar = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "API key"
        indexes = [
            # Whether there are any is asked whenever one of them is projected.
            models.Index(
                fields=["id"],
                condition=models.Q(is_imported=True, state="active"),
                name="api_key_imported",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.start}…{self.last4}"

    @property
    def is_rotated(self) -> bool:
        return self.successor_id is not None

    @property
    def status(self) -> Status:
        """The state as people see it: expiry and a running grace included."""
        if self.state == self.State.REVOKED:
            return self.Status.REVOKED
        if self.expires_at is not None and self.expires_at <= clock.now():
            return self.Status.EXPIRED
        return self.Status.GRACE if self.is_rotated else self.Status.ACTIVE

    @property
    def is_usable(self) -> bool:
        return self.status in {self.Status.ACTIVE, self.Status.GRACE}

    @property
    def lifetime(self) -> timedelta | None:
        """How long it was meant to live when it was issued; None: for ever."""
        is_cut = self.is_cut_short and not self.is_rotated
        planned = self.own_expires_at if is_cut else self.expires_at
        return planned - self.created_at if planned else None

    @property
    def is_restricted(self) -> bool:
        return bool(self.scopes or self.cidrs or self.origins)


class KeyLimit(LimitTerms):
    """A key's own limit, below those of its application's plans; always hard. See LimitTerms."""

    Kind = LimitKind
    Window = LimitWindow

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="limits")

    class Meta:
        ordering = ["id"]
        constraints = [
            *terms_checks("key_limit"),
            models.UniqueConstraint(
                fields=["key", "window", "every", "group"], name="key_limit_parts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_name}: {self.quota}"

    @property
    def per(self) -> str:
        return LimitPer.KEY.value

    @property
    def is_soft(self) -> bool:
        return False

    @property
    def policy_name(self) -> str:
        return self.name or default_name(
            window=self.window, every=self.every, per=self.per, group=self.group
        )

    @property
    def words(self) -> str:
        """For people: `10 calls per second`, and for which operations."""
        return f"{span(self)} ({self.group})" if self.group else span(self)


class KeyNotice(models.Model):
    """That the owners of a key were told, `days` before its expiry; so they are told once."""

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="notices")
    days = models.PositiveSmallIntegerField()
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "days"], name="key_notice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.days} days"
