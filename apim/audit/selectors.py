"""Reads of the audit log. Organization first; None: everything, for staff."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from apim.audit.models import AuditEvent
from apim.core.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import Model, QuerySet


@dataclass(frozen=True, slots=True)
class Change:
    """One field of an event; None stands for "was not there"."""

    name: str
    before: Any
    after: Any

    @property
    def before_text(self) -> str:
        return _as_text(self.before)

    @property
    def after_text(self) -> str:
        return _as_text(self.after)


def _as_text(value: Any) -> str:
    """For people: lists with commas, other structures as JSON, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def events(
    organization: Model | None,
    *,
    action: str = "",
    actor: str = "",
    object_type: str = "",
    object_id: str = "",
    search: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """The newest first; every given filter narrows.

    `action` is a whole action or its object (`key` finds `key.issued`), `actor` a public id or
    part of the label, `search` part of a label or a whole id.
    """
    found: QuerySet[AuditEvent] = AuditEvent.objects.order_by("-id")
    if organization is not None:
        found = found.filter(organization_id=organization.pk)
    if action:
        found = found.filter(Q(action=action) | Q(action__startswith=f"{action}."))
    if actor:
        found = found.filter(Q(actor_id=actor) | Q(actor_label__icontains=actor))
    if search:
        found = found.filter(_mentions(search))
    exact = {"object_type": object_type, "object_id": object_id, "at__gte": since, "at__lt": until}
    return found.filter(**{name: value for name, value in exact.items() if value})


def _mentions(text: str) -> Q:
    labels = Q(actor_label__icontains=text) | Q(object_label__icontains=text)
    return labels | Q(object_id=text) | Q(actor_id=text) | Q(request_id=text)


def get_event(organization: Model | None, public_id: str) -> AuditEvent:
    """Raises NotFound."""
    event = events(organization).filter(public_id=public_id).first()
    if event is None:
        raise NotFound
    return event


def known_actions(organization: Model | None = None) -> list[str]:
    """Every action that occurs, for a filter's choices."""
    found = events(organization).order_by("action").values_list("action", flat=True)
    return list(found.distinct())


def changes_of(event: AuditEvent) -> tuple[Change, ...]:
    """What the event changed, field by field as recorded; fields that stayed empty are left out."""
    names = dict.fromkeys([*event.before, *event.after])
    found = (Change(name, event.before.get(name), event.after.get(name)) for name in names)
    return tuple(change for change in found if change.before_text or change.after_text)
