"""Writing rated periods down for good."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from apim.audit.services import record_several
from apim.core import clock
from apim.keys.models import Subscription
from billing.errors import PeriodNotEnded
from billing.models import BillingPeriod, Meter, PlanVersion, RatedLine
from billing.rating.lines import Bill
from billing.selectors.lines import described, names_of
from billing.selectors.rated import DEFAULT_CURRENCY
from billing.selectors.versions import with_prices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apim.audit.actors import Actor
    from billing.rating.lines import Line
    from billing.rating.split import Part
    from billing.selectors.corrections import Correction
    from billing.selectors.rated import RatedSubscription


def freeze_period(
    *, actor: Actor, rated: RatedSubscription, corrections: Sequence[Correction] = ()
) -> tuple[BillingPeriod, ...]:
    """Close one subscription's period: see `freeze_periods`."""
    pk = rated.subscription.pk
    return freeze_periods(actor=actor, rated=[rated], corrections={pk: corrections})[pk]


@transaction.atomic
def freeze_periods(
    *,
    actor: Actor,
    rated: Sequence[RatedSubscription],
    corrections: Mapping[int, Sequence[Correction]],
) -> dict[int, tuple[BillingPeriod, ...]]:
    """Close a period of each subscription with these lines: one frozen period per currency.

    `corrections`: what late usage changes in periods that were closed before, by subscription.
    Running it again, with whatever lines, changes nothing and returns what was frozen. When to
    close, and what becomes of late usage, is the business of closing. Raises PeriodNotEnded.
    """
    if any(one.period.end > clock.now() for one in rated):
        raise PeriodNotEnded
    ids = sorted(one.subscription.pk for one in rated)
    list(Subscription.objects.select_for_update().order_by("id").filter(pk__in=ids).values("pk"))
    frozen = _frozen(rated)
    fresh = [one for one in rated if one.subscription.pk not in frozen]
    made = _write(fresh, corrections)
    record_several(
        actor,
        "billing_period.closed",
        [(row, {"total_minor": row.total_minor, "currency": row.currency}) for row in made],
    )
    for row in made:
        frozen[row.subscription_id].append(row)
    return {pk: tuple(rows) for pk, rows in frozen.items()}


def _frozen(rated: Sequence[RatedSubscription]) -> dict[int, list[BillingPeriod]]:
    """What of it is closed already, by subscription."""
    starts = {one.subscription.pk: one.period.start for one in rated}
    rows = BillingPeriod.objects.closed().filter(
        subscription__in=starts, starts_at__in=set(starts.values())
    )
    found: dict[int, list[BillingPeriod]] = defaultdict(list)
    for row in rows:
        if starts[row.subscription_id] == row.starts_at:
            found[row.subscription_id].append(row)
    return found


def _write(
    rated: Sequence[RatedSubscription], corrections: Mapping[int, Sequence[Correction]]
) -> list[BillingPeriod]:
    """Periods and lines in a few statements, and only then closed: triggers allow nothing after."""
    bills = [
        (one, bill)
        for one in rated
        for bill in _bills(one, corrections.get(one.subscription.pk, ()))
    ]
    periods = BillingPeriod.objects.bulk_create(_period(one, bill) for one, bill in bills)
    context = _Context.of(rated, corrections, [bill for _one, bill in bills])
    RatedLine.objects.bulk_create(
        context.row(period, position, line)
        for period, (_one, bill) in zip(periods, bills, strict=True)
        for position, line in enumerate(bill.lines)
    )
    now = clock.now()
    BillingPeriod.objects.filter(pk__in=[period.pk for period in periods]).update(
        state=BillingPeriod.State.CLOSED, closed_at=now
    )
    for period in periods:
        period.state, period.closed_at = BillingPeriod.State.CLOSED, now
    return periods


def _period(rated: RatedSubscription, bill: Bill) -> BillingPeriod:
    return BillingPeriod(
        organization_id=rated.subscription.organization_id,
        subscription=rated.subscription,
        starts_at=rated.period.start,
        ends_at=rated.period.end,
        currency=bill.currency,
        subtotal_minor=bill.subtotal_minor,
        discount_minor=bill.discount_minor,
        total_minor=bill.total_minor,
    )


def _bills(rated: RatedSubscription, corrections: Sequence[Correction]) -> list[Bill]:
    """One per currency, corrections last; a free period is closed too."""
    lines = {bill.currency: bill.lines for bill in rated.bills}
    for correction in corrections:
        line = correction.line
        lines[line.currency] = (*lines.get(line.currency, ()), line)
    return [
        Bill(currency, of_one) for currency, of_one in (lines or {DEFAULT_CURRENCY: ()}).items()
    ]


@dataclass(frozen=True, slots=True)
class _Context:
    """What the rows of lines name: versions and meters, words, and where corrections come from."""

    versions: Mapping[str, PlanVersion]
    meters: Mapping[str, Meter]
    names: Mapping[str, str]
    origins: Mapping[int, BillingPeriod]

    @classmethod
    def of(
        cls,
        rated: Sequence[RatedSubscription],
        corrections: Mapping[int, Sequence[Correction]],
        bills: Sequence[Bill],
    ) -> _Context:
        versions = {
            s.version.public_id: s.version for one in rated for s in one.segments if s.version
        }
        late = [correction for one in corrections.values() for correction in one]
        unknown = {c.line.version for c in late if c.line.version} - versions.keys()
        if unknown:
            rows = with_prices(PlanVersion.objects.filter(public_id__in=unknown))
            versions |= {version.public_id: version for version in rows}
        return cls(
            versions,
            {meter.slug: meter for meter in Meter.objects.all()},
            names_of(line for bill in bills for line in bill.lines),
            {id(correction.line): correction.origin for correction in late},
        )

    def row(self, period: BillingPeriod, position: int, line: Line) -> RatedLine:
        version = self.versions.get(line.version)
        return RatedLine(
            organization_id=period.organization_id,
            period=period,
            origin=self.origins.get(id(line)),
            plan_id=version.plan_id if version else None,
            version=version,
            meter=self.meters.get(line.meter),
            position=position,
            kind=line.kind.value,
            key=line.key,
            description=described(line, version, self.names)[:200],
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
