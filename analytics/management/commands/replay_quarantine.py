"""Take quarantined usage in again, after the cause is mended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from analytics.models import QuarantinedRecord
from analytics.services import replay_quarantined

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Take quarantined usage records in again; what is still refused stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--code", help="only records that were refused with this code")
        parser.add_argument("--max-age-days", type=int, default=35, help="accept calls this old")

    def handle(self, *_args: Any, code: str | None, max_age_days: int, **_options: Any) -> None:
        records = QuarantinedRecord.objects.waiting()
        if code:
            records = records.filter(code=code)
        counted = left = 0
        for record in records.order_by("id").iterator():
            receipt = replay_quarantined(record=record, max_age=timedelta(days=max_age_days))
            counted += receipt.accepted
            left += bool(receipt.quarantined)
        self.stdout.write(f"counted {counted}, still refused {left}")
