"""Writing a rated period down for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from apim.audit.services import record
from apim.core import clock
from billing.errors import PeriodNotEnded
from billing.models import BillingPeriod, Meter, PlanVersion, RatedLine
from billing.rating.lines import Bill
from billing.selectors.lines import described
from billing.selectors.rated import DEFAULT_CURRENCY
from billing.selectors.versions import with_prices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apim.audit.actors import Actor
    from billing.rating.lines import Line
    from billing.rating.split import Part
    from billing.selectors.corrections import Correction
    from billing.selectors.rated import RatedSubscription


@transaction.atomic
def freeze_period(
    *, actor: Actor, rated: RatedSubscription, corrections: Sequence[Correction] = ()
) -> tuple[BillingPeriod, ...]:
    """Close the subscription's period with these lines: one frozen period per currency.

    `corrections`: what late usage changes in periods that were closed before.
    Running it again, with whatever lines, changes nothing and returns what was frozen. When to
    close, and what becomes of late usage, is the business of closing. Raises PeriodNotEnded.
    """
    subscription, period = rated.subscription, rated.period
    if period.end > clock.now():
        raise PeriodNotEnded
    frozen = BillingPeriod.objects.closed().filter(
        subscription=subscription, starts_at=period.start
    )
    type(subscription).objects.select_for_update().get(pk=subscription.pk)
    if frozen.exists():
        return tuple(frozen)
    versions = {s.version.public_id: s.version for s in rated.segments if s.version}
    named = {correction.line.version for correction in corrections} - versions.keys()
    versions |= {
        v.public_id: v for v in with_prices(PlanVersion.objects.filter(public_id__in=named))
    }
    origins = {id(correction.line): correction.origin for correction in corrections}
    meters = {meter.slug: meter for meter in Meter.objects.all()}
    made = []
    for bill in _bills(rated, corrections):
        row = BillingPeriod.objects.create(
            organization_id=subscription.organization_id,
            subscription=subscription,
            starts_at=period.start,
            ends_at=period.end,
            currency=bill.currency,
        )
        RatedLine.objects.bulk_create(
            _line(row, position, line, versions, meters, origins.get(id(line)))
            for position, line in enumerate(bill.lines)
        )
        row.state, row.closed_at = BillingPeriod.State.CLOSED, clock.now()
        row.subtotal_minor = bill.subtotal_minor
        row.discount_minor = bill.discount_minor
        row.total_minor = bill.total_minor
        row.save()
        record(
            actor,
            "billing_period.closed",
            row,
            after={"total_minor": row.total_minor, "currency": row.currency},
        )
        made.append(row)
    return tuple(made)


def _bills(rated: RatedSubscription, corrections: Sequence[Correction]) -> list[Bill]:
    """One per currency, corrections last; a free period is closed too."""
    lines = {bill.currency: bill.lines for bill in rated.bills}
    for correction in corrections:
        line = correction.line
        lines[line.currency] = (*lines.get(line.currency, ()), line)
    return [
        Bill(currency, of_one) for currency, of_one in (lines or {DEFAULT_CURRENCY: ()}).items()
    ]


def _line(
    period: BillingPeriod,
    position: int,
    line: Line,
    versions: Mapping[str, PlanVersion],
    meters: Mapping[str, Meter],
    origin: BillingPeriod | None,
) -> RatedLine:
    version = versions.get(line.version)
    return RatedLine(
        organization_id=period.organization_id,
        period=period,
        origin=origin,
        plan_id=version.plan_id if version else None,
        version=version,
        meter=meters.get(line.meter),
        position=position,
        kind=line.kind.value,
        key=line.key,
        description=described(line, version)[:200],
        quantity=line.quantity,
        included=line.included,
        parts=[part_row(part) for part in line.parts],
        base=line.base,
        share_part=line.share.part,
        share_whole=line.share.whole,
        amount_minor=line.amount_minor,
        currency=line.currency,
    )


def part_row(part: Part) -> dict[str, Any]:
    """A tier part's JSON form: decimals as text, so that none is rounded."""
    return {
        "after": f"{part.after:f}",
        "quantity": f"{part.quantity:f}",
        "unit_amount": f"{part.unit_amount:f}",
        "flat_amount": f"{part.flat_amount:f}",
        "amount": f"{part.amount:f}",
        "is_included": part.is_included,
        "packages": part.packages,
    }
