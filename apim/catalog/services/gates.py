"""Gates: what must hold before a transition, and asking whether it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from apim.audit.services import record, snapshot
from apim.catalog import gates
from apim.catalog.errors import TransitionRefused
from apim.catalog.governance import Gate
from apim.catalog.services.linting import verdict_on
from apim.core import clock
from apim.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from apim.audit.actors import Actor
    from apim.catalog.gates import Refusal, Verdict
    from apim.catalog.models import Api, SpecRevision

NOTICE_DAYS_MAX = 3650
MAX_RULES = 100
_TERMS = (
    "blocks",
    "min_score",
    "rules",
    "forbids_breaking",
    "requires_sunset",
    "notice_days",
)


@transaction.atomic
def set_gate(  # noqa: PLR0913 - each term can be changed alone
    *,
    actor: Actor,
    transition: str,
    api: Api | None = None,
    blocks: str | None = None,
    min_score: int | None = None,
    has_min_score: bool = True,
    rules: Sequence[str] | None = None,
    forbids_breaking: bool | None = None,
    requires_sunset: bool | None = None,
    notice_days: int | None = None,
) -> Gate:
    """Say what is asked before a transition, of every API or of one; what is None stays.

    The first time for an API, what is None is as it is for all; later changes for all are its own
    no more.

    `min_score` None asks for no score, unless `has_min_score` is false: then it stays as it is.
    Raises InvalidInput for an unknown transition or a value out of range.
    """
    _check(transition, blocks, min_score, rules, notice_days)
    start = Gate.objects.filter(transition=transition, api=None).first() or Gate()
    Gate.objects.get_or_create(
        transition=transition, api=api, defaults={name: getattr(start, name) for name in _TERMS}
    )
    gate = Gate.objects.select_for_update().get(transition=transition, api=api)
    before = snapshot(gate, _TERMS)
    given: dict[str, Any] = {
        "blocks": blocks,
        "rules": None if rules is None else list(dict.fromkeys(rules)),
        "forbids_breaking": forbids_breaking,
        "requires_sunset": requires_sunset,
        "notice_days": notice_days,
    }
    for name, value in given.items():
        if value is not None:
            setattr(gate, name, value)
    if has_min_score:
        gate.min_score = min_score
    gate.save()
    after = snapshot(gate, _TERMS)
    if after != before:
        record(
            actor,
            "gate.changed",
            gate,
            before={**before, **_named(gate)},
            after={**after, **_named(gate)},
        )
    return gate


@transaction.atomic
def remove_gate(*, actor: Actor, transition: str, api: Api) -> None:
    """Let what holds for all APIs hold for this one again. Changes nothing if it does already."""
    gate = Gate.objects.select_for_update().filter(transition=transition, api=api).first()
    if gate is None:
        return
    record(actor, "gate.removed", gate, before={**snapshot(gate, _TERMS), **_named(gate)})
    gate.delete()


def gate_for(transition: str, api: Api) -> Gate | None:
    """The API's own, or else the one for all."""
    found = Gate.objects.filter(Q(api=api) | Q(api=None), transition=transition)
    return found.order_by(F("api").asc(nulls_last=True)).first()


def _named(gate: Gate) -> dict[str, str]:
    of_api = {"api": gate.api.slug} if gate.api else {}
    return {"transition": gate.transition, **of_api}


def _check(
    transition: str,
    blocks: str | None,
    min_score: int | None,
    rules: Sequence[str] | None,
    notice_days: int | None,
) -> None:
    """Raises InvalidInput, which names each field."""
    wrong: dict[str, list[str]] = {}
    if transition not in Gate.Transition.values:
        known = ", ".join(Gate.Transition.values)
        wrong["transition"] = [
            _("There is no such transition; known: %(known)s.") % {"known": known}
        ]
    if blocks is not None and blocks not in Gate.Blocks.values:
        known = ", ".join(gates.SEVERITIES)
        wrong["blocks"] = [_("One of %(known)s, or nothing.") % {"known": known}]
    if min_score is not None and not 0 <= min_score <= 100:
        wrong["min_score"] = [_("Between 0 and 100.")]
    if rules is not None and (len(rules) > MAX_RULES or any(not 0 < len(r) <= 120 for r in rules)):
        wrong["rules"] = [_("At most %(max)d names of rules.") % {"max": MAX_RULES}]
    if notice_days is not None and not 0 <= notice_days <= NOTICE_DAYS_MAX:
        wrong["notice_days"] = [_("Between 0 and %(max)d days.") % {"max": NOTICE_DAYS_MAX}]
    if wrong:
        raise InvalidInput(next(iter(wrong.values()))[0], fields=wrong)


def gate_refusals(
    transition: str,
    *,
    api: Api,
    revision: SpecRevision | None = None,
    verdict: Verdict | None = None,
    breaking: int = 0,
    sunset_on: date | None = None,
) -> tuple[Refusal, ...]:
    """Why the transition of a version of `api` would be refused now; nothing is changed.

    The revision is judged only when the gate asks about rules; `verdict` stands in for a document
    that is not kept.
    """
    gate = gate_for(transition, api)
    if gate is None:
        return ()
    if verdict is None and revision is not None and gates.asks_about_rules(gate):
        verdict = verdict_on(revision)
    return gates.refusals(
        gate,
        today=clock.now().date(),
        verdict=verdict,
        breaking=breaking,
        sunset_on=sunset_on,
    )


def pass_gate(
    transition: str,
    *,
    api: Api,
    revision: SpecRevision | None = None,
    breaking: int = 0,
    sunset_on: date | None = None,
) -> None:
    """Raises TransitionRefused with every reason."""
    found = gate_refusals(
        transition, api=api, revision=revision, breaking=breaking, sunset_on=sunset_on
    )
    if found:
        raise TransitionRefused(found)
