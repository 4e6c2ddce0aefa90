"""Prices in force, for tests that are about something else."""

from datetime import timedelta
from decimal import Decimal

from apim.audit.actors import SYSTEM
from apim.core import clock
from billing.models import PlanVersion
from billing.rating.prices import Terms, per_unit
from billing.services import draft_version


def make_price(plan, unit_amount, *, included=0, currency="EUR", months_ago=0):
    """So much per call after free ones, for everybody, since the beginning of a month."""
    usage = (per_unit(Decimal(unit_amount), included=Decimal(included)),)
    return make_version(plan, Terms("", currency, usage=usage), months_ago=months_ago)


def make_version(plan, *sheets, months_ago=0, **values):
    """A published version that has been in force since the beginning of a month."""
    start = clock.month_of(clock.now()).start
    for _ in range(months_ago):
        start = clock.month_of(start - timedelta(days=1)).start
    version = draft_version(actor=SYSTEM, plan=plan, sheets=sheets, **values)
    PlanVersion.objects.filter(pk=version.pk).update(starts_at=start, moves_at=start)
    version.refresh_from_db()
    return version
