"""Making invoices of closed periods; prepaid credit pays first."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.db import transaction

from apim.audit.actors import SYSTEM
from apim.audit.services import record_several
from apim.core import clock
from billing.models import BillingPeriod, CreditGrant, Invoice, InvoicePeriod
from billing.services.credits import pay_by_credit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    # Organization, currency, end.
    Group = tuple[int, str, datetime]


@transaction.atomic
def make_invoices(*, organization_ids: Collection[int]) -> int:
    """One invoice for an organization's closed periods that end together, in each currency.

    Periods that come to nothing get none. Returns how many were made; running it again makes none.
    """
    groups = _groups(organization_ids)
    paid = _credit(period for periods in groups.values() for period in periods)
    now = clock.now()
    invoices = Invoice.objects.bulk_create(
        Invoice(
            organization_id=organization_id,
            currency=currency,
            ends_at=ends_at,
            rated_minor=sum(period.total_minor for period in periods),
            credit_minor=sum(paid.get(period.pk, 0) for period in periods),
            due_at=now,
        )
        for (organization_id, currency, ends_at), periods in groups.items()
    )
    InvoicePeriod.objects.bulk_create(
        InvoicePeriod(
            organization_id=invoice.organization_id,
            invoice=invoice,
            period=period,
            credit_minor=paid.get(period.pk, 0),
        )
        for invoice, periods in zip(invoices, groups.values(), strict=True)
        for period in periods
    )
    record_several(SYSTEM, "invoice.made", [(invoice, _after(invoice)) for invoice in invoices])
    return len(invoices)


def _groups(organization_ids: Collection[int]) -> dict[Group, list[BillingPeriod]]:
    rows = BillingPeriod.objects.closed().filter(
        organization__in=organization_ids, invoiced__isnull=True
    )
    groups: dict[Group, list[BillingPeriod]] = defaultdict(list)
    for row in rows.exclude(total_minor=0).order_by("ends_at", "id"):
        groups[row.organization_id, row.currency, row.ends_at].append(row)
    return groups


def _credit(periods: Iterable[BillingPeriod]) -> dict[int, int]:
    """What prepaid credit pays of each period; most customers have none."""
    periods = list(periods)
    owners = {period.organization_id for period in periods}
    grants = CreditGrant.objects.order_by().filter(organization__in=owners)
    having = set(grants.values_list("organization_id", flat=True))
    return {
        period.pk: pay_by_credit(actor=SYSTEM, period=period, due_minor=period.total_minor)
        for period in periods
        if period.organization_id in having and period.total_minor > 0
    }


def _after(invoice: Invoice) -> dict[str, object]:
    return {
        "rated_minor": invoice.rated_minor,
        "credit_minor": invoice.credit_minor,
        "currency": invoice.currency,
    }
