"""`manage.py demo_period`: a customer of the demo whose billing period ends at the next full hour."""

import logging
import os
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apim.catalog.models import Plan
from apim.gateway.models import Gateway
from apim.runtime.demo.period import PLAN, Turning, begin_period
from apim.runtime.demo.simulator import is_simulated
from apim.ui.formatting import absolute

LONGEST_AGO_HOURS = 30 * 24


class Command(BaseCommand):
    help = "Let a period turn before one's eyes; see docs/runbooks/billing.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--hours-ago",
            type=int,
            default=0,
            help="so many hours before; 1 is the last full hour, 400 is past the grace of the unpaid",
        )
        parser.add_argument("--declined", action="store_true", help="its card is never charged")

    def handle(self, *_args: Any, hours_ago: int, declined: bool, **_options: Any) -> None:
        if not is_simulated():
            raise CommandError("Only with the Stripe simulator: its time is set back for it.")
        if not 0 <= hours_ago <= LONGEST_AGO_HOURS:
            raise CommandError(f"--hours-ago is 0 to {LONGEST_AGO_HOURS}.")
        product, plan = PLAN
        if not Plan.objects.filter(product__name=product, name=plan).exists():
            raise CommandError("The demo is not there: `make demo` first.")
        gateway = Gateway.objects.active().filter(kind=Gateway.Kind.ENVOY).first()
        if gateway is None:
            raise CommandError("No Envoy gateway is registered: run `manage.py bootstrap` first.")
        # Two lines for each of some hundred requests would bury the rest.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        password = os.environ.get("APIM_ADMIN_PASSWORD") or secrets.token_urlsafe(12)
        made = begin_period(
            gateway=gateway, password=password, hours_ago=hours_ago, is_declined=declined
        )
        self._say(made, password)

    def _say(self, made: Turning, password: str) -> None:
        known = "APIM_ADMIN_PASSWORD" in os.environ
        closes = made.period.end + timedelta(hours=settings.BILLING_CLOSE_DELAY_HOURS)
        gateway = settings.APIM_GATEWAY_URL.rstrip("/")
        path = "/sun/v1/times?lat=51.5&lon=-0.12"
        name, ends = made.organization.name, absolute(made.period.end)
        for line in (
            f"The month of {name} ends {ends} (midnight in {made.zone}).",
            f"  sign in as     {made.owner.email}",
            f"  password       {'the demo’s' if known else password}",
            f'  a call         curl -i -H "X-API-Key: {made.secret}" "{gateway}{path}"',
            f"  charged after  {absolute(closes)}, by the next run of close_periods (each hour, :13)",
        ):
            self.stdout.write(line)
