"""`migrate` that is safe on a live database: one runner at a time, short lock waits."""

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections

from apim.core.locks import LockId


class Command(MigrateCommand):
    """Django's migrate under an advisory lock, with lock_timeout=4s and statement_timeout=5s.

    A statement that waits longer than that would hold up every request behind it; it fails
    instead and the migration is run again at a quieter moment.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        with connections[options["database"]].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, 0)", [int(LockId.MIGRATE)])
            cursor.execute("SET lock_timeout = '4s'")
            cursor.execute("SET statement_timeout = '5s'")
            try:
                super().handle(*args, **options)
            finally:
                cursor.execute("RESET lock_timeout")
                cursor.execute("RESET statement_timeout")
                cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [int(LockId.MIGRATE)])
