"""Who did what, to what, from where. Append-only; holds ids, not foreign keys, and outlives both."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField

if TYPE_CHECKING:
    from datetime import datetime


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def for_organization(self, organization_id: int) -> AuditEventQuerySet:
        return self.filter(organization_id=organization_id)

    def between(self, start: datetime, end: datetime) -> AuditEventQuerySet:
        return self.filter(at__gte=start, at__lt=end)


class AuditEvent(models.Model):
    class ActorKind(models.TextChoices):
        USER = "user", _("User")
        TOKEN = "token", _("Access token")
        GATEWAY = "gateway", _("Gateway")
        SYSTEM = "system", _("System")

    public_id = PublicIdField(prefix="evt")
    at = models.DateTimeField(auto_now_add=True)
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_label = models.CharField(max_length=200)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=40)
    object_label = models.CharField(max_length=200, blank=True)
    # Null for events on what belongs to no organization: APIs, products, gateways, staff.
    organization_id = models.BigIntegerField(null=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    ip_address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)

    objects: ClassVar = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization_id", "-id"], name="audit_by_organization"),
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_by_object"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.action} {self.object_id}"
