"""Prices of before plan versions are carried over with all their months."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from billing.models import PlanVersion
from tests.analytics.lines import make_world

OCTOBER, NOVEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (10, 11))


@pytest.mark.django_db(transaction=True)
def test_every_price_becomes_a_version_that_holds_for_all_subscribers():
    plan = make_world().plan
    call_command("migrate", "billing", "0001", verbosity=0)
    try:
        with connection.cursor() as cursor:
            for name, amount, start, end in (
                ("prc_1", "0.10", OCTOBER, NOVEMBER),
                ("prc_2", "0.25", NOVEMBER, None),
            ):
                cursor.execute(
                    "INSERT INTO billing_price (public_id, plan_id, currency, unit_amount,"
                    " included_calls, created_at, starts_at, ended_at)"
                    " VALUES (%s, %s, 'EUR', %s, 7, %s, %s, %s)",
                    [name, plan.pk, amount, start, start, end],
                )
    finally:
        call_command("migrate", "billing", verbosity=0)
    first, second = PlanVersion.objects.order_by("number")
    assert [v.unit_amount for v in (first, second)] == [Decimal("0.10"), Decimal("0.25")]
    assert (first.starts_at, first.ended_at, first.moves_at) == (OCTOBER, NOVEMBER, OCTOBER)
    assert (second.starts_at, second.ended_at, second.included_calls) == (NOVEMBER, None, 7)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_price")
