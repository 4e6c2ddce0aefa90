"""A plan's limits. A change holds for its subscribers within a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.errors import LimitsInvalid, WrongState
from apim.catalog.limit_checks import LimitInput, checked_limits, input_of
from apim.catalog.limit_terms import in_order
from apim.catalog.limit_words import record_of
from apim.catalog.models import Limit, Plan
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apim.audit.actors import Actor


@transaction.atomic
def set_limits(
    *, actor: Actor, plan: Plan, limits: Iterable[LimitInput | tuple[str, int]]
) -> tuple[Limit, ...]:
    """Replace the plan's limits; those that keep their name keep their row.

    Raises LimitsInvalid.
    """
    wanted = {one.policy_name: one for one in checked_limits(limits)}
    present = {limit.policy_name: limit for limit in _locked(plan)}
    before = told(input_of(limit) for limit in present.values())
    for name, limit in present.items():
        if name not in wanted:
            limit.delete()
    for name, terms in wanted.items():
        _save(present.get(name, Limit(plan=plan)), terms)
    return _announced(actor, plan, before=before)


@transaction.atomic
def add_limit(*, actor: Actor, plan: Plan, terms: LimitInput) -> Limit:
    """Limit the plan's calls further. Raises LimitsInvalid, whose fields are the limit's parts."""
    present = [input_of(limit) for limit in _locked(plan)]
    _check_last([*present, terms])
    added = _save(Limit(plan=plan), terms)
    _announced(actor, plan, before=told(present))
    return added


@transaction.atomic
def change_limit(*, actor: Actor, limit: Limit, terms: LimitInput) -> Limit:
    """Raises LimitsInvalid, whose fields are the limit's parts; WrongState if it was removed."""
    present = _locked(limit.plan)
    if limit.pk not in {one.pk for one in present}:
        raise WrongState(_("This limit has been removed meanwhile."))
    before = told(map(input_of, present))
    _check_last([*(input_of(one) for one in present if one.pk != limit.pk), terms])
    _save(limit, terms)
    _announced(actor, limit.plan, before=before)
    return limit


@transaction.atomic
def remove_limit(*, actor: Actor, limit: Limit) -> None:
    """Limit the plan's calls less; removing it again changes nothing."""
    before = told(map(input_of, _locked(limit.plan)))
    Limit.objects.filter(pk=limit.pk).delete()
    _announced(actor, limit.plan, before=before)


def told(limits: Iterable[LimitInput]) -> dict[str, str]:
    """For the audit log: policy name to what it says."""
    return {limit.policy_name: record_of(limit) for limit in in_order(limits)}


def _locked(plan: Plan) -> list[Limit]:
    """The plan's limits; until the transaction ends nobody else changes them."""
    Plan.objects.select_for_update().get(pk=plan.pk)
    return list(Limit.objects.filter(plan=plan))


def _check_last(limits: Sequence[LimitInput]) -> None:
    """Check all; whatever is wrong is said of the last one, which is new."""
    try:
        checked_limits(limits)
    except LimitsInvalid as error:
        parts = {name.rpartition("/")[2]: texts for name, texts in error.fields.items()}
        raise LimitsInvalid(error.message, fields=parts) from error


def _save(limit: Limit, terms: LimitInput) -> Limit:
    for field, value in terms._asdict().items():
        setattr(limit, field, value)
    limit.save()
    return limit


def _announced(actor: Actor, plan: Plan, *, before: dict[str, str]) -> tuple[Limit, ...]:
    limits = tuple(in_order(Limit.objects.filter(plan=plan)))
    after = told(map(input_of, limits))
    if after != before:
        record(
            actor,
            "plan.limits_changed",
            plan,
            before={"limits": before},
            after={"limits": after},
        )
        publish("plan.changed", plan_id=plan.pk)
    return limits
