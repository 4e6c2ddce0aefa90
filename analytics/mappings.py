"""Services: what a foreign gateway's names stand for. Calls that are stored already follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from analytics.models import ForeignMapping
from apim.audit.services import record
from apim.catalog.models import ApiVersion, Operation
from apim.core import clock
from apim.core.errors import Conflict, InvalidInput, NotFound
from apim.keys.models import ApiKey, Application
from apim.outbox.services import publish

if TYPE_CHECKING:
    from apim.audit.actors import Actor
    from apim.gateway.models import Gateway

Kind = ForeignMapping.Kind
# Beginning of the target's public id -> the mapping's field and the model.
_TARGETS: dict[str, tuple[str, type[ApiKey | Application | ApiVersion | Operation]]] = {
    "key_": ("key", ApiKey),
    "app_": ("application", Application),
    "ver_": ("version", ApiVersion),
    "opn_": ("operation", Operation),
}
_ALLOWED = {
    Kind.CREDENTIAL: ("key", "application"),
    Kind.CONSUMER: ("key", "application"),
    Kind.ROUTE: ("version", "operation"),
    Kind.SERVICE: ("version", "operation"),
}


@transaction.atomic
def set_mapping(
    *, actor: Actor, gateway: Gateway, kind: str, value: str, target: str
) -> ForeignMapping:
    """Let the gateway's name stand for the object with the public id `target`, from ever on.

    A former mapping of the name ends. The same again changes nothing. Raises InvalidInput, and
    Conflict when somebody else maps the name at the same moment.
    """
    value = value.strip()
    if kind not in Kind.values:
        raise InvalidInput(fields={"kind": [_("This kind of name is not known.")]})
    if not value or len(value) > 128 or not value.isprintable():
        raise InvalidInput(fields={"value": [_("Give the name as the gateway reports it.")]})
    field, pk = _target(Kind(kind), target.strip())
    former = _active(gateway, kind, value)
    if former is not None:
        if getattr(former, f"{field}_id") == pk:
            return former
        _end(actor, former)
    try:
        with transaction.atomic():
            mapping: ForeignMapping = ForeignMapping.objects.create(
                gateway=gateway, kind=kind, value=value, **{f"{field}_id": pk}
            )
    except IntegrityError:
        raise Conflict(_("Somebody else has just mapped this name.")) from None
    record(
        actor,
        "foreign_mapping.set",
        mapping,
        after={"gateway": gateway.public_id, "kind": kind, "value": value, "target": target},
    )
    publish("foreign_mapping.changed", gateway_id=gateway.pk)
    return mapping


@transaction.atomic
def remove_mapping(*, actor: Actor, mapping: ForeignMapping) -> None:
    """Let the name stand for nothing again; its calls become unmatched. Raises NotFound."""
    _end(actor, mapping)
    publish("foreign_mapping.changed", gateway_id=mapping.gateway_id)


def _active(gateway: Gateway, kind: str, value: str) -> ForeignMapping | None:
    rows = ForeignMapping.objects.active().filter(gateway=gateway, kind=kind, value=value)
    found: ForeignMapping | None = rows.first()
    return found


def _end(actor: Actor, mapping: ForeignMapping) -> None:
    rows = ForeignMapping.objects.active().filter(pk=mapping.pk)
    if rows.update(ended_at=clock.now()) != 1:
        raise NotFound
    before = {"kind": mapping.kind, "value": mapping.value, "target": mapping.target.public_id}
    record(actor, "foreign_mapping.removed", mapping, before=before)


def _target(kind: ForeignMapping.Kind, public_id: str) -> tuple[str, int]:
    """The mapping's field and the object's primary key. Raises InvalidInput."""
    field, model = _TARGETS.get(public_id[:4], ("", ApiKey))
    if field not in _ALLOWED[kind]:
        callers = kind in {Kind.CREDENTIAL, Kind.CONSUMER}
        message = (
            _("Give the id of an API key (key_…) or an application (app_…).")
            if callers
            else _("Give the id of an API version (ver_…) or an operation (opn_…).")
        )
        raise InvalidInput(fields={"target": [message]})
    manager = model._default_manager  # noqa: SLF001 - Django's own name for it
    pk = manager.filter(public_id=public_id).values_list("pk", flat=True).first()
    if pk is None:
        raise InvalidInput(fields={"target": [_("There is no such object.")]})
    return field, pk
