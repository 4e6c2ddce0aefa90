"""Finance's proof: runs of reconciliation, and what was rated, sent and invoiced by closed period."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import F, Q, Sum

from apim.core import clock
from apim.core.errors import NotFound
from apim.core.money import Money
from billing.models import (
    BillingPeriod,
    Invoice,
    Meter,
    MeterEvent,
    RatedLine,
    Reconciliation,
    StripeEvent,
)
from billing.period_words import period_days
from billing.rating.lines import LineKind
from billing.selectors.invoices import zone_of
from billing.selectors.quantities import MICRO_EXPONENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from apim.core.clock import Period

COUNTED = (LineKind.USAGE, LineKind.TRIAL, LineKind.CORRECTION)
HEALED_BACK = timedelta(days=7)
HALF_DAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class MeterFigures:
    """Usage of one meter in a period, in whole counted units. `sent`: at Stripe or on its way."""

    meter: str
    rated: int
    sent: int

    @property
    def difference(self) -> int:
        return self.sent - self.rated


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """A closed period. `invoiced` and `at_stripe` are of its whole invoice, before tax.

    `invoiced`: what Stripe was asked for, credit taken off; `at_stripe`: what its invoice says.
    """

    period: BillingPeriod
    days: str
    zone: str
    meters: tuple[MeterFigures, ...]
    rated: Money
    invoice: Invoice | None
    invoiced: Money | None
    at_stripe: Money | None

    @property
    def is_equal(self) -> bool:
        if self.invoice is None:
            return not self.rated.amount_minor and not any(one.difference for one in self.meters)
        waits = self.invoice.step == Invoice.Step.WAITING
        is_charged = waits or self.invoiced == self.at_stripe
        return is_charged and not any(one.difference for one in self.meters)


def reconciliations() -> QuerySet[Reconciliation]:
    """Every run, newest first."""
    return Reconciliation.objects.all()


def get_reconciliation(public_id: str) -> Reconciliation:
    """Raises NotFound."""
    found = Reconciliation.objects.filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


def events_healed() -> int:
    """How many of Stripe's events of the last seven days no webhook had brought."""
    source = StripeEvent.Source.RECONCILIATION
    since = clock.now() - HEALED_BACK
    return StripeEvent.objects.filter(source=source, received_at__gte=since).count()


def closed_periods(period: Period) -> QuerySet[BillingPeriod]:
    """Closed periods of all organizations whose last day is of the span, in UTC's whole days.

    Midnights of all zones lie within half a day of UTC's, so each falls on its own month.
    """
    rows = BillingPeriod.objects.closed().filter(
        ends_at__gt=period.start + HALF_DAY, ends_at__lte=period.end + HALF_DAY
    )
    return rows.order_by("organization__name", "ends_at", "id")


def period_figures(periods: Iterable[BillingPeriod]) -> tuple[PeriodFigures, ...]:
    """What was rated, sent and invoiced of each, in a handful of queries whatever their number."""
    ids = [period.pk for period in periods]
    rows = BillingPeriod.objects.filter(pk__in=ids).select_related(
        "organization",
        "subscription__application",
        "subscription__organization",
        "subscription__billing_terms",
        "invoiced__invoice",
    )
    by_pk = {row.pk: row for row in rows}
    rated, sent = _rated(ids), _sent(ids)
    names = {meter.pk: meter.name for meter in Meter.objects.all()}
    found = []
    for pk in ids:
        row = by_pk[pk]
        meters = sorted({meter for period, meter in (*rated, *sent) if period == pk})
        figures = (
            MeterFigures(names[meter], rated.get((pk, meter), 0), sent.get((pk, meter), 0))
            for meter in meters
        )
        found.append(_figures(row, tuple(figures)))
    return tuple(found)


def _figures(row: BillingPeriod, meters: tuple[MeterFigures, ...]) -> PeriodFigures:
    placed = getattr(row, "invoiced", None)
    invoice = placed.invoice if placed else None
    zone = zone_of(row.subscription)
    return PeriodFigures(
        period=row,
        days=period_days(row.period, zone),
        zone=zone,
        meters=meters,
        rated=Money(row.total_minor, row.currency),
        invoice=invoice,
        invoiced=Money(invoice.charged_minor, invoice.currency) if invoice else None,
        at_stripe=Money(invoice.subtotal_minor, invoice.currency) if invoice else None,
    )


def _rated(ids: Sequence[int]) -> dict[tuple[int, int], int]:
    """Whole units by period and meter: its lines and the corrections that late usage made later.

    A meter that several prices of a plan ask counts once.
    """
    lines = RatedLine.objects.filter(meter__isnull=False, kind__in=COUNTED)
    own = lines.filter(period__in=ids, origin=None).annotate(of=F("period"))
    late = lines.filter(origin__in=ids).annotate(of=F("origin"))
    sums: dict[tuple[int, int, int | None], dict[str, Decimal]] = defaultdict(dict)
    for some in (own, late):
        columns = some.order_by().values_list("of", "meter", "plan", "key")
        for pk, meter, plan, key, quantity in columns.annotate(total=Sum("quantity")):
            of_key = sums[pk, meter, plan]
            of_key[key] = of_key.get(key, Decimal(0)) + quantity
    meters = {meter.pk: meter for meter in Meter.objects.all()}
    found: dict[tuple[int, int], int] = defaultdict(int)
    for (pk, meter, _plan), of_key in sums.items():
        found[pk, meter] += _whole(meters[meter], max(of_key.values()))
    return found


def _whole(meter: Meter, quantity: Decimal) -> int:
    """Counted units of priced ones: bytes of gigabytes, millionths of reported units."""
    exponent = len(str(meter.unit_size)) - 1
    exponent += MICRO_EXPONENT if meter.kind == Meter.Kind.UNITS else 0
    return int(quantity.scaleb(exponent))


def _sent(ids: Sequence[int]) -> dict[tuple[int, int], int]:
    events = "subscription__meter_events"
    counted = Q(
        **{
            f"{events}__state__in": [MeterEvent.State.WAITING, MeterEvent.State.SENT],
            f"{events}__hour__gte": F("starts_at"),
            f"{events}__hour__lt": F("ends_at"),
        }
    )
    rows = BillingPeriod.objects.filter(counted, pk__in=ids).order_by()
    sums = rows.values_list("pk", f"{events}__meter").annotate(total=Sum(f"{events}__value"))
    return {(pk, meter): total for pk, meter, total in sums}
