"""`manage.py demo`: sample APIs, organizations, and ninety days of usage."""

import logging
import os
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apim.gateway.models import Gateway
from apim.runtime.demo.history import DAYS, write_history
from apim.runtime.demo.seed import history_file, seed
from apim.runtime.demo.world import ORGANIZATIONS, STAFF


class Command(BaseCommand):
    help = "Seed the demo. Safe to run again: what exists stays, and no call counts twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=DAYS, help="how much usage, in days")

    def handle(self, *_args: Any, **options: Any) -> None:
        gateway = Gateway.objects.active().filter(kind=Gateway.Kind.ENVOY).first()
        if gateway is None:
            raise CommandError("No Envoy gateway is registered: run `manage.py bootstrap` first.")
        # Partitions are made by the day; ninety lines about it would bury the rest.
        logging.getLogger("analytics.partitions").setLevel(logging.WARNING)
        given = os.environ.get("APIM_ADMIN_PASSWORD")
        password = given or secrets.token_urlsafe(12)
        is_new = seed(password=password)
        if history_file().exists() and not is_new:
            self.stdout.write("The demo is already there.")
            return
        calls = write_history(gateway=gateway, days=options["days"])
        history_file().touch(mode=0o600)
        self.stdout.write(f"The demo has {calls} calls of the last {options['days']} days.")
        if is_new:
            self._say_who(password, is_admins=bool(given))

    def _say_who(self, password: str, *, is_admins: bool) -> None:
        what = "the admin's password" if is_admins else f"the password {password}"
        people = [*STAFF, *(person for o in ORGANIZATIONS for person, _ in o.people)]
        self.stdout.write(f"Its people sign in with {what}:")
        for person in people:
            self.stdout.write(f"  {person.email:<24}{person.name}")
