"""What the operations of a version cost, and the groups they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.errors import WrongState
from apim.catalog.models import ApiVersion, Operation
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from apim.audit.actors import Actor

COST_MAX = 1_000_000
GROUPS_MAX = 20
GROUP_MAX_LENGTH = 80


@transaction.atomic
def set_operation_costs(
    *, actor: Actor, version: ApiVersion, costs: Mapping[str, int]
) -> tuple[Operation, ...]:
    """Set what one call counts towards limits, by the operations' public ids; others stay.

    A cost is kept when a new revision describes the operation again. Returns what changed. Raises
    InvalidInput, whose fields are `costs/<id>`, and WrongState for a retired version.
    """
    return _set(actor, version, "cost", costs, _wrong_cost, part="costs")


@transaction.atomic
def set_operation_groups(
    *, actor: Actor, version: ApiVersion, groups: Mapping[str, Sequence[str] | None]
) -> tuple[Operation, ...]:
    """Put operations into groups, by their public ids; others stay. None: the document's tags.

    Groups are what limits and the scopes of keys name; they are kept when a new revision describes
    the operation again. Returns what changed. Raises InvalidInput, whose fields are
    `groups/<id>`, and WrongState for a retired version.
    """
    wanted = {
        name: None if value is None else list(dict.fromkeys(one.strip() for one in value))
        for name, value in groups.items()
    }
    return _set(actor, version, "own_groups", wanted, _wrong_groups, part="groups")


def _set(
    actor: Actor,
    version: ApiVersion,
    field: str,
    values: Mapping[str, Any],
    wrong: Callable[[Any], str],
    *,
    part: str,
) -> tuple[Operation, ...]:
    ApiVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    version.refresh_from_db(fields=["state"])
    if version.state == ApiVersion.State.RETIRED:
        raise WrongState(_("%(version)s is retired.") % {"version": version})
    present = version.operations.filter(removed_at__isnull=True)
    by_id = {str(operation.public_id): operation for operation in present}
    _check(values, by_id, wrong, part)
    changed = [
        by_id[name] for name, value in values.items() if getattr(by_id[name], field) != value
    ]
    if not changed:
        return ()
    before = {str(operation): getattr(operation, field) for operation in changed}
    for operation in changed:
        setattr(operation, field, values[str(operation.public_id)])
    Operation.objects.bulk_update(changed, [field], batch_size=500)
    record(
        actor,
        f"api_version.{part}_changed",
        version,
        before={part: before},
        after={part: {str(operation): getattr(operation, field) for operation in changed}},
    )
    publish("api_version.changed", version_id=version.pk)
    return tuple(changed)


def _check(
    values: Mapping[str, Any],
    by_id: Mapping[str, Operation],
    wrong: Callable[[Any], str],
    part: str,
) -> None:
    found = {
        f"{part}/{name}": _("This version has no such operation.")
        if name not in by_id
        else wrong(value)
        for name, value in values.items()
    }
    fields = {name: [message] for name, message in found.items() if message}
    if fields:
        raise InvalidInput(next(iter(fields.values()))[0], fields=fields)


def _wrong_cost(cost: object) -> str:
    if isinstance(cost, bool) or not isinstance(cost, int) or not 1 <= cost <= COST_MAX:
        return _("A whole number between 1 and %(max)d.") % {"max": COST_MAX}
    return ""


def _wrong_groups(groups: list[str] | None) -> str:
    if groups is None:
        return ""
    if len(groups) > GROUPS_MAX or not all(0 < len(one) <= GROUP_MAX_LENGTH for one in groups):
        message = _("At most %(count)d groups, each of 1 to %(length)d characters.")
        return message % {"count": GROUPS_MAX, "length": GROUP_MAX_LENGTH}
    if any("," in one or not one.isprintable() for one in groups):
        return _("A group's name has no comma and no control character.")
    return ""
