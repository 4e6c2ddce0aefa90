"""Paid plans that wait for a payment method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim.core.errors import NotFound
from billing.models import Checkout

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.accounts.models import Organization


def checkouts(organization: Organization | None) -> QuerySet[Checkout]:
    """The organization's (None: everybody's), newest first."""
    rows = Checkout.objects.select_related(
        "organization", "application__organization", "plan__product", "subscription"
    )
    return rows if organization is None else rows.filter(organization=organization)


def get_checkout(organization: Organization | None, public_id: str) -> Checkout:
    """Raises NotFound."""
    found = checkouts(organization).filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found
