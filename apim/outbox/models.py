"""News for other apps, written in the transaction that makes it true."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime


class OutboxEntryQuerySet(models.QuerySet["OutboxEntry"]):
    def due(self, at: datetime) -> OutboxEntryQuerySet:
        return self.filter(delivered_at__isnull=True, due_at__lte=at)


class OutboxEntry(models.Model):
    """One topic with its payload of ids, delivered at least once to every subscriber."""

    topic = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    # Names of subscribers that have not yet succeeded.
    pending = models.JSONField(default=list)
    last_error = models.TextField(blank=True)
    delivered_at = models.DateTimeField(null=True)

    objects: ClassVar = OutboxEntryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(delivered_at__isnull=True),
                name="outbox_due",
            ),
        ]
        verbose_name_plural = "outbox entries"

    def __str__(self) -> str:
        return f"{self.topic} #{self.pk}"
