"""Publishers' own rulesets, and which rulesets judge which APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apim.audit.services import record, snapshot
from apim.catalog.errors import BuiltInRuleset, NameTaken
from apim.catalog.governance import Ruleset, RulesetRevision
from apim.catalog.naming import checked_name
from apim.catalog.rulesets import BUILT_IN, InvalidRuleset
from apim.catalog.services.changes import unique
from apim.catalog.services.linting import compiled_text
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apim.audit.actors import Actor
    from apim.catalog.models import Api

TEXT_MAX_BYTES = 200_000
_FIELDS = ("name", "is_enabled", "is_for_all")


def create_ruleset(
    *,
    actor: Actor,
    name: str,
    text: str,
    is_enabled: bool = True,
    is_for_all: bool = True,
    apis: Iterable[Api] = (),
) -> Ruleset:
    """Add a ruleset in Spectral's format; APIs that it holds for are judged anew.

    Raises InvalidRuleset, whose message names the line, NameTaken and InvalidInput.
    """
    _check_text(text)
    name = checked_name(name)
    with transaction.atomic():
        ruleset = Ruleset(name=name, is_enabled=is_enabled, is_for_all=is_for_all)
        _check_name(ruleset)
        with unique("name"):
            ruleset.save()
        ruleset.apis.set(apis)
        _add_text(actor, ruleset, text)
        record(actor, "ruleset.created", ruleset, after=_state(ruleset))
        _tell(ruleset)
    return ruleset


def update_ruleset(
    *,
    actor: Actor,
    ruleset: Ruleset,
    name: str | None = None,
    text: str | None = None,
    is_enabled: bool | None = None,
    is_for_all: bool | None = None,
    apis: Iterable[Api] | None = None,
) -> Ruleset:
    """Change what is given; another text becomes a new revision, and the old ones stay.

    A built-in ruleset keeps name and text. Raises InvalidRuleset, NameTaken, InvalidInput,
    BuiltInRuleset.
    """
    if ruleset.built_in and (name not in {None, ruleset.name} or text):
        raise BuiltInRuleset(_("%(name)s comes with the platform.") % {"name": ruleset.name})
    if text is not None and not ruleset.built_in:
        _check_text(text)
    with transaction.atomic():
        ruleset = Ruleset.objects.select_for_update(of=("self",)).get(pk=ruleset.pk)
        before = _state(ruleset)
        held_for = _apis_of(ruleset)
        for field, value in (("is_enabled", is_enabled), ("is_for_all", is_for_all)):
            if value is not None:
                setattr(ruleset, field, value)
        if name is not None:
            ruleset.name = checked_name(name)
            _check_name(ruleset)
        with unique("name"):
            ruleset.save()
        if apis is not None:
            ruleset.apis.set(apis)
        if text is not None and not ruleset.built_in and text != ruleset.text:
            _add_text(actor, ruleset, text)
        after = _state(ruleset)
        if after != before:
            record(actor, "ruleset.updated", ruleset, before=before, after=after)
            _tell(ruleset, held_for)
    return ruleset


@transaction.atomic
def delete_ruleset(*, actor: Actor, ruleset: Ruleset) -> None:
    """Remove a publisher's ruleset with its texts. Raises BuiltInRuleset."""
    if ruleset.built_in:
        message = _("%(name)s comes with the platform: switch it off instead.")
        raise BuiltInRuleset(message % {"name": ruleset.name})
    ruleset = Ruleset.objects.select_for_update(of=("self",)).get(pk=ruleset.pk)
    record(actor, "ruleset.deleted", ruleset, before={**_state(ruleset), "text": ruleset.text})
    _tell(ruleset)
    Ruleset.objects.filter(pk=ruleset.pk).update(current_revision=None)
    ruleset.delete()


def _check_name(ruleset: Ruleset) -> None:
    """Raises NameTaken, also for what the platform calls its own."""
    is_reserved = not ruleset.built_in and ruleset.name in BUILT_IN
    if is_reserved or Ruleset.objects.filter(name=ruleset.name).exclude(pk=ruleset.pk).exists():
        message = _("There is already a ruleset %(name)s.") % {"name": ruleset.name}
        raise NameTaken(message, fields={"name": [message]})


def _check_text(text: str) -> None:
    """Raises InvalidRuleset or InvalidInput, beside the field."""
    if len(text.encode()) > TEXT_MAX_BYTES:
        message = _("At most %(max)d kB of text.") % {"max": TEXT_MAX_BYTES // 1000}
        raise InvalidInput(message, fields={"text": [message]})
    try:
        compiled_text(text)
    except InvalidRuleset as error:
        where = _("Line %(line)d, column %(column)d:") % {
            "line": error.line,
            "column": error.column,
        }
        error.fields["text"] = [f"{where} {error.message}"]
        raise


def _add_text(actor: Actor, ruleset: Ruleset, text: str) -> None:
    """The ruleset's row is locked or new: numbers have no race."""
    latest = ruleset.revisions.aggregate(latest=Max("number"))["latest"] or 0
    ruleset.current_revision = RulesetRevision.objects.create(
        ruleset=ruleset, number=latest + 1, text=text, created_by=actor.label[:200]
    )
    ruleset.save(update_fields=["current_revision", "updated_at"])


def _state(ruleset: Ruleset) -> dict[str, object]:
    current = ruleset.current_revision
    apis = sorted(ruleset.apis.values_list("slug", flat=True))
    return {
        **snapshot(ruleset, _FIELDS),
        "revision": current.number if current else None,
        "apis": apis,
    }


def _apis_of(ruleset: Ruleset) -> list[int] | None:
    """Ids of the APIs that it holds for; None for all."""
    if ruleset.is_for_all:
        return None
    return sorted(ruleset.apis.values_list("pk", flat=True))


def _tell(ruleset: Ruleset, held_for: Sequence[int] | None = ()) -> None:
    """Have the APIs judged anew that it holds for now, or held for before."""
    holds_for = _apis_of(ruleset)
    if holds_for is None or held_for is None:
        publish("ruleset.changed", api_ids=None)
    else:
        publish("ruleset.changed", api_ids=sorted({*holds_for, *held_for}))
