"""Access: applications, their subscriptions and their API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from apim.core import clock
from apim.core.ids import PublicIdField

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from apim.accounts.models import Organization


class ApplicationQuerySet(models.QuerySet["Application"]):
    def for_organization(self, organization: Organization) -> ApplicationQuerySet:
        return self.filter(organization=organization)

    def existing(self) -> ApplicationQuerySet:
        """All but deleted ones."""
        return self.exclude(state=Application.State.DELETED)

    def change_state(
        self, application: Application, to: str, *, only_from: tuple[str, ...]
    ) -> bool:
        """Compare and set; False when the application is in no state of `only_from`."""
        changed = self.filter(pk=application.pk, state__in=only_from).update(
            state=to, updated_at=clock.now()
        )
        return changed == 1


class Application(models.Model):
    """The customer's program that calls."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")
        DELETED = "deleted", _("Deleted")

    public_id = PublicIdField(prefix="app")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="applications"
    )
    name = models.CharField(_("name"), max_length=120)
    description = models.CharField(_("description"), max_length=400, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = ApplicationQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"],
                condition=~models.Q(state="deleted"),
                name="application_name_per_organization",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def for_organization(self, organization: Organization) -> SubscriptionQuerySet:
        return self.filter(organization=organization)

    def active(self) -> SubscriptionQuerySet:
        return self.filter(state=Subscription.State.ACTIVE)

    def open(self) -> SubscriptionQuerySet:
        return self.filter(state__in=Subscription.OPEN)

    def pending(self) -> SubscriptionQuerySet:
        """Those that wait for approval, the longest first."""
        return self.filter(state=Subscription.State.PENDING).order_by("id")

    def change_state(
        self, subscription: Subscription, to: str, *, only_from: tuple[str, ...], **values: Any
    ) -> bool:
        """Compare and set; False when the subscription is in no state of `only_from`."""
        row = self.filter(pk=subscription.pk, state__in=only_from)
        return row.update(state=to, **values) == 1


class Subscription(models.Model):
    """One application on one plan."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for approval")
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")
        REJECTED = "rejected", _("Rejected")
        CANCELLED = "cancelled", _("Cancelled")

    OPEN = (State.PENDING, State.ACTIVE, State.SUSPENDED)

    public_id = PublicIdField(prefix="sub")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="subscriptions"
    )
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="subscriptions"
    )
    plan = models.ForeignKey("catalog.Plan", on_delete=models.PROTECT, related_name="subscriptions")
    # The plan's product, repeated here so that the database allows only one open subscription.
    product = models.ForeignKey(
        "catalog.Product", on_delete=models.PROTECT, related_name="subscriptions"
    )
    state = models.CharField(max_length=10, choices=State.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    decision_note = models.CharField(max_length=400, blank=True)

    objects: ClassVar = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "product"],
                condition=models.Q(state__in=["pending", "active", "suspended"]),
                name="one_open_subscription_per_product",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application.name} on {self.plan.name}"


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
        """Compare and set: False unless the key is rotated, usable and would live longer."""
        rotated = self.usable(at).filter(pk=key.pk, successor__isnull=False)
        return rotated.filter(expires_at__lt=ends_at).update(expires_at=ends_at) == 1

    def revoke(self, key: ApiKey, *, at: datetime) -> bool:
        """Compare and set: False when the key is already revoked."""
        active = self.filter(pk=key.pk, state=ApiKey.State.ACTIVE)
        return active.update(state=ApiKey.State.REVOKED, revoked_at=at) == 1

    def mark_used(self, last_used: Mapping[int, datetime]) -> int:
        """Set `last_used_at` from primary key -> instant; never back in time. Returns the rows set."""
        if not last_used:
            return 0
        table = connection.ops.quote_name(self.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                # One statement however many keys; the subquery locks them in one order.
                f"WITH used(id, at) AS (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[])), "  # noqa: S608  the table's name is ours
                f"rows AS (SELECT k.id, used.at FROM {table} k JOIN used USING (id) "
                "WHERE k.last_used_at IS NULL OR k.last_used_at < used.at "
                "ORDER BY k.id FOR UPDATE OF k) "
                f"UPDATE {table} k SET last_used_at = rows.at FROM rows WHERE k.id = rows.id",
                [list(last_used.keys()), list(last_used.values())],
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
    # HMAC-SHA256 of the whole key under the pepper of `pepper_version`, hex.
    digest = models.CharField(max_length=64, unique=True)
    pepper_version = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    # The expiry it had before its rotation: no grace goes past it.
    own_expires_at = models.DateTimeField(null=True)
    rotated_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    successor = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, related_name="predecessor"
    )
    last_used_at = models.DateTimeField(null=True)

    objects: ClassVar = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "API key"

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
