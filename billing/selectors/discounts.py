"""Discounts by id."""

from __future__ import annotations

from apim.core.errors import NotFound
from billing.models import Discount


def get_discount(public_id: str) -> Discount:
    """Raises NotFound."""
    rows = Discount.objects.select_related("organization", "subscription")
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found
