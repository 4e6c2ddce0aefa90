"""Runs of reconciliation: asked for by a person or the schedule, done by a task, kept with results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from apim.audit.actors import SYSTEM
from apim.audit.services import record
from apim.core import clock
from apim.core.clock import Period
from apim.outbox.services import publish
from billing.models import (
    BillingPeriod,
    Invoice,
    MeterEvent,
    Reconciliation,
    ReconciliationDifference,
    StripeCustomer,
)
from billing.stripe.adapter import connect
from billing.stripe.events import handle_events
from billing.stripe.ports import StripeRefused, StripeUnavailable
from billing.stripe.reconciliation import (
    find_lost_events,
    invoice_drift,
    rating_drift,
    refresh_open,
    usage_drift,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.audit.actors import Actor
    from billing.stripe.ports import PaymentGateway
    from billing.stripe.reconciliation import Drift

DAYS = 35
# A worker that died leaves its run behind; nothing takes that long.
GIVEN_UP = timedelta(hours=2)
State = Reconciliation.State


@dataclass(slots=True)
class Compared:
    """What was looked at, and every difference."""

    invoices: int = 0
    periods: int = 0
    customers: int = 0
    found: list[Drift] = field(default_factory=list)


def span(days: int = DAYS) -> Period:
    """The last days up to the hour that ended last: usage of the running one is on its way."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    return Period(hour - timedelta(days=days), hour)


def request_reconciliation(*, actor: Actor) -> Reconciliation:
    """Let a run begin in the background; one that has not ended is returned instead.

    Raises StripeNotConfigured.
    """
    connect()
    _give_up_old()
    period = span()
    try:
        with transaction.atomic():
            made = Reconciliation.objects.create(starts_at=period.start, ends_at=period.end)
            record(actor, "reconciliation.requested", made)
            publish("reconciliation.requested", reconciliation_id=made.pk)
    except IntegrityError:
        return Reconciliation.objects.unfinished().get()
    return made


def _give_up_old() -> None:
    old = Reconciliation.objects.unfinished().filter(created_at__lt=clock.now() - GIVEN_UP)
    for run in old:
        _end(run, State.FAILED, last_error="It was broken off.")


def run_reconciliation(gateway: PaymentGateway, *, reconciliation_id: int) -> None:
    """Heal, then compare; whoever comes second does nothing. A failure is kept with the run."""
    if not Reconciliation.objects.begin(reconciliation_id, at=clock.now()):
        return
    run = Reconciliation.objects.get(pk=reconciliation_id)
    try:
        run.events_found = find_lost_events(gateway)
        run.events_handled = handle_events(gateway)
        run.invoices_fetched = refresh_open(gateway)
        compared = compare(gateway, Period(run.starts_at, run.ends_at))
    except (StripeUnavailable, StripeRefused) as error:
        _end(run, State.FAILED, last_error=str(error)[:400])
        return
    with transaction.atomic():
        keep_differences(run, compared.found)
        _end(
            run,
            State.DONE,
            invoices=compared.invoices,
            periods=compared.periods,
            customers=compared.customers,
            difference_count=len(compared.found),
        )


@transaction.atomic
def _end(run: Reconciliation, state: str, **values: object) -> None:
    for name, value in values.items():
        setattr(run, name, value)
    before, run.state, run.finished_at = run.state, state, clock.now()
    run.save()
    after = {"state": str(state), "differences": run.difference_count}
    record(SYSTEM, f"reconciliation.{state}", run, before={"state": before}, after=after)


def compare(gateway: PaymentGateway, period: Period) -> Compared:
    """Every difference between rated, sent and invoiced; late usage waits for its correction."""
    done = Compared()
    done.found += invoice_drift(gateway, since=period.start)
    done.invoices = Invoice.objects.filter(created_at__gte=period.start).count()
    for row in BillingPeriod.objects.closed().filter(closed_at__gte=period.start):
        done.found += rating_drift(row)
        done.periods += 1
    sent = MeterEvent.objects.told_between(period.start, period.end)
    organizations = sent.order_by().values_list("organization", flat=True).distinct()
    for organization_id in organizations:
        done.found += usage_drift(gateway, organization_id=organization_id, period=period)
        done.customers += 1
    return done


def keep_differences(run: Reconciliation, found: Sequence[Drift]) -> None:
    """Store them with whose they are and the invoice that leads on."""
    subjects = [drift.subject for drift in found]
    invoices = Invoice.objects.filter(public_id__in=subjects)
    periods = BillingPeriod.objects.filter(public_id__in=subjects)
    of_subject: dict[str, tuple[int, Invoice | None, str]] = {
        row.public_id: (row.organization_id, row, row.currency) for row in invoices
    }
    for period in periods.select_related("invoiced__invoice"):
        placed = getattr(period, "invoiced", None)
        of_subject[period.public_id] = (
            period.organization_id,
            placed.invoice if placed else None,
            period.currency,
        )
    for customer in StripeCustomer.objects.filter(stripe_id__in=subjects):
        of_subject[customer.stripe_id] = (customer.organization_id, None, "")
    rows = []
    for drift in found:
        organization_id, invoice, currency = of_subject[drift.subject]
        rows.append(
            ReconciliationDifference(
                run=run,
                organization_id=organization_id,
                kind=drift.kind,
                subject=drift.subject,
                invoice=invoice,
                meter=drift.meter,
                currency="" if drift.meter else currency,
                ours=drift.ours,
                stripes=drift.stripes,
            )
        )
    ReconciliationDifference.objects.bulk_create(rows)
