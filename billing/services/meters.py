"""Meters: made once, then only renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.naming import checked_name, free_slug
from apim.core.errors import InvalidInput
from billing.models import Meter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.audit.actors import Actor

CALLS = "calls"
CLASSES = frozenset(f"{first}xx" for first in "12345")
UNIT_SIZES = tuple(10**power for power in range(13))


def calls_meter() -> Meter:
    """The meter that every installation has: billable calls."""
    return Meter.objects.get_or_create(
        slug=CALLS, defaults={"name": "Calls", "kind": Meter.Kind.CALLS, "unit_name": "call"}
    )[0]


@transaction.atomic
def create_meter(
    *,
    actor: Actor,
    name: str,
    kind: str,
    unit_name: str,
    statuses: Sequence[str] = (),
    unit_size: int = 1,
    slug: str | None = None,
) -> Meter:
    """Say what is counted: see Meter. What it counts cannot be changed later.

    Raises InvalidInput by field, NameTaken.
    """
    if kind not in Meter.Kind.values:
        _refuse("kind", _("Choose one of %s.") % ", ".join(Meter.Kind.values))
    if unit_size not in UNIT_SIZES:
        _refuse("unit_size", _("A power of ten from 1 to 10^12."))
    for status in statuses:
        if status not in CLASSES and not (status.isdigit() and 100 <= int(status) <= 599):
            _refuse(
                "statuses", _("“%s” is no status such as 404 and no class such as 2xx.") % status
            )
    meter = Meter(
        name=checked_name(name, max_length=80),
        kind=kind,
        statuses=sorted(set(statuses)),
        unit_size=unit_size,
        unit_name=_unit_name(unit_name),
    )
    meter.slug = free_slug(Meter.objects.all(), wanted=slug, name=meter.name, fallback="meter")
    meter.save()
    record(
        actor,
        "meter.created",
        meter,
        after={"name": meter.name, "kind": kind, "statuses": meter.statuses, "unit": unit_size},
    )
    return meter


@transaction.atomic
def rename_meter(*, actor: Actor, meter: Meter, name: str, unit_name: str | None = None) -> Meter:
    """Change what people read: the meter's name, and its unit's unless None. Raises InvalidInput."""
    before = {"name": meter.name, "unit_name": meter.unit_name}
    meter.name = checked_name(name, max_length=80)
    meter.unit_name = meter.unit_name if unit_name is None else _unit_name(unit_name)
    after = {"name": meter.name, "unit_name": meter.unit_name}
    if after != before:
        meter.save(update_fields=["name", "unit_name"])
        record(actor, "meter.renamed", meter, before=before, after=after)
    return meter


def _unit_name(text: str) -> str:
    if not text.strip():
        _refuse("unit_name", _("The unit needs a name."))
    return text.strip()[:40]


def _refuse(field: str, message: str) -> NoReturn:
    raise InvalidInput(message, fields={field: [message]})
