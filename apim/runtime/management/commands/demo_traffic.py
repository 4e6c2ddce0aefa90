"""`manage.py demo_traffic`: calls the demo's APIs through the gateway until it is stopped."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apim.runtime.demo.traffic import drive


class Command(BaseCommand):
    help = "Gentle live traffic through the gateway with the demo's keys."

    def handle(self, *_args: Any, **_options: Any) -> None:
        drive(settings.APIM_GATEWAY_URL)
