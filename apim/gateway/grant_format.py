"""What the web side writes to Redis and the authorizer reads. No Django here.

Values are JSON. Every name begins with `g:`; a change is announced on CHANGED as the changed
names, separated by spaces, after the value is written.
"""

from __future__ import annotations

import msgspec

CHANGED = "g:changed"
# The same announcements as a stream, for those who ask now and then instead of listening.
CHANGES = "g:changes"
# Stands in Redis once everything has been written; its absence means that nothing here can be
# trusted to be complete, for instance after Redis lost its data.
EPOCH = "g:epoch"
# Stands there once the counters of limits can be trusted: the unix second in which they were
# restored, and a random part. Without it no limit is counted.
COUNTERS = "g:counters"
# How far the comparison with PostgreSQL came; see reconciliation.py.
RECONCILED = "g:reconciled"
ROUTES = "g:routes"


def key_name(digest: str) -> str:
    return f"g:key:{digest}"


def application_name(public_id: str) -> str:
    return f"g:app:{public_id}"


def plan_name(public_id: str) -> str:
    return f"g:plan:{public_id}"


def operations_name(version_public_id: str) -> str:
    return f"g:ops:{version_public_id}"


class LimitGrant(msgspec.Struct, frozen=True, omit_defaults=True):
    """`quota` calls, weighted by their cost, per `every` × `window`; see catalog.Limit."""

    name: str
    quota: int
    window: str = ""
    kind: str = "calendar"
    every: int = 1
    per: str = "application"
    group: str = ""
    soft: bool = False


class KeyGrant(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key that is not revoked; `exp` is in unix seconds.

    `scopes` are operation groups, `cidrs` networks that callers may come from, `origins` those of
    browsers; empty means any. `limits` are the key's own, below the plan's.
    """

    id: str
    pk: int
    app: str
    env: str
    exp: float | None = None
    scopes: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    limits: tuple[LimitGrant, ...] = ()


class SubscriptionGrant(msgspec.Struct, frozen=True):
    """`state` is the model's: only an active one lets calls through, the others explain why not."""

    id: str
    pk: int
    plan: str
    state: str = "active"


class ApplicationGrant(msgspec.Struct, frozen=True):
    """`tz` is the organization's time zone (IANA name): calendar windows begin there."""

    pk: int
    org: str
    org_pk: int
    active: bool
    subs: tuple[SubscriptionGrant, ...] = ()
    tz: str = "UTC"


class PlanGrant(msgspec.Struct, frozen=True):
    pk: int
    name: str
    product: str
    product_pk: int
    versions: frozenset[str]
    limits: tuple[LimitGrant, ...] = ()
    product_name: str = ""


class OperationGrant(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation: its groups (OpenAPI tags) and what one call of it costs."""

    method: str
    path: str
    groups: tuple[str, ...] = ()
    cost: int = 1


class OperationGrants(msgspec.Struct, frozen=True):
    items: tuple[OperationGrant, ...]


class RouteGrant(msgspec.Struct, frozen=True, omit_defaults=True):
    """`state` is published, deprecated or retired; `deprecated_at` in unix seconds.

    `by_operation`: what a call may do or costs depends on its operation. `cost_header` names the
    response header that states a call's cost. `fail_open`: let known keys by when nobody can check.
    `timeout_seconds`: no call takes longer, so slots of concurrent limits are free again then.
    `grpc`: refusals bear a status of gRPC. `is_service`: the path is a service of gRPC, and as such
    part of its operations' paths.
    """

    version: str
    pk: int
    api: str
    state: str
    deprecated_at: int | None = None
    sunset: str | None = None
    api_slug: str = ""
    product: str = ""
    product_slug: str = ""
    fail_open: bool = False
    by_operation: bool = False
    cost_header: str = ""
    sandbox: bool = False
    timeout_seconds: int = 30
    grpc: bool = False
    is_service: bool = False
