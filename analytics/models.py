"""Usage: raw events by day, what they are attributed to, and their rollups.

Raw events and rollups hold plain ids instead of foreign keys: they are written by the million and
outlive what they name. `Attribution` is the one place where the names stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField

if TYPE_CHECKING:
    from datetime import datetime

    from apim.catalog.models import ApiVersion, Operation
    from apim.keys.models import ApiKey, Application


class Attribution(models.Model):
    """To whom and to what a call belongs: one row per combination that has occurred. Immutable.

    All ids are primary keys; null where the gateway named nothing or nothing known.
    """

    gateway_id = models.BigIntegerField()
    environment = models.CharField(max_length=4, blank=True)
    organization_id = models.BigIntegerField(null=True)
    application_id = models.BigIntegerField(null=True)
    key_id = models.BigIntegerField(null=True)
    subscription_id = models.BigIntegerField(null=True)
    plan_id = models.BigIntegerField(null=True)
    product_id = models.BigIntegerField(null=True)
    api_id = models.BigIntegerField(null=True)
    version_id = models.BigIntegerField(null=True)
    operation_id = models.BigIntegerField(null=True)
    # One of the known methods of HTTP, OTHER, or empty for calls from before it was recorded.
    method = models.CharField(max_length=16, blank=True, default="", db_default="")
    # A foreign gateway's own names (ForeignNames), where it did not say everything in our words.
    foreign_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "key_id",
                    "operation_id",
                    "subscription_id",
                    "plan_id",
                    "version_id",
                    "application_id",
                    "environment",
                    "gateway_id",
                    "organization_id",
                    "product_id",
                    "api_id",
                    "method",
                    "foreign_id",
                ],
                nulls_distinct=False,
                name="attribution_of_call_once",
            ),
        ]
        indexes = [
            models.Index(fields=["organization_id"], name="attribution_organization"),
            models.Index(fields=["subscription_id"], name="attribution_subscription"),
        ]

    def __str__(self) -> str:
        return f"attribution {self.pk}"


class ForeignNames(models.Model):
    """What a foreign gateway called a caller and what it called: one row per combination."""

    gateway_id = models.BigIntegerField()
    credential = models.CharField(max_length=128, blank=True)
    consumer = models.CharField(max_length=128, blank=True)
    route = models.CharField(max_length=128, blank=True)
    service = models.CharField(max_length=128, blank=True)
    # Of the first call that had these names.
    path = models.CharField(max_length=500, blank=True, default="", db_default="")
    first_seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["gateway_id", "credential", "consumer", "route", "service"],
                name="foreign_names_once",
            ),
        ]
        verbose_name_plural = "foreign names"

    def __str__(self) -> str:
        return " / ".join(filter(None, [self.credential, self.consumer, self.route, self.service]))


class ForeignMappingQuerySet(models.QuerySet["ForeignMapping"]):
    def active(self) -> ForeignMappingQuerySet:
        return self.filter(ended_at__isnull=True)


class ForeignMapping(models.Model):
    """What one name of a foreign gateway stands for. Never edited: a change ends it and adds one.

    Ended ones are kept, since they explain what calls were attributed to. Exactly one target.
    """

    class Kind(models.TextChoices):
        CREDENTIAL = "credential", _("Credential")
        CONSUMER = "consumer", _("Consumer")
        ROUTE = "route", _("Route")
        SERVICE = "service", _("Service")

    public_id = PublicIdField(prefix="map")
    gateway = models.ForeignKey("gateway.Gateway", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    value = models.CharField(_("name at the gateway"), max_length=128)
    key = models.ForeignKey("keys.ApiKey", on_delete=models.PROTECT, null=True, related_name="+")
    application = models.ForeignKey(
        "keys.Application", on_delete=models.PROTECT, null=True, related_name="+"
    )
    version = models.ForeignKey(
        "catalog.ApiVersion", on_delete=models.PROTECT, null=True, related_name="+"
    )
    operation = models.ForeignKey(
        "catalog.Operation", on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar = ForeignMappingQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "kind", "value"],
                condition=models.Q(ended_at__isnull=True),
                name="foreign_name_mapped_once",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(kind__in=["credential", "consumer"])
                    & models.Q(version=None, operation=None)
                    & (
                        models.Q(key__isnull=False, application=None)
                        | models.Q(key=None, application__isnull=False)
                    )
                )
                | (
                    models.Q(kind__in=["route", "service"])
                    & models.Q(key=None, application=None)
                    & (
                        models.Q(version__isnull=False, operation=None)
                        | models.Q(version=None, operation__isnull=False)
                    )
                ),
                name="foreign_mapping_has_one_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

    @property
    def target(self) -> ApiKey | Application | ApiVersion | Operation:
        found = self.key or self.application or self.version or self.operation
        assert found is not None
        return found


class ClientFamily(models.Model):
    """A calling program that usage is grouped by. At most MAX_FAMILIES (analytics/clients.py)."""

    name = models.CharField(max_length=40, primary_key=True, db_collation="C")

    def __str__(self) -> str:
        return self.name


class KeySighting(models.Model):
    """Where a key was last seen, noted at most once a minute; last_used_at itself is exact."""

    key_id = models.BigIntegerField(primary_key=True)
    organization_id = models.BigIntegerField()
    gateway_id = models.BigIntegerField()
    seen_at = models.DateTimeField()
    ip = models.GenericIPAddressField()

    def __str__(self) -> str:
        return f"key {self.key_id} from {self.ip}"


class UsageBatch(models.Model):
    """One accepted delivery. Its events become part of the rollups in one step, exactly once."""

    gateway_id = models.BigIntegerField()
    received_at = models.DateTimeField()
    accepted = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    first_on = models.DateField(null=True)
    last_on = models.DateField(null=True)
    # The latest call, and the dialect (analytics.formats): how far behind a gateway is, and how it writes.
    last_at = models.DateTimeField(null=True)
    format = models.CharField(max_length=20, default="", db_default="")
    rolled_up_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(rolled_up_at__isnull=True), name="batch_waiting"
            ),
            BrinIndex(fields=["received_at"], name="batch_received"),
        ]
        verbose_name_plural = "usage batches"

    def __str__(self) -> str:
        return f"batch {self.pk}"


class UsageEvent(models.Model):
    """One call as reported; never edited. Partitioned by `occurred_on`, the UTC day of the call.

    The key makes it count once: a gateway sends the same id with the same instant however often it
    repeats itself. `received_at` is its batch's.
    """

    pk = models.CompositePrimaryKey("gateway_id", "event_id", "occurred_on")
    gateway_id = models.BigIntegerField()
    event_id = models.CharField(max_length=128, db_collation="C")
    occurred_on = models.DateField()
    occurred_at = models.DateTimeField()
    batch_id = models.BigIntegerField()
    attribution_id = models.BigIntegerField()
    organization_id = models.BigIntegerField(null=True)
    status = models.SmallIntegerField()
    # Microseconds; upstream is null when the call never got there.
    duration_us = models.BigIntegerField()
    upstream_us = models.BigIntegerField(null=True)
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    is_billable = models.BooleanField()
    is_denied = models.BooleanField()
    # Sum of analytics.events.Flag.
    flags = models.SmallIntegerField()
    method = models.CharField(max_length=16)
    path = models.CharField(max_length=500)
    decision = models.CharField(max_length=40)
    user_agent = models.CharField(max_length=40)
    # Millionths of a unit.
    units_micro = models.BigIntegerField(db_default=0)
    cost = models.IntegerField(db_default=1)
    is_overage = models.BooleanField(db_default=False)
    country = models.CharField(max_length=2, db_default="")

    def __str__(self) -> str:
        return self.event_id


class UsageEventId(models.Model):
    """The id of a call close to a midnight: sent again with the other day's date, it counts once.

    Partitioned by `midnight`, the day that begins within two hours of the call.
    """

    pk = models.CompositePrimaryKey("gateway_id", "event_id", "midnight")
    gateway_id = models.BigIntegerField()
    event_id = models.CharField(max_length=128, db_collation="C")
    midnight = models.DateField()
    occurred_on = models.DateField()

    def __str__(self) -> str:
        return self.event_id


class QuarantinedRecordQuerySet(models.QuerySet["QuarantinedRecord"]):
    def waiting(self) -> QuarantinedRecordQuerySet:
        return self.filter(replayed_at__isnull=True)


class QuarantinedRecord(models.Model):
    """A record that could not be counted, kept (secrets removed) with the reason, replayable."""

    gateway_id = models.BigIntegerField()
    batch_id = models.BigIntegerField()
    index = models.PositiveIntegerField()
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=400)
    raw = models.TextField()
    # As it came, once `raw` has been corrected by hand.
    original = models.TextField(blank=True, default="", db_default="")
    # The dialect that reads it, analytics.formats.
    format = models.CharField(max_length=20, db_default="own")
    # SHA-256 of `raw`: a delivery that is repeated does not fill the table again.
    digest = models.BinaryField(max_length=32)
    received_at: models.DateTimeField[str | datetime, datetime] = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True)

    objects: ClassVar = QuarantinedRecordQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["gateway_id", "digest"], name="quarantined_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @property
    def public_id(self) -> str:
        """The number of the record, as addresses and the audit log name it."""
        return str(self.pk)


class Rollup(models.Model):
    """Sums of the events of one bucket, attribution and status.

    `latency` is a mergeable histogram of the total, upstream and gateway time, see sketch.py.
    """

    attribution_id = models.BigIntegerField()
    # The bucket's first instant, UTC.
    bucket = models.DateTimeField()
    status = models.SmallIntegerField()
    organization_id = models.BigIntegerField(null=True)
    calls = models.BigIntegerField()
    billable = models.BigIntegerField()
    denied = models.BigIntegerField()
    duration_us = models.BigIntegerField()
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    last_at = models.DateTimeField()
    latency = ArrayField(models.BigIntegerField())
    # Sum over the calls whose upstream time is known; `latency` says how many those are.
    upstream_us = models.BigIntegerField(db_default=0)
    units_micro = models.BigIntegerField(db_default=0)
    # Calls weighted by what they count in limits.
    cost = models.BigIntegerField(db_default=0)
    overage = models.BigIntegerField(db_default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d %H:%M} attribution {self.attribution_id}"


class CallRollup(Rollup):
    """By attribution and status."""

    pk = models.CompositePrimaryKey("attribution_id", "bucket", "status")

    class Meta:
        abstract = True


class MinuteRollup(CallRollup):
    class Meta:
        db_table = "analytics_usage_minute"
        indexes = [
            models.Index(fields=["organization_id", "bucket"], name="minute_organization"),
            models.Index(fields=["bucket"], name="minute_bucket"),
        ]


class HourlyRollup(CallRollup):
    class Meta:
        db_table = "analytics_usage_hour"
        indexes = [
            models.Index(fields=["organization_id", "bucket"], name="hour_organization"),
            models.Index(fields=["bucket"], name="hour_bucket"),
        ]


class DailyRollup(CallRollup):
    class Meta:
        db_table = "analytics_usage_day"
        indexes = [
            models.Index(fields=["organization_id", "bucket"], name="day_organization"),
            models.Index(fields=["bucket"], name="day_bucket"),
        ]


class Facet(models.TextChoices):
    """What calls are also summed by, beside their attribution."""

    COUNTRY = "country"
    CLIENT = "client"


class FacetRollup(Rollup):
    """By attribution, status and one facet's value; calls without a value are in none."""

    pk = models.CompositePrimaryKey("attribution_id", "bucket", "status", "facet", "value")
    facet = models.CharField(max_length=8, choices=Facet.choices)
    value = models.CharField(max_length=40, db_collation="C")

    class Meta:
        abstract = True


class HourlyFacetRollup(FacetRollup):
    class Meta:
        db_table = "analytics_facet_hour"
        indexes = [
            models.Index(fields=["organization_id", "bucket"], name="facet_hour_organization"),
            models.Index(fields=["bucket"], name="facet_hour_bucket"),
        ]


class DailyFacetRollup(FacetRollup):
    class Meta:
        db_table = "analytics_facet_day"
        indexes = [
            models.Index(fields=["organization_id", "bucket"], name="facet_day_organization"),
            models.Index(fields=["bucket"], name="facet_day_bucket"),
        ]
