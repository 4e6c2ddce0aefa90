"""Heal what webhooks did not bring, and compare what was rated, sent and invoiced."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from apim.core import clock
from apim.core.clock import Period
from apim.core.errors import DomainError
from billing.models import BillingPeriod, StripeCustomer
from billing.stripe.adapter import connect
from billing.stripe.events import handle_events
from billing.stripe.reconciliation import (
    find_lost_events,
    invoice_drift,
    rating_drift,
    refresh_open,
    usage_drift,
)

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

    from billing.stripe.ports import PaymentGateway
    from billing.stripe.reconciliation import Drift


class Command(BaseCommand):
    help = "Fetch lost events and open invoices from Stripe, then print every difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=35, help="how far to look back (1 to 85)")

    def handle(self, *_args: Any, days: int, **_options: Any) -> None:
        try:
            gateway = connect()
            self.stdout.write(f"{find_lost_events(gateway)} lost events found")
            self.stdout.write(f"{handle_events(gateway)} events handled")
            self.stdout.write(f"{refresh_open(gateway)} open invoices fetched")
            found = list(_drift(gateway, days))
        except DomainError as error:
            raise CommandError(error.message) from error
        for drift in found:
            line = f"{drift.what} of {drift.subject}: ours {drift.ours}, Stripe's {drift.stripes}"
            self.stdout.write(self.style.ERROR(line))
        if found:
            raise CommandError(f"{len(found)} differences; see docs/runbooks/billing.md")
        self.stdout.write("rated, sent and invoiced are equal")


def _drift(gateway: PaymentGateway, days: int) -> Iterator[Drift]:
    """Usage of the hours that have ended and are at Stripe; late ones wait for their correction."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    period = Period(hour - timedelta(days=days), hour)
    yield from invoice_drift(gateway, since=period.start)
    for row in BillingPeriod.objects.closed().filter(closed_at__gte=period.start):
        yield from rating_drift(row)
    for organization_id in StripeCustomer.objects.values_list("organization", flat=True):
        yield from usage_drift(gateway, organization_id=organization_id, period=period)
