"""Discounts, one or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim.core.errors import NotFound
from billing.models import Discount

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.accounts.models import Organization


def get_discount(public_id: str) -> Discount:
    """Raises NotFound."""
    rows = Discount.objects.select_related("organization", "subscription")
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


def discounts(organization: Organization | None) -> QuerySet[Discount]:
    """Those of the organization (None: everybody's), newest first."""
    rows = Discount.objects.select_related("organization", "subscription").order_by("-id")
    return rows if organization is None else rows.filter(organization=organization)
