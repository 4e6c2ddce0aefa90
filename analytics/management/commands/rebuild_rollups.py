"""Recompute a day's rollups from its raw events, or check that they are equal."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from analytics.rollups import rebuild_rollups

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Recompute the rollups of a UTC day from its raw events; --check only compares."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--day", required=True, type=date.fromisoformat, help="YYYY-MM-DD, UTC")
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail on differences"
        )

    def handle(self, *_args: Any, day: date, check: bool, **_options: Any) -> None:
        try:
            result = rebuild_rollups(day, check_only=check)
        except ValueError as error:
            raise CommandError(str(error)) from error
        for table, rows in result.differing.items():
            self.stdout.write(f"{day} {table}: {rows} rows differ from the raw events")
        if check and not result.is_equal:
            raise CommandError("the rollups differ; run again without --check to replace them")
        if result.rebuilt:
            self.stdout.write(f"{day}: rebuilt")
