"""Usage: raw events by day, what they are attributed to, and their rollups.

Raw events and rollups hold plain ids instead of foreign keys: they are written by the million and
outlive what they name. `Attribution` is the one place where the names stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

if TYPE_CHECKING:
    from datetime import datetime


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
                ],
                nulls_distinct=False,
                name="attribution_once",
            ),
        ]
        indexes = [
            models.Index(fields=["organization_id"], name="attribution_organization"),
            models.Index(fields=["subscription_id"], name="attribution_subscription"),
        ]

    def __str__(self) -> str:
        return f"attribution {self.pk}"


class UsageBatch(models.Model):
    """One accepted delivery. Its events become part of the rollups in one step, exactly once."""

    gateway_id = models.BigIntegerField()
    received_at = models.DateTimeField()
    accepted = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    first_on = models.DateField(null=True)
    last_on = models.DateField(null=True)
    rolled_up_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(rolled_up_at__isnull=True), name="batch_waiting"
            ),
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


class Rollup(models.Model):
    """Sums of the events of one bucket, attribution and status.

    `latency` is a mergeable histogram of durations, see analytics/sketch.py.
    """

    pk = models.CompositePrimaryKey("attribution_id", "bucket", "status")
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

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d %H:%M} attribution {self.attribution_id}"


class MinuteRollup(Rollup):
    class Meta:
        db_table = "analytics_usage_minute"
        indexes = [
            models.Index(fields=["organization_id", "bucket"], name="minute_organization"),
            models.Index(fields=["bucket"], name="minute_bucket"),
        ]


class HourlyRollup(Rollup):
    class Meta:
        db_table = "analytics_usage_hour"
        indexes = [
            models.Index(fields=["organization_id", "bucket"], name="hour_organization"),
            models.Index(fields=["bucket"], name="hour_bucket"),
        ]


class DailyRollup(Rollup):
    class Meta:
        db_table = "analytics_usage_day"
        indexes = [
            models.Index(fields=["organization_id", "bucket"], name="day_organization"),
            models.Index(fields=["bucket"], name="day_bucket"),
        ]
