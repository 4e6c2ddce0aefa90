"""What the web side writes to Redis and the authorizer reads. No Django here.

Values are JSON. Every name begins with `g:`; a change is announced on CHANGED as the changed
names, separated by spaces, after the value is written.
"""

from __future__ import annotations

import msgspec

CHANGED = "g:changed"
# Stands in Redis once everything has been written; its absence means that nothing here can be
# trusted to be complete, for instance after Redis lost its data.
EPOCH = "g:epoch"
ROUTES = "g:routes"


def key_name(digest: str) -> str:
    return f"g:key:{digest}"


def application_name(public_id: str) -> str:
    return f"g:app:{public_id}"


def plan_name(public_id: str) -> str:
    return f"g:plan:{public_id}"


class KeyGrant(msgspec.Struct, frozen=True):
    """A key that is not revoked; `exp` is in unix seconds."""

    id: str
    pk: int
    app: str
    env: str
    exp: float | None = None


class SubscriptionGrant(msgspec.Struct, frozen=True):
    """`state` is the model's: only an active one lets calls through, the others explain why not."""

    id: str
    pk: int
    plan: str
    state: str = "active"


class ApplicationGrant(msgspec.Struct, frozen=True):
    pk: int
    org: str
    org_pk: int
    active: bool
    subs: tuple[SubscriptionGrant, ...] = ()


class LimitGrant(msgspec.Struct, frozen=True):
    name: str
    quota: int
    window: str


class PlanGrant(msgspec.Struct, frozen=True):
    pk: int
    name: str
    product: str
    product_pk: int
    versions: frozenset[str]
    limits: tuple[LimitGrant, ...] = ()
    product_name: str = ""


class RouteGrant(msgspec.Struct, frozen=True):
    """`state` is published, deprecated or retired; `deprecated_at` in unix seconds."""

    version: str
    pk: int
    api: str
    state: str
    deprecated_at: int | None = None
    sunset: str | None = None
    api_slug: str = ""
    product: str = ""
    product_slug: str = ""
