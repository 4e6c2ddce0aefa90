"""Prepaid credit: the ledger only grows, is never overdrawn, and pays each period once."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection, transaction

from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.core.errors import InvalidInput
from apim.core.money import Money
from billing.errors import CreditTooSmall, UnknownCurrency
from billing.models import BillingPeriod, CreditEntry
from billing.selectors.credits import credit_balance
from billing.services import expire_credits, grant_credit, pay_by_credit, return_credit, void_credit
from tests.billing.conftest import NOW


def grant(world, amount=1000, **values):
    values = {"name": "Prepaid", "currency": "EUR"} | values
    return grant_credit(
        actor=SYSTEM, organization=world.customer.organization, amount_minor=amount, **values
    )


def period(world, *, months_ago=1, currency="EUR"):
    end = NOW - timedelta(days=30 * (months_ago - 1), hours=1)
    return BillingPeriod.objects.create(
        organization=world.customer.organization,
        subscription=world.customer.subscription,
        starts_at=end - timedelta(days=30),
        ends_at=end,
        currency=currency,
    )


def balance(world):
    return credit_balance(world.customer.organization)


@pytest.mark.django_db
def test_credit_pays_what_is_due_and_the_rest_stays(world):
    grant(world, 1000)
    grant(world, 500, priority=1)
    grant(world, 700, currency="USD")
    assert pay_by_credit(actor=SYSTEM, period=period(world), due_minor=1200) == 1200
    assert balance(world) == (Money(300, "EUR"), Money(700, "USD"))
    assert pay_by_credit(actor=SYSTEM, period=period(world, months_ago=2), due_minor=900) == 300
    assert balance(world) == (Money(700, "USD"),)


@pytest.mark.django_db
def test_a_period_is_paid_once_however_often_it_is_closed(world):
    grant(world)
    row = period(world)
    assert [pay_by_credit(actor=SYSTEM, period=row, due_minor=400) for _ in range(3)] == [400] * 3
    assert balance(world) == (Money(600, "EUR"),)


@pytest.mark.django_db
def test_credit_pays_for_periods_that_ended_before_it_expired(world, noon):
    grant(world, 1000, expires_at=NOW + timedelta(days=1))
    row = period(world)
    noon.move_to(NOW + timedelta(days=3))
    assert balance(world) == ()
    assert pay_by_credit(actor=SYSTEM, period=row, due_minor=400) == 400
    late = BillingPeriod.objects.create(
        organization=world.customer.organization,
        subscription=world.customer.subscription,
        starts_at=NOW,
        ends_at=NOW + timedelta(days=2),
        currency="EUR",
    )
    assert pay_by_credit(actor=SYSTEM, period=late, due_minor=400) == 0
    noon.move_to(NOW + timedelta(days=60))
    assert (expire_credits(), expire_credits()) == (1, 0)
    assert CreditEntry.objects.get(kind="expiry").amount_minor == -600


@pytest.mark.django_db
def test_what_is_left_can_be_withdrawn_and_what_was_used_returned(world):
    made = grant(world)
    pay_by_credit(actor=SYSTEM, period=period(world), due_minor=400)
    void_credit(actor=SYSTEM, grant=made)
    with pytest.raises(CreditTooSmall):
        void_credit(actor=SYSTEM, grant=made)
    return_credit(actor=SYSTEM, grant=made, amount_minor=150, note="credit note")
    with pytest.raises(CreditTooSmall):
        return_credit(actor=SYSTEM, grant=made, amount_minor=251, note="too much")
    assert balance(world) == (Money(150, "EUR"),)
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["credit.granted", "credit.used", "credit.voided", "credit.returned"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "meddle",
    [
        lambda made: made.entries.update(amount_minor=5),
        lambda made: made.entries.all().delete(),
        lambda made: enter(made, "use", -1001),
        lambda made: enter(made, "use", 5),
        lambda made: enter(made, "grant", 5),
    ],
)
def test_the_database_itself_holds_the_ledger(world, meddle):
    made = grant(world)
    with pytest.raises(IntegrityError), transaction.atomic():
        meddle(made)
    assert balance(world) == (Money(1000, "EUR"),)


def enter(made, kind, amount):
    return CreditEntry.objects.create(
        organization=made.organization, grant=made, kind=kind, amount_minor=amount, at=NOW
    )


@pytest.mark.django_db(transaction=True)
def test_two_at_once_cannot_both_take_the_rest(world):
    made = grant(world, 1000)
    start, failures = Barrier(2), []

    def take():
        try:
            start.wait(10)
            enter(made, "use", -600)
        except IntegrityError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(failures) == 1
    assert balance(world) == (Money(400, "EUR"),)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("amount", {"amount": 0}),
        ("priority", {"priority": -1}),
        ("expires_at", {"expires_at": NOW}),
        ("name", {"name": " "}),
    ],
)
def test_credit_that_makes_no_sense_is_refused_by_field(world, field, values):
    with pytest.raises(InvalidInput) as refusal:
        grant(world, **values)
    assert list(refusal.value.fields) == [field]


@pytest.mark.django_db
def test_credit_is_in_a_currency_that_we_bill_in(world):
    with pytest.raises(UnknownCurrency):
        grant(world, currency="XXX")
