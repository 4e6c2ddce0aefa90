"""Running charges come from usage alone, and the totals agree wherever they are shown."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from analytics.intake import receive
from analytics.rollups import roll_up
from analytics.selectors import usage_totals
from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.catalog.models import Plan
from apim.core.clock import Period, month_of
from apim.core.errors import InvalidInput
from apim.core.money import Money
from apim.keys import services as keys
from billing.models import PlanVersion
from billing.selectors import (
    charge_rows,
    charges_overview,
    current_price,
    current_prices,
    running_charges,
)
from billing.services import set_price
from tests.analytics.lines import make_customer, make_key, make_world, ndjson

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def charlie(world):
    return make_customer("Charlie", world.plan)


def price(plan, amount="0.10", included=0, currency="EUR", *, at=NOW - timedelta(days=40)):
    """A price set last month, so that it holds in the present one."""
    with time_machine.travel(at, tick=False):
        return set_price(
            actor=SYSTEM,
            plan=plan,
            currency=currency,
            unit_amount=Decimal(amount),
            included_calls=included,
        )


def use(world, calls, customer=None, **fields):
    lines = [
        world.line(customer, **{"at": NOW - timedelta(hours=1)} | fields) for _ in range(calls)
    ]
    assert receive(gateway=world.gateway, body=ndjson(lines)).accepted == calls
    while roll_up():
        pass


def charges_of(customer, period=None):
    return running_charges(customer.organization, period)


def test_a_subscription_pays_for_billable_calls_after_the_free_ones(world):
    price(world.plan, "0.10", included=3)
    use(world, 10)
    (charge,) = charges_of(world.customer).charges
    assert (charge.calls, charge.included_calls, charge.charged_calls) == (10, 3, 7)
    assert charge.amount == Money(70, "EUR")
    assert charge.unit_amount == Decimal("0.10")
    assert charge.subscription_id == world.customer.subscription.public_id
    assert charges_of(world.customer).totals == (Money(70, "EUR"),)


@pytest.mark.parametrize(
    "free",
    [
        {"status": 503},
        {"decision": "denied:quota", "status": 429, "upstream_ms": None},
        {"upstream_ms": None},
        {"subscription": None},
    ],
)
def test_what_is_not_billable_costs_nothing(world, free):
    price(world.plan)
    use(world, 4, **free)
    assert charges_of(world.customer).totals == (Money(0, "EUR"),)


def test_the_test_environment_is_never_charged(world):
    price(world.plan)
    key = make_key(world.customer.application, environment="test")
    use(world, 5, key=key.public_id, environment="test")
    (charge,) = charges_of(world.customer).charges
    assert (charge.calls, charge.amount) == (0, Money(0, "EUR"))


def test_an_open_subscription_without_calls_has_its_line(world):
    price(world.plan, included=5)
    (charge,) = charges_of(world.customer).charges
    assert (charge.calls, charge.included_calls, charge.amount) == (0, 5, Money(0, "EUR"))


def test_a_plan_without_a_price_is_free_and_in_no_total(world):
    use(world, 5)
    answer = charges_of(world.customer)
    (charge,) = answer.charges
    assert (charge.calls, charge.is_priced, charge.amount.amount_minor) == (5, False, 0)
    assert answer.totals == ()


def test_a_change_of_plan_splits_the_month(world):
    price(world.plan, "0.10")
    price(world.other_plan, "0.01")
    use(world, 10, plan=world.plan.public_id)
    use(world, 5, plan=world.other_plan.public_id)
    charges = charges_of(world.customer).charges
    assert [(c.plan_name, c.calls, c.amount.amount_minor) for c in charges] == [
        ("Small", 10, 100),
        ("Large", 5, 5),
    ]


def test_leaving_a_plan_and_coming_back_gives_no_second_allowance(world):
    price(world.plan, "0.10", included=3)
    use(world, 2)
    old = world.customer.subscription
    keys.cancel_subscription(actor=SYSTEM, subscription=old)
    for published in (world.product, world.plan):
        type(published).objects.filter(pk=published.pk).update(state="published")
    application = world.customer.application
    new = keys.subscribe(
        actor=SYSTEM, application=application, plan=Plan.objects.get(pk=world.plan.pk)
    )
    use(world, 4, subscription=new.public_id)
    charges = charges_of(world.customer).charges
    assert [(c.calls, c.included_calls, c.charged_calls) for c in charges] == [(2, 3, 0), (4, 1, 3)]


def test_a_past_month_is_computed_from_its_own_calls(world):
    price(world.plan, "0.10", at=NOW - timedelta(days=60))
    october = month_of(NOW - timedelta(days=30))
    use(world, 3, at=october.end - timedelta(seconds=1))
    use(world, 2, at=october.end)
    (charge,) = charges_of(world.customer, october).charges
    assert (charge.calls, charge.amount) == (3, Money(30, "EUR"))
    assert charges_of(world.customer).charges[0].calls == 2


def test_only_whole_months_are_charged(world):
    with pytest.raises(InvalidInput):
        running_charges(world.customer.organization, Period(NOW, NOW + timedelta(days=3)))


def test_an_outsider_sees_none_of_it(world, charlie):
    price(world.plan)
    use(world, 5)
    (charge,) = charges_of(charlie).charges
    assert (charge.organization_name, charge.calls) == ("Charlie", 0)


def test_every_total_agrees_with_the_sum_of_the_lines(world, charlie):
    rng = random.Random(1)
    dollars = Plan.objects.create(product=world.product, slug="usd", name="Dollars")
    price(world.plan, "0.0133", included=7)
    price(dollars, "0.0077", currency="USD")
    others = [make_customer(f"Org {n}", rng.choice([world.plan, dollars])) for n in range(6)]
    for customer in [world.customer, charlie, *others]:
        use(world, rng.randrange(1, 40), customer)
    answer = charges_overview()

    lines = Counter()
    for charge in answer.charges:
        lines[charge.currency] += charge.amount.amount_minor
    assert {total.currency: total.amount_minor for total in answer.totals} == dict(lines)
    for groups in (answer.by_product, answer.by_organization):
        sums = Counter()
        for group in groups:
            sums[group.currency] += group.amount.amount_minor
        assert sums == lines
    separately = Counter()
    for customer in [world.customer, charlie, *others]:
        for total in charges_of(customer).totals:
            separately[total.currency] += total.amount_minor
    assert separately == lines
    billable = usage_totals(None, period=answer.period).billable
    assert sum(charge.calls for charge in answer.charges) == billable
    heading, *rows = charge_rows(answer.period, answer.charges)
    assert len(rows) == len(answer.charges)
    assert sum(Decimal(row[heading.index("amount")]) for row in rows) == sum(
        total.amount for total in answer.totals
    )


def test_finance_takes_the_same_queries_for_one_and_for_many(
    world, charlie, django_assert_max_num_queries
):
    price(world.plan)
    for customer in (world.customer, charlie, make_customer("Dora", world.plan)):
        use(world, 2, customer)
    with django_assert_max_num_queries(12):
        charges_overview()


def test_a_price_that_is_subscribed_to_holds_to_the_end_of_the_month(world):
    price(world.other_plan, "0.10")
    subscriber = make_customer("Subscriber", world.other_plan)
    use(world, 4, subscriber)
    second = price(world.other_plan, "0.20", at=NOW)
    first = PlanVersion.objects.exclude(pk=second.pk).get()
    assert first.ended_at == second.starts_at == month_of(NOW).end
    assert (first.unit_amount, second.unit_amount) == (Decimal("0.10"), Decimal("0.20"))
    assert charges_of(subscriber).totals == (Money(40, "EUR"),)
    assert current_prices([world.other_plan.pk, world.plan.pk]) == {world.other_plan.pk: first}
    with time_machine.travel(month_of(NOW).end, tick=False):
        assert current_price(world.other_plan) == second


def test_a_price_that_nobody_subscribed_to_is_replaced_at_once(world):
    price(world.other_plan, "0.10", at=NOW)
    second = price(world.other_plan, "0.20", at=NOW)
    assert current_price(world.other_plan) == second


def test_setting_a_price_is_audited(world):
    price(world.other_plan, "0.10", included=3)
    event = AuditEvent.objects.get(action="price.set")
    assert (event.after["unit_amount"], event.after["included_calls"]) == ("0.1", 3)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("unit_amount", ("-1", 0, "EUR")),
        ("unit_amount", ("NaN", 0, "EUR")),
        ("unit_amount", ("1E+9", 0, "EUR")),
        ("unit_amount", ("0.0000000000001", 0, "EUR")),
        ("included_calls", ("1", -1, "EUR")),
        ("currency", ("1", 0, "EURO")),
        ("currency", ("1", 0, "XXX")),
    ],
)
def test_a_price_that_makes_no_sense_is_refused_by_field(world, field, values):
    amount, included, currency = values
    with pytest.raises(InvalidInput) as refusal:
        price(world.plan, amount, included, currency)
    assert list(refusal.value.fields) == [field]
    assert not PlanVersion.objects.exists()
