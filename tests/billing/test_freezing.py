"""A closed period keeps its lines with everything they were computed from, and never changes."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.core.clock import month_of
from apim.core.money import Money
from billing.errors import PeriodNotEnded
from billing.models import BillingPeriod, RatedLine
from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    Terms,
    Tier,
    UsagePrice,
    per_unit,
)
from billing.selectors import charges_overview, running_charges
from billing.selectors.book import load_book
from billing.selectors.lines import frozen_line, frozen_periods
from billing.selectors.rated import rate_periods
from billing.services import (
    add_to_subscription,
    create_add_on,
    freeze_period,
    give_discount,
    note_subscription,
)
from tests.billing.conftest import NOW
from tests.billing.prices import make_version

pytestmark = pytest.mark.django_db
D = Decimal


def rated(subscription, at=NOW):
    book = load_book([subscription])
    period = book.schedule(subscription).period_at(at)
    (found,) = rate_periods(book, {subscription.pk: period})
    return found


@pytest.fixture
def november(world, subscription, call, noon):
    """November of a subscription with a line of nearly every kind, seen from December."""
    tiers = (Tier(D(0), D(5), D("0.10"), D(1)), Tier(D(5), None, D("0.033333333333")))
    terms = Terms(
        "",
        "EUR",
        fees=(Fee("base", D(10)),),
        usage=(
            UsagePrice("graduated", "calls", Graduated(tiers), D(2)),
            UsagePrice("packages", "calls", Package(D(4), D("0.5"))),
            per_unit(D("0.000000000001")),
        ),
        minimum=D(100),
        setup=D(5),
    )
    make_version(world.plan, terms, months_ago=2)
    note_subscription(subscription_id=subscription.pk)
    add_on = create_add_on(
        actor=SYSTEM, product=world.product, name="Support", amounts={"EUR": D(30)}
    )
    add_to_subscription(actor=SYSTEM, subscription=subscription, add_on=add_on, quantity=2)
    organization = world.customer.organization
    give_discount(actor=SYSTEM, organization=organization, name="Ten", percent=D(10))
    call(11)
    noon.move_to(NOW + timedelta(days=20))
    return rated(subscription)


def test_frozen_lines_are_the_rated_lines(november, world):
    (period,) = freeze_period(actor=SYSTEM, rated=november)
    (bill,) = november.bills
    assert tuple(frozen_line(row) for row in period.lines.all()) == bill.lines
    assert (period.total_minor, period.subtotal_minor) == (bill.total_minor, bill.subtotal_minor)
    kinds = ["fee", "usage", "usage", "usage", "minimum", "add_on", "discount"]
    assert [row.kind for row in period.lines.all()] == kinds
    words = [row.description for row in period.lines.all()]
    assert words[-2:] == ["Support", "Ten"]
    (found,) = frozen_periods(world.customer.organization, month_of(NOW))
    assert found == period
    assert AuditEvent.objects.filter(action="billing_period.closed").count() == 1


def test_freezing_again_changes_nothing_whatever_came_in_since(november, call, subscription):
    first = freeze_period(actor=SYSTEM, rated=november)
    call(50, at=NOW)
    late = rated(subscription)
    assert (
        late.bills[0].total_minor != november.bills[0].total_minor or late.bills != november.bills
    )
    assert freeze_period(actor=SYSTEM, rated=late) == first
    assert RatedLine.objects.count() == len(november.bills[0].lines)


@pytest.mark.parametrize(
    "meddle",
    [
        lambda p: BillingPeriod.objects.filter(pk=p.pk).update(total_minor=0, subtotal_minor=0),
        lambda p: BillingPeriod.objects.filter(pk=p.pk).update(state="open"),
        lambda p: p.lines.update(amount_minor=0),
        lambda p: p.lines.all()[0].delete(),
        lambda p: RatedLine.objects.create(
            organization_id=p.organization_id,
            period=p,
            position=99,
            kind="fee",
            key="x",
            amount_minor=1,
            currency="EUR",
        ),
    ],
)
def test_the_database_itself_holds_a_closed_period(november, meddle):
    (period,) = freeze_period(actor=SYSTEM, rated=november)
    with pytest.raises(IntegrityError), transaction.atomic():
        meddle(period)


def test_a_period_that_is_not_over_is_not_frozen(world, subscription):
    with pytest.raises(PeriodNotEnded):
        freeze_period(actor=SYSTEM, rated=rated(subscription))


def test_a_free_period_is_closed_too(world, subscription, noon):
    noon.move_to(NOW + timedelta(days=20))
    (period,) = freeze_period(actor=SYSTEM, rated=rated(subscription))
    assert (period.state, period.total_minor, period.lines.count()) == ("closed", 0, 0)


def test_a_closed_month_shows_what_was_charged_whatever_came_in_since(november, world, call):
    freeze_period(actor=SYSTEM, rated=november)
    before = running_charges(world.customer.organization, month_of(NOW))
    assert before.totals == (Money(november.bills[0].total_minor, "EUR"),)
    call(5000, at=NOW)
    after = running_charges(world.customer.organization, month_of(NOW))
    assert after.totals == before.totals == charges_overview(month_of(NOW)).totals
    assert after.charges[0].calls == before.charges[0].calls + 5000
    assert after.charges[0].lines == november.bills[0].lines
