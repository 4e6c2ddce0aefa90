"""Heal what webhooks did not bring, and compare what was rated, sent and invoiced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from apim.core.errors import DomainError
from billing.stripe.adapter import connect
from billing.stripe.comparing import compare, span
from billing.stripe.events import handle_events
from billing.stripe.reconciliation import find_lost_events, refresh_open

if TYPE_CHECKING:
    from argparse import ArgumentParser


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
            found = compare(gateway, span(days)).found
        except DomainError as error:
            raise CommandError(error.message) from error
        for drift in found:
            line = f"{drift.what} of {drift.subject}: ours {drift.ours}, Stripe's {drift.stripes}"
            self.stdout.write(self.style.ERROR(line))
        if found:
            raise CommandError(f"{len(found)} differences; see docs/runbooks/billing.md")
        self.stdout.write("rated, sent and invoiced are equal")
