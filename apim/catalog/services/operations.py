"""What the operations of a version cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.errors import WrongState
from apim.catalog.models import ApiVersion, Operation
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apim.audit.actors import Actor

COST_MAX = 1_000_000


@transaction.atomic
def set_operation_costs(
    *, actor: Actor, version: ApiVersion, costs: Mapping[str, int]
) -> tuple[Operation, ...]:
    """Set what one call counts towards limits, by the operations' public ids; others stay.

    A cost is kept when a new revision describes the operation again. Returns what changed. Raises
    InvalidInput, whose fields are `costs/<id>`, and WrongState for a retired version.
    """
    ApiVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    version.refresh_from_db(fields=["state"])
    if version.state == ApiVersion.State.RETIRED:
        raise WrongState(_("%(version)s is retired.") % {"version": version})
    present = version.operations.filter(removed_at__isnull=True)
    by_id = {str(operation.public_id): operation for operation in present}
    _check(costs, by_id)
    changed = [by_id[name] for name, cost in costs.items() if by_id[name].cost != cost]
    if not changed:
        return ()
    before = {str(operation): operation.cost for operation in changed}
    for operation in changed:
        operation.cost = costs[str(operation.public_id)]
    Operation.objects.bulk_update(changed, ["cost"], batch_size=500)
    record(
        actor,
        "api_version.costs_changed",
        version,
        before={"costs": before},
        after={"costs": {str(operation): operation.cost for operation in changed}},
    )
    publish("api_version.changed", version_id=version.pk)
    return tuple(changed)


def _check(costs: Mapping[str, int], by_id: Mapping[str, Operation]) -> None:
    wrong: dict[str, list[str]] = {}
    for name, cost in costs.items():
        if name not in by_id:
            wrong[f"costs/{name}"] = [_("This version has no such operation.")]
        elif isinstance(cost, bool) or not isinstance(cost, int) or not 1 <= cost <= COST_MAX:
            message = _("A whole number between 1 and %(max)d.") % {"max": COST_MAX}
            wrong[f"costs/{name}"] = [message]
    if wrong:
        raise InvalidInput(next(iter(wrong.values()))[0], fields=wrong)
