"""Reading rulesets, gates and results of the rules; for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F, Q

from apim.catalog.governance import Gate, Ruleset
from apim.catalog.models import Api
from apim.catalog.services.linting import add_built_in
from apim.core.errors import NotFound

if TYPE_CHECKING:
    from django.db.models import QuerySet


def ruleset_list() -> QuerySet[Ruleset]:
    """All rulesets, the platform's own too, by name."""
    add_built_in()
    return (
        Ruleset.objects.select_related("current_revision")
        .prefetch_related("apis")
        .order_by("name", "pk")
    )


def get_ruleset(public_id: str) -> Ruleset:
    """Raises NotFound."""
    found = ruleset_list().filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


def gates(api: Api | None = None) -> list[Gate]:
    """One per transition, in the order of a version's life; unsaved where nothing is asked.

    Of an API, its own or else the one for all, whose `api` is None.
    """
    of_these = Gate.objects.filter(Q(api=api) | Q(api=None)).select_related("api")
    known = {gate.transition: gate for gate in of_these.order_by(F("api").asc(nulls_first=True))}
    return [known.get(name) or Gate(transition=name) for name in Gate.Transition.values]


def get_gate(transition: str, api: Api | None = None) -> Gate:
    """Raises NotFound."""
    for gate in gates(api):
        if gate.transition == transition:
            return gate
    raise NotFound


def apis_with_gates() -> QuerySet[Api]:
    """Those with a gate of their own."""
    return Api.objects.filter(gates__isnull=False).distinct()
