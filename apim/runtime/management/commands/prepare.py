"""Everything between "the database answers" and "the processes may start", in one go.

One command instead of four, because loading Django takes a second each time.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

STAMP = ".collected"


class Command(BaseCommand):
    help = "Migrate, collect static files if they changed, bootstrap, write Envoy's bootstrap."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--envoy-bootstrap", type=Path, help="file to write it to")

    def handle(self, *_args: Any, **options: Any) -> None:
        self._migrate()
        self._collect_static()
        call_command("bootstrap", stdout=self.stdout)
        if options["envoy_bootstrap"]:
            call_command("envoy_bootstrap", output=options["envoy_bootstrap"])

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if pending:
            self.stdout.write(f"Applying {pending} migration{'s' if pending > 1 else ''} ...")
        call_command("migrate", interactive=False, verbosity=0)

    def _collect_static(self) -> None:
        stamp = Path(settings.STATIC_ROOT) / STAMP
        newest = _fingerprint()
        if not stamp.exists() or stamp.read_text() != newest:
            call_command("collectstatic", interactive=False, clear=True, verbosity=0)
            stamp.write_text(newest)
            self.stdout.write("Collected static files.")


def _fingerprint() -> str:
    """Return the count and the newest change of all static files."""
    changed_at = [
        Path(storage.path(path)).stat().st_mtime_ns
        for finder in get_finders()
        for path, storage in finder.list([])
    ]
    return f"{len(changed_at)} {max(changed_at, default=0)}"
