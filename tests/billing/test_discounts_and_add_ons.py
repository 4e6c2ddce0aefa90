"""What a customer pays less, and what it pays beside its plan."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.core.clock import month_of
from apim.core.errors import InvalidInput
from apim.core.money import Money
from billing.errors import AddOnHeld, AddOnNotOffered, DiscountEnded, NotInCurrency, UnknownCurrency
from billing.models import BillingPeriod
from billing.rating.prices import Fee, Terms
from billing.selectors import running_charges
from billing.selectors.add_ons import offered_add_ons
from billing.services import (
    add_to_subscription,
    calls_meter,
    create_add_on,
    end_add_on,
    end_discount,
    give_discount,
    reprice_add_on,
    withdraw_add_on,
)
from billing.services.closing import close_periods
from tests.analytics.lines import make_customer
from tests.billing.conftest import NOW
from tests.billing.prices import make_version

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def acme(world, subscription):
    make_version(world.plan, Terms("", "EUR", fees=(Fee("base", D(100)),)), months_ago=4)
    return world.customer


def give(customer, **values):
    return give_discount(
        actor=SYSTEM, organization=customer.organization, **({"name": "Deal"} | values)
    )


def total(customer, month=None):
    return running_charges(customer.organization, month).totals


def test_a_discount_counts_for_the_periods_that_end_in_its_time(acme, noon):
    give(acme, percent=D("12.5"), ends_at=datetime(2027, 1, 15, tzinfo=UTC))
    noon.move_to(datetime(2027, 2, 10, tzinfo=UTC))
    months = [
        month_of(datetime(*at, 5, tzinfo=UTC))
        for at in ((2026, 10), (2026, 11), (2026, 12), (2027, 1))
    ]
    assert [total(acme, month)[0].amount_minor for month in months] == [10_000, 8750, 8750, 10_000]


def test_an_amount_counts_in_its_currency_and_never_below_nothing(acme):
    give(acme, amount=D(30), currency="EUR", subscription=acme.subscription)
    give(acme, amount=D(30), currency="USD")
    assert total(acme) == (Money(7000, "EUR"),)
    give(acme, amount=D(500), currency="EUR")
    assert total(acme) == (Money(0, "EUR"),)


def test_a_discount_that_was_ended_no_longer_counts(acme):
    discount = give(acme, percent=D(50))
    end_discount(actor=SYSTEM, discount=discount)
    assert total(acme) == (Money(10_000, "EUR"),)
    with pytest.raises(DiscountEnded):
        end_discount(actor=SYSTEM, discount=discount)


def test_a_neighbours_discount_is_not_mine(acme, world):
    give(make_customer("Other", world.plan), percent=D(50))
    assert total(acme) == (Money(10_000, "EUR"),)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("percent", {}),
        ("percent", {"percent": D(1), "amount": D(1)}),
        ("percent", {"percent": D(101)}),
        ("percent", {"percent": D("0.00001")}),
        ("amount", {"amount": D(0), "currency": "EUR"}),
        ("currency", {"amount": D(1)}),
        ("ends_at", {"percent": D(1), "ends_at": NOW}),
    ],
)
def test_a_discount_that_makes_no_sense_is_refused_by_field(acme, field, values):
    with pytest.raises(InvalidInput) as refusal:
        give(acme, **values)
    assert list(refusal.value.fields) == [field]


def test_a_discount_of_anothers_subscription_is_refused(acme, world):
    other = make_customer("Other", world.plan)
    with pytest.raises(InvalidInput):
        give(acme, percent=D(1), subscription=other.subscription)


@pytest.fixture
def support(world):
    return create_add_on(
        actor=SYSTEM, product=world.product, name="Support", amounts={"EUR": D(30), "USD": D(33)}
    )


def add(customer, add_on, **values):
    return add_to_subscription(
        actor=SYSTEM, subscription=customer.subscription, add_on=add_on, **values
    )


def test_an_add_on_is_charged_by_piece_and_second(acme, support, noon):
    held = add(acme, support, quantity=2)
    assert total(acme) == (Money(10_000 + 2100, "EUR"),)  # 10.5 of 30 days, twice 30
    noon.move_to(NOW + timedelta(days=5))
    end_add_on(actor=SYSTEM, held=held)
    assert total(acme) == (Money(10_000 + 1000, "EUR"),)
    with pytest.raises(AddOnNotOffered):
        end_add_on(actor=SYSTEM, held=held)


def test_who_holds_an_add_on_keeps_its_amount(acme, support):
    add(acme, support)
    reprice_add_on(actor=SYSTEM, add_on=support, amounts={"EUR": D(60)})
    assert total(acme) == (Money(11_050, "EUR"),)


def test_add_ons_that_cannot_be_added_are_refused(acme, support, world):
    add(acme, support)
    with pytest.raises(AddOnHeld):
        add(acme, support)
    dollars = create_add_on(actor=SYSTEM, product=world.product, name="D", amounts={"USD": D(1)})
    with pytest.raises(NotInCurrency):
        add(acme, dollars)
    withdraw_add_on(actor=SYSTEM, add_on=support)
    other = make_customer("Other", world.plan)
    with pytest.raises(AddOnNotOffered):
        add(other, support)
    with pytest.raises(InvalidInput):
        add(other, dollars, quantity=0)
    with pytest.raises(UnknownCurrency):
        create_add_on(actor=SYSTEM, product=world.product, name="X", amounts={})


def test_each_change_is_audited(acme, support):
    held = add(acme, support)
    reprice_add_on(actor=SYSTEM, add_on=support, amounts={"EUR": D(60)})
    withdraw_add_on(actor=SYSTEM, add_on=support)
    end_add_on(actor=SYSTEM, held=held)
    end_discount(actor=SYSTEM, discount=give(acme, percent=D(1)))
    assert list(AuditEvent.objects.order_by("id").values_list("action", flat=True))[1:] == [
        "add_on.created",
        "subscription.add_on_added",
        "add_on.repriced",
        "add_on.withdrawn",
        "subscription.add_on_ended",
        "discount.given",
        "discount.ended",
    ]


# Counted by a meter


@pytest.fixture
def storms(acme, world):
    """Each call costs 0.125 more while the add-on is held."""
    return create_add_on(
        actor=SYSTEM,
        product=world.product,
        name="Storm warnings",
        amounts={"EUR": D("0.125")},
        meter=calls_meter(),
    )


def test_a_metered_add_on_charges_what_is_counted_from_the_next_hour_on(acme, storms, call, noon):
    call(40, at=NOW - timedelta(hours=2))
    add_to_subscription(actor=SYSTEM, subscription=acme.subscription, add_on=storms)
    call(3, at=NOW)
    noon.move_to(NOW + timedelta(days=1))
    assert total(acme) == (Money(10_000 + 38, "EUR"),)  # 3 × 0.125 = 0.375, half to even
    [line] = [
        line
        for charge in running_charges(acme.organization).charges
        for line in charge.lines
        if line.kind == "add_on"
    ]
    assert (line.meter, line.quantity, line.amount_minor) == ("calls", 3, 38)


def test_late_usage_of_a_metered_add_on_is_corrected(acme, storms, call, noon):
    add_to_subscription(actor=SYSTEM, subscription=acme.subscription, add_on=storms)
    call(8, at=NOW)
    noon.move_to(datetime(2026, 12, 3, tzinfo=UTC))
    close_periods()
    november = BillingPeriod.objects.get(starts_at__month=11, state="closed", ends_at__month=12)
    assert november.lines.get(kind="add_on").amount_minor == 100
    call(16, at=NOW)
    noon.move_to(datetime(2027, 1, 3, tzinfo=UTC))
    close_periods()
    [late] = november.corrections.all()
    assert (late.amount_minor, late.quantity) == (200, 16)
    assert late.description == "Late usage: Storm warnings"


def test_there_is_one_of_a_metered_add_on(acme, storms):
    with pytest.raises(InvalidInput):
        add_to_subscription(actor=SYSTEM, subscription=acme.subscription, add_on=storms, quantity=2)


@pytest.mark.parametrize("narrowed", ["plan", "organization"])
def test_an_add_on_of_another_plan_or_customer_cannot_be_held(acme, world, narrowed):
    other = {
        "plan": world.other_plan,
        "organization": make_customer("Other", world.plan).organization,
    }
    add_on = create_add_on(
        actor=SYSTEM,
        product=world.product,
        name="Not for all",
        amounts={"EUR": D(5)},
        **{narrowed: other[narrowed]},
    )
    assert offered_add_ons(acme.subscription) == []
    with pytest.raises(AddOnNotOffered):
        add_to_subscription(actor=SYSTEM, subscription=acme.subscription, add_on=add_on)
