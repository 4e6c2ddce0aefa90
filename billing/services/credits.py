"""Prepaid credit: granted, used, returned, expired, withdrawn. The ledger only grows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from apim.accounts.models import Organization
from apim.audit.actors import SYSTEM
from apim.audit.services import record
from apim.catalog.naming import checked_name
from apim.core import clock
from apim.core.errors import InvalidInput
from billing.errors import CreditTooSmall, UnknownCurrency
from billing.models import CreditEntry, CreditGrant
from billing.rating.credits import use_credits
from billing.selectors.credits import usable_grants
from billing.services.prices import CURRENCIES

if TYPE_CHECKING:
    from datetime import datetime

    from apim.audit.actors import Actor
    from billing.models import BillingPeriod

Kind = CreditEntry.Kind
MAX_MINOR = 10**15
MAX_PRIORITY = 32_767
MAX_EXPIRED = 500
# Longer than a period stays open for late usage: it may still be paid by credit of its own time.
EXPIRED_AFTER = timedelta(days=35)


@transaction.atomic
def grant_credit(
    *,
    actor: Actor,
    organization: Organization,
    name: str,
    amount_minor: int,
    currency: str,
    expires_at: datetime | None = None,
    priority: int = 50,
    note: str = "",
) -> CreditGrant:
    """Give or sell credit, in minor units. Raises InvalidInput, UnknownCurrency."""
    if currency not in CURRENCIES:
        raise UnknownCurrency(fields={"currency": [_("Choose one of %s.") % ", ".join(CURRENCIES)]})
    if not 0 < amount_minor <= MAX_MINOR:
        raise InvalidInput(fields={"amount": [_("More than 0, at most 10^15.")]})
    if not 0 <= priority <= MAX_PRIORITY:
        raise InvalidInput(fields={"priority": [_("Between 0 and 32767.")]})
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(fields={"expires_at": [_("It has to lie ahead.")]})
    grant = CreditGrant.objects.create(
        organization=organization,
        name=checked_name(name, max_length=80),
        currency=currency,
        priority=priority,
        granted_at=now,
        expires_at=expires_at,
    )
    _enter(grant, Kind.GRANT, amount_minor, note=note)
    record(
        actor,
        "credit.granted",
        grant,
        after={"amount_minor": amount_minor, "currency": currency, "note": note},
    )
    return grant


@transaction.atomic
def pay_by_credit(*, actor: Actor, period: BillingPeriod, due_minor: int) -> int:
    """Let the customer's credit pay for a period; returns what it paid, in minor units.

    Used by priority, then by expiry, then by age; what had expired when the period ended is not.
    Once per period: running it again pays nothing more and returns what was paid.
    """
    Organization.objects.select_for_update().get(pk=period.organization_id)
    paid = CreditEntry.objects.filter(period=period, kind=Kind.USE).aggregate(s=Sum("amount_minor"))
    if paid["s"] is not None:
        return -int(paid["s"])
    grants = usable_grants(period.organization_id, period.currency)
    uses = use_credits(due_minor, period.currency, grants, at=period.ends_at)
    found = CreditGrant.objects.in_bulk([use.grant_id for use in uses])
    for use in uses:
        grant = found[use.grant_id]
        _enter(grant, Kind.USE, -use.amount_minor, period=period)
        record(
            actor,
            "credit.used",
            grant,
            after={"amount_minor": use.amount_minor, "period": period.public_id},
        )
    return sum(use.amount_minor for use in uses)


@transaction.atomic
def return_credit(*, actor: Actor, grant: CreditGrant, amount_minor: int, note: str) -> CreditEntry:
    """Put back what was used, for example for a credit note. Raises CreditTooSmall beyond that."""
    CreditGrant.objects.select_for_update().get(pk=grant.pk)
    moved = grant.entries.filter(kind__in=[Kind.USE, Kind.RETURN]).aggregate(s=Sum("amount_minor"))
    if not 0 < amount_minor <= -(moved["s"] or 0):
        raise CreditTooSmall(_("No more than was used can be returned."))
    entry = _enter(grant, Kind.RETURN, amount_minor, note=note)
    record(actor, "credit.returned", grant, after={"amount_minor": amount_minor, "note": note})
    return entry


@transaction.atomic
def void_credit(*, actor: Actor, grant: CreditGrant, note: str = "") -> CreditEntry:
    """Withdraw what is left of a grant. Raises CreditTooSmall when nothing is."""
    left = _locked_left(grant)
    if left <= 0:
        raise CreditTooSmall
    entry = _enter(grant, Kind.VOID, -left, note=note)
    record(actor, "credit.voided", grant, after={"amount_minor": left, "note": note})
    return entry


def expire_credits() -> int:
    """Write off what is left of grants that expired a while ago; returns how many.

    Nothing can be paid with them meanwhile except periods that ended before they expired.
    """
    due = (
        CreditGrant.objects.filter(expires_at__lt=clock.now() - EXPIRED_AFTER)
        .annotate(left=Sum("entries__amount_minor"))
        .filter(left__gt=0)
    )
    return sum(_expire(grant) for grant in due.order_by("expires_at")[:MAX_EXPIRED])


@transaction.atomic
def _expire(grant: CreditGrant) -> bool:
    left = _locked_left(grant)
    if left <= 0:
        return False
    _enter(grant, Kind.EXPIRY, -left)
    record(SYSTEM, "credit.expired", grant, after={"amount_minor": left})
    return True


def _locked_left(grant: CreditGrant) -> int:
    CreditGrant.objects.select_for_update().get(pk=grant.pk)
    return int(grant.entries.aggregate(s=Sum("amount_minor"))["s"] or 0)


def _enter(
    grant: CreditGrant,
    kind: str,
    amount_minor: int,
    *,
    note: str = "",
    period: BillingPeriod | None = None,
) -> CreditEntry:
    return CreditEntry.objects.create(
        organization_id=grant.organization_id,
        grant=grant,
        kind=kind,
        amount_minor=amount_minor,
        note=note[:200],
        period=period,
        at=clock.now(),
    )
