"""Rated lines in words, and frozen ones read back."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from billing.models import AddOn, BillingPeriod, Discount
from billing.rating.amounts import Share
from billing.rating.lines import Line, LineKind
from billing.rating.split import Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apim.accounts.models import Organization
    from apim.core.clock import Period
    from billing.models import PlanVersion, RatedLine


def described(line: Line, version: PlanVersion | None) -> str:
    """What the line is for, in a few words of the reader's language."""
    name = _component_name(line, version)
    match line.kind:
        case LineKind.SETUP:
            text = _("Setup")
        case LineKind.MINIMUM:
            text = _("Up to the minimum commitment")
        case LineKind.TRIAL:
            text = _("%(name)s in the trial") % {"name": name}
        case LineKind.ADD_ON:
            held = AddOn.objects.filter(held__public_id=line.key).first()
            text = held.name if held else _("Add-on")
        case LineKind.DISCOUNT:
            text = _discount_name(line)
        case LineKind.CORRECTION:
            what = name if version else _discount_name(line)
            text = _("Late usage: %(name)s") % {"name": what}
        case _:
            text = name
    return text


def _discount_name(line: Line) -> str:
    given = Discount.objects.filter(public_id=line.key).first()
    return given.name if given else _("Discount")


def _component_name(line: Line, version: PlanVersion | None) -> str:
    if version is None:
        return line.key
    for component in version.components.all():
        if component.key == line.key and component.currency == line.currency:
            meter = component.meter
            return component.name or (meter.name if meter else "") or line.key
    return line.key


def frozen_line(row: RatedLine) -> Line:
    """A frozen line as the engine's value; equal to the one that was frozen."""
    return Line(
        kind=LineKind(row.kind),
        key=row.key,
        version=row.version.public_id if row.version else "",
        currency=row.currency,
        amount_minor=row.amount_minor,
        meter=row.meter.slug if row.meter else "",
        quantity=row.quantity,
        included=row.included,
        parts=tuple(_part(part) for part in row.parts),
        base=row.base,
        share=Share(row.share_part, row.share_whole),
    )


def frozen_periods(organization: Organization, period: Period) -> Sequence[BillingPeriod]:
    """The organization's closed billing periods that begin in `period`, with their lines."""
    rows = BillingPeriod.objects.closed().filter(
        organization=organization, starts_at__gte=period.start, starts_at__lt=period.end
    )
    related = ("lines__version", "lines__meter", "lines__plan", "lines__origin")
    return tuple(rows.select_related("subscription__application").prefetch_related(*related))


def _part(row: Mapping[str, Any]) -> Part:
    return Part(
        after=Decimal(row["after"]),
        quantity=Decimal(row["quantity"]),
        unit_amount=Decimal(row["unit_amount"]),
        flat_amount=Decimal(row["flat_amount"]),
        amount=Decimal(row["amount"]),
        is_included=row["is_included"],
        packages=row["packages"],
    )
