"""From published versions to the configuration that Envoy is told."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from apim.catalog.models import ApiVersion
from apim.core import clock
from apim.core.locks import LockId, transaction_lock
from apim.gateway.authorizer.decisions import deprecation_headers
from apim.gateway.envoy.listener import ListenerSettings, build_listener
from apim.gateway.envoy.route_tree import routes_in
from apim.gateway.envoy.routes import (
    ServedVersion,
    VersionResources,
    build_routes,
    build_version,
    route_names,
)
from apim.gateway.envoy.upstreams import UpstreamInvalid
from apim.gateway.envoy.validation import ConfigurationRefused, find_binary, validate
from apim.gateway.grant_format import RouteGrant
from apim.gateway.grpc_services import grpc_versions, served_services
from apim.gateway.models import EnvoyRefusal, EnvoySnapshot

logger = logging.getLogger(__name__)

KEPT_SNAPSHOTS = 50
# Clusters outlive their routes by this long: Envoy fetches the two separately.
LINGER = timedelta(seconds=60)


@dataclass
class _Draft:
    """Resources by version id, and what was refused on the way."""

    parts: dict[str, VersionResources] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def listener_settings() -> ListenerSettings:
    return ListenerSettings(
        address=settings.APIM_GATEWAY_LISTEN_ADDRESS,
        port=settings.APIM_GATEWAY_PORT,
        access_log=settings.APIM_ENVOY_ACCESS_LOG,
        portal_origin=settings.APIM_PUBLIC_URL,
    )


@transaction.atomic
def rebuild_envoy_snapshot(*, reason: str) -> EnvoySnapshot:
    """Build and check the configuration, and make it current if it differs; return the current.

    A version that cannot be served keeps what it had before and gets an EnvoyRefusal; the others
    are not held up. One rebuild runs at a time and reads what is committed by then.
    """
    transaction_lock(LockId.ENVOY_SNAPSHOT)
    current = EnvoySnapshot.objects.first()
    versions = {version.public_id: version for version in _served_versions()}
    draft = _draft(versions, current)
    try:
        _check(draft, current)
    except ConfigurationRefused as refusal:
        _note_refusals({None: str(refusal)}, versions)
        logger.error("envoy configuration refused: %s", refusal)  # noqa: TRY400 - told, not lost
        if current is None:
            raise
        return current
    _note_refusals(draft.refused, versions)
    return _make_current(draft, current, reason)


def _served_versions() -> list[ApiVersion]:
    states = [*ApiVersion.CALLABLE, ApiVersion.State.RETIRED]
    served = ApiVersion.objects.filter(state__in=states).exclude(upstream_url="")
    return list(served.select_related("api").order_by("pk"))


def _draft(versions: dict[str, ApiVersion], current: EnvoySnapshot | None) -> _Draft:
    draft = _Draft()
    of_grpc = grpc_versions()
    services: dict[int, list[str]] = defaultdict(list)
    for service, version_id in served_services().items():
        services[version_id].append(service)
    for public_id, version in versions.items():
        served = ServedVersion(
            public_id=public_id,
            listen_path=version.listen_path,
            upstream_url=version.upstream_url,
            sandbox_upstream_url=version.sandbox_upstream_url,
            timeout_seconds=version.timeout_seconds,
            cost_header=version.cost_header,
            notices=_notices(version),
            is_retired=not version.is_callable,
            is_grpc=version.pk in of_grpc,
            services=tuple(sorted(services[version.pk])),
        )
        try:
            draft.parts[public_id] = build_version(served, settings.APIM_ENVOY_TRUSTED_CA)
        except UpstreamInvalid as error:
            _refuse(draft, public_id, str(error), current)
    return draft


def _notices(version: ApiVersion) -> tuple[tuple[str, str], ...]:
    """Headers of a deprecated version, as the check gives them to other gateways."""
    if version.state != ApiVersion.State.DEPRECATED:
        return ()
    told = deprecation_headers(
        RouteGrant(
            version=version.public_id,
            pk=version.pk,
            api=version.api.public_id,
            state=version.state,
            deprecated_at=int(version.deprecated_at.timestamp()) if version.deprecated_at else None,
            sunset=version.sunset_on.isoformat() if version.sunset_on else None,
        )
    )
    return tuple((name.decode(), value.decode()) for name, value in told)


def _refuse(draft: _Draft, public_id: str, message: str, current: EnvoySnapshot | None) -> None:
    draft.refused[public_id] = message
    draft.parts[public_id] = _as_before(public_id, current)


def _as_before(public_id: str, current: EnvoySnapshot | None) -> VersionResources:
    if current is None:
        return VersionResources(routes=[], clusters=[])
    names = route_names(public_id)
    routes = [route for route in _routes_of(current) if route["name"] in names]
    used = _clusters_used(routes)
    clusters = [cluster for cluster in current.clusters if cluster["name"] in used]
    return VersionResources(routes=routes, clusters=clusters)


def _routes_of(snapshot: EnvoySnapshot) -> list[dict[str, Any]]:
    return routes_in(snapshot.routes[0])


def _clusters_used(routes: list[dict[str, Any]]) -> set[str]:
    return {route["route"]["cluster"] for route in routes if "route" in route}


def _check(draft: _Draft, current: EnvoySnapshot | None) -> None:
    """Let Envoy's own binary judge, if there is one here and anything has changed.

    What it refuses is narrowed down to the changed versions that it refuses on their own.
    Raises ConfigurationRefused when that does not explain it.
    """
    binary = find_binary()
    if binary is None or not _differs(draft, current):
        return
    try:
        validate(binary, _quiet(), *_together(draft.parts))
    except ConfigurationRefused:
        for public_id, part in list(draft.parts.items()):
            if part == _as_before(public_id, current):
                continue
            try:
                validate(binary, _quiet(), *_together({public_id: part}))
            except ConfigurationRefused as refusal:
                _refuse(draft, public_id, str(refusal), current)
        validate(binary, _quiet(), *_together(draft.parts))


def _quiet() -> ListenerSettings:
    """The listener as it will be, but without touching the access log's file."""
    real = listener_settings()
    return ListenerSettings(
        address=real.address,
        port=real.port,
        access_log="/dev/null",
        portal_origin=real.portal_origin,
    )


def _together(
    parts: dict[str, VersionResources],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    routes = build_routes(
        (route for part in parts.values() for route in part.routes), settings.APIM_PUBLIC_URL
    )
    return routes, [cluster for part in parts.values() for cluster in part.clusters]


def _differs(draft: _Draft, current: EnvoySnapshot | None) -> bool:
    if current is None:
        return True
    routes, clusters = _together(draft.parts)
    names = {cluster["name"] for cluster in current.clusters}
    return [routes] != current.routes or any(c["name"] not in names for c in clusters)


def _make_current(draft: _Draft, current: EnvoySnapshot | None, reason: str) -> EnvoySnapshot:
    routes, clusters = _together(draft.parts)
    clusters += _lingering({cluster["name"] for cluster in clusters})
    listeners = [build_listener(listener_settings())]
    version = content_hash([listeners, clusters, [routes]])
    if current is not None and current.version == version:
        return current
    snapshot = EnvoySnapshot.objects.create(
        version=version,
        listeners=listeners,
        clusters=clusters,
        routes=[routes],
        reason=reason[:200],
    )
    kept = EnvoySnapshot.objects.values_list("pk", flat=True)[:KEPT_SNAPSHOTS]
    EnvoySnapshot.objects.filter(pk__lt=min(kept)).delete()
    return snapshot


def _lingering(present: set[str]) -> list[dict[str, Any]]:
    """Clusters that routes used until a moment ago and that Envoy may still send calls to."""
    recent = EnvoySnapshot.objects.filter(created_at__gte=clock.now() - LINGER)
    newest = EnvoySnapshot.objects.all()[:1]
    found: dict[str, dict[str, Any]] = {}
    for snapshot in [*newest, *recent]:
        used = _clusters_used(_routes_of(snapshot)) - present
        for cluster in snapshot.clusters:
            if cluster["name"] in used:
                found[cluster["name"]] = cluster
    return [found[name] for name in sorted(found)]


def content_hash(resources: Any) -> str:
    text = json.dumps(resources, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _note_refusals(refused: dict[Any, str], versions: dict[str, ApiVersion]) -> None:
    """Open a refusal for each; close those that no longer hold. Repeating changes nothing."""
    still: list[int] = []
    for public_id, message in refused.items():
        version = versions.get(public_id)
        refusal, _created = EnvoyRefusal.objects.get_or_create(
            api_version=version, message=message, resolved_at=None
        )
        still.append(refusal.pk)
    EnvoyRefusal.objects.filter(resolved_at=None).exclude(pk__in=still).update(
        resolved_at=clock.now()
    )
