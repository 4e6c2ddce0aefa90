"""Reading rulesets, gates and results of the rules; for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim.catalog.governance import Gate, Ruleset
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


def gates() -> list[Gate]:
    """One per transition, in the order of a version's life; unsaved where nothing is asked."""
    known = {gate.transition: gate for gate in Gate.objects.all()}
    return [known.get(name) or Gate(transition=name) for name in Gate.Transition.values]


def get_gate(transition: str) -> Gate:
    """Raises NotFound."""
    for gate in gates():
        if gate.transition == transition:
            return gate
    raise NotFound
