"""Writing audit events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from apim.audit.models import AuditEvent
from apim.core.logs import request_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db import models

    from apim.audit.actors import Actor


class Audited(Protocol):
    """Anything with a public id can be the object of an event."""

    @property
    def public_id(self) -> Any: ...

    _meta: ClassVar[Any]


def record(
    actor: Actor,
    action: str,
    obj: Audited,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    organization_id: int | None = None,
) -> AuditEvent:
    """Append one event in the caller's transaction.

    `action` reads `<object>.<past participle>`, such as `key.rotated`. `before` and `after` hold
    only what changed, as JSON values, and never a secret. The organization is the object's own
    unless given.
    """
    event = _event(actor, action, obj, before, after)
    event.organization_id = organization_id or event.organization_id
    event.save(force_insert=True)
    return event


def record_several(
    actor: Actor, action: str, done: Iterable[tuple[Audited, Mapping[str, Any]]]
) -> None:
    """One event per object and its `after`, in one statement: for jobs that change thousands."""
    AuditEvent.objects.bulk_create(
        (_event(actor, action, obj, None, after) for obj, after in done), batch_size=1000
    )


def _event(
    actor: Actor,
    action: str,
    obj: Audited,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> AuditEvent:
    return AuditEvent(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:200],
        action=action,
        object_type=obj._meta.model_name,
        object_id=str(obj.public_id),
        object_label=str(obj)[:200],
        organization_id=getattr(obj, "organization_id", None),
        before=dict(before or {}),
        after=dict(after or {}),
        ip_address=actor.ip_address,
        request_id=actor.request_id or request_id.get(),
    )


def snapshot(obj: models.Model, fields: Iterable[str]) -> dict[str, Any]:
    """The named fields as JSON values, for `before` and `after`."""
    values: dict[str, Any] = {}
    for name in fields:
        value = getattr(obj, name)
        plain = value is None or isinstance(value, str | int | bool | list | dict)
        values[name] = value if plain else str(value)
    return values


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only the entries of two snapshots that differ."""
    names = [name for name in after if before.get(name) != after[name]]
    return {n: before.get(n) for n in names}, {n: after[n] for n in names}
