"""How the gateways are doing. Gateways belong to the operator, not to organizations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from apim.core import clock
from apim.core.errors import NotFound
from apim.gateway.models import EnvoyRefusal, EnvoySnapshot, Gateway

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.catalog.models import ApiVersion

# Envoy polls more than once per second; other gateways are heard of when they push usage.
ENVOY_SILENT_AFTER = timedelta(seconds=30)
OTHERS_SILENT_AFTER = timedelta(hours=1)

Contact = Literal["online", "silent", "never", "disabled"]


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """`lag_seconds`: how long the gateway has not confirmed the current configuration."""

    gateway: Gateway
    contact: Contact
    last_contact_at: datetime | None
    desired_version: str
    applied_version: str
    lag_seconds: float

    @property
    def is_current(self) -> bool:
        return self.desired_version == self.applied_version


def gateway_statuses() -> tuple[GatewayStatus, ...]:
    """All gateways by name."""
    current = current_snapshot()
    now = clock.now()
    return tuple(_status(gateway, current, now) for gateway in Gateway.objects.all())


def gateway_status(gateway: Gateway) -> GatewayStatus:
    """Contact, desired and applied configuration of one gateway."""
    return _status(gateway, current_snapshot(), clock.now())


def get_gateway(public_id: str) -> Gateway:
    """Raises NotFound."""
    gateway = Gateway.objects.filter(public_id=public_id).first()
    if gateway is None:
        raise NotFound
    return gateway


def current_snapshot() -> EnvoySnapshot | None:
    """What Envoys shall serve now, without the resources; None before the first."""
    return EnvoySnapshot.objects.defer("listeners", "clusters", "routes").first()


def open_refusals() -> QuerySet[EnvoyRefusal]:
    """What is wanted but not served, newest first."""
    return EnvoyRefusal.objects.filter(resolved_at=None).select_related("api_version__api")


def refusal_of(version: ApiVersion) -> EnvoyRefusal | None:
    """Why gateways do not serve this version as it stands, if so; known as soon as it is saved."""
    return EnvoyRefusal.objects.filter(api_version=version, resolved_at=None).first()


def _status(gateway: Gateway, current: EnvoySnapshot | None, now: datetime) -> GatewayStatus:
    is_envoy = gateway.kind == Gateway.Kind.ENVOY
    seen = [at for at in (gateway.last_seen_at, gateway.last_usage_at) if at is not None]
    last = max(seen, default=None)
    desired = current.version if current is not None and is_envoy else ""
    applied = gateway.applied_version if is_envoy else ""
    lag = 0.0
    if current is not None and desired != applied:
        lag = (now - current.created_at).total_seconds()
    silent_after = ENVOY_SILENT_AFTER if is_envoy else OTHERS_SILENT_AFTER
    contact: Contact = "online"
    if gateway.state == Gateway.State.DISABLED:
        contact = "disabled"
    elif last is None:
        contact = "never"
    elif now - last > silent_after:
        contact = "silent"
    return GatewayStatus(gateway, contact, last, desired, applied, lag)
