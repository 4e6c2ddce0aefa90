"""Rated lines in words, and frozen ones read back."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from billing.models import BillingPeriod, Discount, SubscriptionAddOn
from billing.rating.amounts import Share
from billing.rating.lines import Line, LineKind
from billing.rating.split import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from apim.accounts.models import Organization
    from apim.core.clock import Period
    from billing.models import PlanVersion, RatedLine


def described(
    line: Line, version: PlanVersion | None, names: Mapping[str, str] | None = None
) -> str:
    """What the line is for, in a few words of the reader's language.

    `names`: what `names_of` found for many lines at once; without it the line's own is looked up.
    """
    name = _component_name(line, version)
    names = names_of([line]) if names is None else names
    match line.kind:
        case LineKind.SETUP:
            text = _("Setup")
        case LineKind.MINIMUM:
            text = _("Up to the minimum commitment")
        case LineKind.TRIAL:
            text = _("%(name)s in the trial") % {"name": name}
        case LineKind.ADD_ON:
            text = names.get(line.key) or _("Add-on")
        case LineKind.DISCOUNT:
            text = names.get(line.key) or _("Discount")
        case LineKind.CORRECTION:
            what = name if version else names.get(line.key) or _("Discount")
            text = _("Late usage: %(name)s") % {"name": what}
        case _:
            text = name
    return text


def names_of(lines: Iterable[Line]) -> dict[str, str]:
    """What the add-ons and discounts behind lines are called, by the lines' keys."""
    keys = {line.key for line in lines if not line.version}
    if not keys:
        return {}
    held = SubscriptionAddOn.objects.filter(public_id__in=keys)
    given = Discount.objects.filter(public_id__in=keys)
    return {
        **dict(held.values_list("public_id", "add_on__name")),
        **dict(given.values_list("public_id", "name")),
    }


def _component_name(line: Line, version: PlanVersion | None) -> str:
    if version is None:
        return line.key
    for component in version.components.all():
        if component.key == line.key and component.currency == line.currency:
            meter = component.meter
            return component.name or (meter.shown_name if meter else "") or line.key
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
