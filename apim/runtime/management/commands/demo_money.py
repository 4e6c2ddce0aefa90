"""`manage.py demo_money`: invoices, payments, credit and corrections of the demo's ninety days."""

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apim.core import clock
from apim.gateway.models import Gateway
from apim.runtime.demo.money import write_money
from apim.runtime.demo.seed import SINCE, money_file


class Command(BaseCommand):
    help = (
        "Tell the demo's money by the Stripe simulator. Safe to run again, also when interrupted."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if money_file().exists():
            self.stdout.write("The demo's money is already there.")
            return
        gateway = Gateway.objects.active().filter(kind=Gateway.Kind.ENVOY).first()
        if gateway is None:
            raise CommandError("No Envoy gateway is registered: run `manage.py bootstrap` first.")
        # Two lines for each of some thousand requests would bury the rest.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        invoices = write_money(gateway=gateway, since=clock.now() - SINCE)
        money_file().touch(mode=0o600)
        self.stdout.write(f"The demo has {invoices} invoices.")
