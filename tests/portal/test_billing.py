"""Charges are the calls times the price, and only those who pay see them."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.keys import services as keys
from billing.rating.prices import Fee, Graduated, Terms, Tier, UsagePrice
from billing.selectors import running_charges
from billing.selectors.forecast import expected_totals, forecast
from tests.billing.prices import make_version
from tests.cast import client_for
from tests.portal.conftest import make_plan


@pytest.fixture
def charged(key, subscription, call):
    call(key, subscription, times=1500)
    call(key, subscription, times=20, status=500)


def test_the_running_charge_is_calls_beyond_the_free_ones_times_the_price(alice_client, charged):
    page = alice_client.get(reverse("portal:billing"))
    (charge,) = page.context["charges"].charges
    assert (charge.calls, charge.included_calls, charge.charged_calls) == (1500, 1000, 500)
    assert charge.amount.amount == Decimal("1.00")
    assert "€1.00" in page.text
    assert "€0.002" in page.text


def test_owner_and_billing_see_money_members_and_outsiders_do_not(
    alice_client, bella_client, bob_client, charlie_client, charged
):
    url = reverse("portal:billing")
    assert "€1.00" in bella_client.get(url).text
    assert bob_client.get(url).status_code == 404
    assert bob_client.get(reverse("portal:billing-export")).status_code == 404
    assert url not in bob_client.get(reverse("portal:usage")).text
    others = charlie_client.get(url)
    assert "Nothing to charge" in others.text
    assert "Harbour" not in others.text


def test_the_export_says_how_each_amount_came_about(alice_client, charged, subscription):
    answer = alice_client.get(reverse("portal:billing-export"))
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["subscription_id"] == subscription.public_id
    assert (row["billable_calls"], row["charged_calls"], row["unit_amount"]) == (
        "1500",
        "500",
        "0.002",
    )
    assert (row["amount"], row["currency"]) == ("1.00", "EUR")


def test_an_earlier_month_stays_readable(alice, acme, charged):
    this = clock.month_of(clock.now()).start
    with time_machine.travel(this + timedelta(days=40), tick=False):
        alice_client = client_for(alice)
        now = alice_client.get(reverse("portal:billing"))
        assert now.context["total_calls"] == 0
        past = alice_client.get(reverse("portal:billing"), {"month": this.strftime("%Y-%m")})
        assert "€1.00" in past.text
        assert "still open" not in past.text


@pytest.mark.parametrize("month", ["1999-01", "2999-01", "2026-13", "soon", "2026-11-20"])
def test_a_month_that_makes_no_sense_is_this_month(alice_client, acme, month):
    page = alice_client.get(reverse("portal:billing"), {"month": month})
    assert page.context["is_open"]


def test_the_worked_example_and_the_bill_agree(alice_client, charged, subscription):
    product = alice_client.get(reverse("portal:product", args=["harbour"]), {"calls": 1500})
    (example,) = product.context["examples"]
    (charge,) = alice_client.get(reverse("portal:billing")).context["charges"].charges
    assert example.cost == charge.amount
    assert example.charged_calls == charge.charged_calls


def tiered(harbour):
    tiers = (
        Tier(Decimal(0), Decimal(10), Decimal("0.10")),
        Tier(Decimal(10), None, Decimal("0.05")),
    )
    plan = make_plan(harbour, "Tiered")
    make_version(
        plan,
        Terms("", "EUR", usage=(UsagePrice("calls", "calls", Graduated(tiers)),)),
        months_ago=1,
    )
    return plan


def test_a_tiered_price_is_an_average_and_says_so(alice_client, board, harbour, key, call):
    made = keys.subscribe(actor=SYSTEM, application=board, plan=tiered(harbour))
    url = reverse("portal:billing")
    page = alice_client.get(url)
    assert "€0.10" in page.text  # what the first call would cost
    assert "on average" not in page.text
    call(key, made, times=30)
    page = alice_client.get(url)
    (charge,) = page.context["charges"].charges
    assert (charge.amount.amount_minor, charge.is_average) == (200, True)
    assert "on average per" in page.text


def test_a_price_without_usage_has_no_unit_price(alice_client, board, harbour):
    flat = make_plan(harbour, "Flat")
    make_version(flat, Terms("", "EUR", fees=(Fee("base", Decimal(30)),)), months_ago=1)
    keys.subscribe(actor=SYSTEM, application=board, plan=flat)
    (charge,) = alice_client.get(reverse("portal:billing")).context["charges"].charges
    assert (charge.unit_name, charge.is_average) == ("", False)


def test_charges_and_forecast_are_read_once_and_agree_with_themselves(
    alice_client, acme, charged, subscription
):
    with time_machine.travel(clock.now(), tick=False):  # the forecast moves with each second
        page = alice_client.get(reverse("portal:billing"))
        assert page.context["charges"] == running_charges(acme)
        assert page.context["expected"] == expected_totals(forecast(acme))
