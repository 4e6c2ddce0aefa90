"""Envoy's REST discovery: what each Envoy is told, and what it has taken.

Envoy repeats in every poll the version it uses. It names no reason when it refuses one (seen on
1.40: the version just stays behind and the poll is repeated), so a version that was sent several
times and not taken counts as refused.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from apim.core import clock
from apim.gateway.envoy import names
from apim.gateway.models import EnvoySnapshot, Gateway
from apim.gateway.redis_connection import connection
from apim.gateway.snapshots import content_hash, rebuild_envoy_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

# How stale a web process's idea of the current snapshot may be.
SNAPSHOT_MEMORY_SECONDS = 0.2
CONTACT_WRITE_SECONDS = 5
NODE_MEMORY_SECONDS = 120
REFUSED_AFTER_SENDS = 3

TYPE_URLS = {
    "listeners": names.LISTENER_TYPE,
    "clusters": names.CLUSTER_TYPE,
    "routes": names.ROUTE_TYPE,
}


@dataclass(frozen=True, slots=True)
class Poll:
    """One question of one Envoy. `known_version` is empty before it has taken anything."""

    gateway: Gateway
    node_id: str
    kind: str
    known_version: str
    software: str


@dataclass(frozen=True, slots=True)
class Served:
    """A snapshot ready to be sent: version and answer by resource kind."""

    version: str
    versions: Mapping[str, str]
    bodies: Mapping[str, bytes]


class _Current:
    """The current snapshot, looked up at most every SNAPSHOT_MEMORY_SECONDS."""

    def __init__(self) -> None:
        self._checked_at = float("-inf")
        self._pk = 0
        self._served: Served | None = None

    def get(self) -> Served:
        now = time.monotonic()
        if self._served is None or now - self._checked_at >= SNAPSHOT_MEMORY_SECONDS:
            self._served = self._load()
            self._checked_at = now
        return self._served

    def forget(self) -> None:
        self._served = None

    def _load(self) -> Served:
        pk = EnvoySnapshot.objects.values_list("pk", flat=True).first()
        if pk is not None and pk == self._pk and self._served is not None:
            return self._served
        snapshot = EnvoySnapshot.objects.first() or rebuild_envoy_snapshot(reason="first start")
        self._pk = snapshot.pk
        return _served(snapshot)


current = _Current()


def _served(snapshot: EnvoySnapshot) -> Served:
    resources = {
        "listeners": snapshot.listeners,
        "clusters": snapshot.clusters,
        "routes": snapshot.routes,
    }
    versions = {kind: content_hash(content) for kind, content in resources.items()}
    bodies = {
        kind: json.dumps(
            {
                "version_info": versions[kind],
                "type_url": TYPE_URLS[kind],
                "resources": content,
            },
            separators=(",", ":"),
        ).encode()
        for kind, content in resources.items()
    }
    return Served(snapshot.version, versions, bodies)


def answer(poll: Poll) -> bytes | None:
    """Return the resources, or None when the Envoy shall keep what it has."""
    served = current.get()
    wanted = served.versions[poll.kind]
    try:
        node = _note(poll, served)
    except redis.RedisError:
        # Without its memory the service still serves; only the order is no longer looked after.
        logger.warning("discovery answers without Redis")
        return None if poll.known_version == wanted else served.bodies[poll.kind]
    if poll.known_version == wanted or _must_wait(poll, served, node):
        return None
    _note_sent(poll, wanted, node)
    return served.bodies[poll.kind]


def _must_wait(poll: Poll, served: Served, node: Mapping[str, str]) -> bool:
    """Routes wait until the clusters that they name have been sent: no call meets a gap."""
    if poll.kind != "routes" or not poll.known_version:
        return False
    wanted = served.versions["clusters"]
    return wanted not in {node.get("sent:clusters"), node.get("clusters")}


def _node_name(poll: Poll) -> str:
    return f"x:node:{poll.gateway.public_id}:{poll.node_id[:100]}"


def _note(poll: Poll, served: Served) -> dict[str, str]:
    """Remember what this Envoy uses, write what is worth a row, and return what is remembered."""
    name = _node_name(poll)
    pipe = connection().pipeline(transaction=False)
    pipe.hset(name, poll.kind, poll.known_version)
    pipe.expire(name, NODE_MEMORY_SECONDS)
    pipe.hgetall(name)
    pipe.set(f"x:seen:{poll.gateway.pk}", 1, nx=True, ex=CONTACT_WRITE_SECONDS)
    _hset, _expire, raw, is_due = pipe.execute()
    node = {key.decode(): value.decode() for key, value in raw.items()}
    uses_current = all(node.get(kind) == version for kind, version in served.versions.items())
    is_news = uses_current and node.get("applied") != served.version
    if is_due or is_news:
        _write_contact(poll, served.version if uses_current else None)
    if is_news:
        connection().hset(name, "applied", served.version)
    return node


def _write_contact(poll: Poll, applied: str | None) -> None:
    fields = {"last_seen_at": clock.now(), "software_version": poll.software[:80]}
    if applied is not None:
        fields |= {"applied_version": applied, "last_error": ""}
    Gateway.objects.filter(pk=poll.gateway.pk).update(**fields)


def _note_sent(poll: Poll, version: str, node: Mapping[str, str]) -> None:
    name = _node_name(poll)
    if node.get(f"sent:{poll.kind}") != version:
        connection().hset(name, mapping={f"sent:{poll.kind}": version, f"sends:{poll.kind}": 1})
        return
    sends = int(connection().hincrby(name, f"sends:{poll.kind}", 1))
    if sends == REFUSED_AFTER_SENDS:
        message = f"Envoy does not take the {poll.kind} of version {version}; its log says why."
        logger.error("gateway %s: %s", poll.gateway.public_id, message)
        Gateway.objects.filter(pk=poll.gateway.pk).update(last_error=message)
