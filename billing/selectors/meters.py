"""Meters with what uses them and what they counted lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from apim.catalog.models import Plan
from apim.core import clock
from apim.core.clock import Period
from apim.core.errors import NotFound
from billing.models import Meter
from billing.rating.amounts import EXACT
from billing.selectors.quantities import measure, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

LATELY_DAYS = 7
_USES = {
    "version_count": Count(
        "pricecomponent__version",
        filter=Q(pricecomponent__version__starts_at__isnull=False),
        distinct=True,
    ),
    "add_on_count": Count("add_ons", filter=Q(add_ons__withdrawn_at__isnull=True), distinct=True),
}


@dataclass(frozen=True, slots=True)
class MeterRow:
    """A meter and its use: `counted` are priced units of all customers, of the last whole days.

    Different keys and the busiest hour are those of each subscription, added up.
    """

    meter: Meter
    counted: Decimal
    version_count: int
    add_on_count: int


def get_meter(public_id: str) -> Meter:
    """Raises NotFound."""
    found = Meter.objects.filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


def meter_rows() -> list[MeterRow]:
    """Every meter, with what it counted in the last seven whole days (UTC)."""
    rows = list(Meter.objects.all())
    counted = counted_lately(rows)
    uses = {pk: counts for pk, *counts in Meter.objects.annotate(**_USES).values_list("pk", *_USES)}
    return [MeterRow(row, counted[row.pk], *uses[row.pk]) for row in rows]


def counted_lately(rows: Iterable[Meter]) -> dict[int, Decimal]:
    """Units of each meter in the last whole days, of all customers; one round of queries."""
    rows = list(rows)
    end = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    usage = measure(
        Period(end - timedelta(days=LATELY_DAYS), end), None, {row.kind for row in rows}
    )
    charging = set(Plan.objects.filter(charges_overage=True).values_list("pk", flat=True))
    sums = {row.pk: Decimal(0) for row in rows}
    with localcontext(EXACT):
        for of_one in usage.values():
            for plan_id, used in of_one.items():
                for row in rows:
                    sums[row.pk] += quantity(row, used, charges_overage=plan_id in charging)
    return sums
