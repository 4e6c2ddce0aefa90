"""Who acts: every service takes an Actor, so that no change is without one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """`kind` is an AuditEvent.ActorKind value, `id` a public id, `label` what people read."""

    kind: str
    id: str
    label: str
    ip_address: str | None = None
    request_id: str = ""
    # Primary key of the acting user (the token's owner for a token), if there is one.
    user_pk: int | None = None


SYSTEM = Actor(kind="system", id="", label="apim")
