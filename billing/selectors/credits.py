"""What is left of prepaid credit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Sum

from apim.core import clock
from apim.core.errors import NotFound
from apim.core.money import Money
from billing.models import CreditGrant
from billing.rating.credits import Grant

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.accounts.models import Organization


def usable_grants(organization_id: int, currency: str = "") -> tuple[Grant, ...]:
    """Grants with something left, expired ones included; the engine decides what may be used."""
    grants = CreditGrant.objects.filter(organization_id=organization_id)
    if currency:
        grants = grants.filter(currency=currency)
    rows = grants.annotate(left=Sum("entries__amount_minor")).filter(left__gt=0)
    return tuple(
        Grant(
            id=row.pk,
            currency=row.currency,
            left_minor=int(row.left),
            priority=row.priority,
            granted_at=row.granted_at,
            expires_at=row.expires_at,
        )
        for row in rows
    )


def credit_balance(organization: Organization) -> tuple[Money, ...]:
    """What can be used now, per currency."""
    now = clock.now()
    sums: dict[str, int] = {}
    for grant in usable_grants(organization.pk):
        if grant.is_usable(now):
            sums[grant.currency] = sums.get(grant.currency, 0) + grant.left_minor
    return tuple(Money(amount, currency) for currency, amount in sorted(sums.items()))


def get_grant(public_id: str) -> CreditGrant:
    """Raises NotFound."""
    found = CreditGrant.objects.select_related("organization").filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


def credit_grants(organization: Organization | None) -> QuerySet[CreditGrant]:
    """Grants of the organization (None: everybody's) with what is `left` of each, newest first."""
    rows = CreditGrant.objects.select_related("organization")
    if organization is not None:
        rows = rows.filter(organization=organization)
    return rows.annotate(left=Sum("entries__amount_minor")).order_by("-id")
