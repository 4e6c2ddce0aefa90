"""Registered data planes and what they are told to serve."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField


class GatewayQuerySet(models.QuerySet["Gateway"]):
    def active(self) -> GatewayQuerySet:
        return self.filter(state=Gateway.State.ACTIVE)


class Gateway(models.Model):
    """A data plane with its own token: it asks about keys, fetches routes and pushes usage."""

    class Kind(models.TextChoices):
        ENVOY = "envoy", "Envoy"
        NGINX = "nginx", "NGINX"
        CADDY = "caddy", "Caddy"
        HAPROXY = "haproxy", "HAProxy"
        TRAEFIK = "traefik", "Traefik"
        KONG = "kong", "Kong"
        APISIX = "apisix", "APISIX"
        AWS = "aws", "AWS API Gateway"
        TYK = "tyk", "Tyk"
        GRAVITEE = "gravitee", "Gravitee"
        AZURE = "azure", "Azure API Management"
        THREESCALE = "3scale", "3scale"
        OTLP = "otlp", _("OpenTelemetry collector")
        OPENMETER = "openmeter", _("OpenMeter or CloudEvents")
        OTHER = "other", _("Other")

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        DISABLED = "disabled", _("Disabled")

    public_id = PublicIdField(prefix="gtw")
    name = models.CharField(_("name"), max_length=80, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    # SHA-256 of the token, hex: the token has 178 random bits, so a fast hash is enough.
    token_hash = models.CharField(max_length=64, unique=True)
    token_start = models.CharField(max_length=12)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(null=True)
    last_usage_at = models.DateTimeField(null=True)
    # Version of the Envoy snapshot that the gateway last confirmed, and what it refused.
    applied_version = models.CharField(max_length=64, blank=True)
    software_version = models.CharField(max_length=80, blank=True)
    last_error = models.TextField(blank=True)

    objects: ClassVar = GatewayQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class EnvoySnapshot(models.Model):
    """One complete, validated configuration for Envoy. The newest is what Envoy is told."""

    public_id = PublicIdField(prefix="cfg")
    # Hash of the resources; a configuration that comes back has its old version again.
    version = models.CharField(max_length=64, db_index=True)
    listeners = models.JSONField()
    clusters = models.JSONField()
    routes = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.version[:12]


class EnvoyRefusal(models.Model):
    """A configuration that was refused before it reached Envoy, and why.

    Gateways go on serving what they served before, until `resolved_at`.
    """

    public_id = PublicIdField(prefix="rfs")
    # The API version that it is about; none when the whole did not fit together.
    api_version = models.ForeignKey(
        "catalog.ApiVersion", on_delete=models.CASCADE, null=True, related_name="+"
    )
    message = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.message[:80]
