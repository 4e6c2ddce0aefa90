"""Say in words whether payments are set up; the same answers as the configuration page."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.stripe.checks import run_checks


class Command(BaseCommand):
    help = "Check keys, webhooks, meters and tax at Stripe."

    def handle(self, *_args: Any, **_options: Any) -> None:
        checks = run_checks()
        for check in checks:
            style = self.style.SUCCESS if check.is_ok else self.style.ERROR
            self.stdout.write(style(f"{check.name}: {check.text} {check.hint}".rstrip()))
        if not all(check.is_ok for check in checks):
            raise CommandError("payments are not set up completely")
