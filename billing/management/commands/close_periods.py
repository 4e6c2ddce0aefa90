"""Close the billing periods that are due and bring their invoices to Stripe."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from billing.services.closing import close_periods
from billing.stripe.adapter import connect, is_configured
from billing.stripe.invoicing import send_invoices


class Command(BaseCommand):
    help = "Close billing periods that have ended and waited for late usage; safe to run again."

    def handle(self, *_args: Any, **_options: Any) -> None:
        done = close_periods()
        self.stdout.write(f"{done.closed} periods closed, {done.invoices} invoices made")
        for reason in done.waiting:
            self.stdout.write(self.style.WARNING(f"left open: {reason}"))
        if is_configured():
            self.stdout.write(f"{send_invoices(connect())} invoices brought to Stripe")
