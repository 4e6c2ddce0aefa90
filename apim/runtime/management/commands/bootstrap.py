"""The first admin and the embedded gateway's registration, from the generated secrets."""

import os
from typing import Any

from django.core.management.base import BaseCommand

from apim.accounts.models import StaffRole, User
from apim.accounts.services import create_person
from apim.audit.actors import SYSTEM
from apim.gateway.models import Gateway
from apim.gateway.services import adopt_gateway

ADMIN_EMAIL = "admin@apim.localhost"
GATEWAY_NAME = "Embedded Envoy"


class Command(BaseCommand):
    help = (
        "Create the first admin (password in APIM_ADMIN_PASSWORD) and register the Envoy gateway "
        "(token in APIM_GATEWAY_TOKEN). Safe to run again: what exists keeps its password."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if password := os.environ.get("APIM_ADMIN_PASSWORD"):
            email = os.environ.get("APIM_ADMIN_EMAIL") or ADMIN_EMAIL
            if _create_admin(email=email, password=password):
                self.stdout.write(f"Created the admin {email}.")
        if token := os.environ.get("APIM_GATEWAY_TOKEN"):
            kind = Gateway.Kind.ENVOY.value
            if adopt_gateway(actor=SYSTEM, name=GATEWAY_NAME, kind=kind, token=token):
                self.stdout.write(f"Registered the gateway {GATEWAY_NAME}.")


def _create_admin(*, email: str, password: str) -> bool:
    """Return true if the admin was created, false if somebody has this address already."""
    if User.objects.filter(email__iexact=email).exists():
        return False
    create_person(
        actor=SYSTEM, email=email, name="Admin", password=password, staff_role=StaffRole.ADMIN
    )
    return True
