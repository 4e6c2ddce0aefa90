"""Upgrade, downgrade, cancel, pause: charged by the second, and stated before it is confirmed."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.catalog.models import Plan
from apim.core.clock import month_of
from apim.core.money import Money
from apim.keys import services as keys
from apim.keys.errors import PlanNeedsApproval
from apim.keys.models import Subscription
from apim.outbox.models import OutboxEntry
from apim.outbox.services import deliver
from billing.errors import ChangeNotPossible, ChangeSettled, NotInCurrency, OnlyAtPeriodEnd
from billing.models import BillingTerms, ScheduledChange, Tenure
from billing.rating.prices import Fee, Terms, per_unit
from billing.selectors import running_charges
from billing.selectors.preview import preview_change
from billing.services import (
    apply_due_changes,
    change_now,
    choose_currency,
    draft_version,
    note_missing,
    note_subscription,
    plan_change,
    publish_version,
    withdraw_change,
)
from tests.billing.conftest import NOW
from tests.billing.prices import make_version

pytestmark = pytest.mark.django_db
D = Decimal
NOVEMBER_END = datetime(2026, 12, 1, tzinfo=UTC)


def flat(fee, currency="EUR", **values):
    return Terms("", currency, fees=(Fee("base", D(fee)),), usage=(per_unit(D("0.10")),), **values)


@pytest.fixture
def plans(world, subscription):
    """Small costs 30 a month and Large 90; Acme has been on Small since October."""
    make_version(world.plan, flat(30), months_ago=3)
    make_version(world.other_plan, flat(90, setup=D(10)), months_ago=3)
    note_subscription(subscription_id=subscription.pk)
    return world.plan, world.other_plan


def amounts(world):
    charges = running_charges(world.customer.organization).charges
    return {charge.plan_name: charge.amount.amount_minor for charge in charges}


def total(world, month=None):
    return sum(t.amount_minor for t in running_charges(world.customer.organization, month).totals)


def now(subscription, kind, **values):
    return change_now(actor=SYSTEM, subscription=subscription, kind=kind, **values)


def later(subscription, kind, **values):
    return plan_change(actor=SYSTEM, subscription=subscription, kind=kind, **values)


def test_the_first_note_begins_with_the_activation_and_a_second_changes_nothing(plans, world):
    row = world.customer.subscription
    (tenure,) = Tenure.objects.filter(subscription=row)
    assert (tenure.started_at, tenure.ended_at) == (row.activated_at, None)
    assert note_subscription(subscription_id=row.pk) == tenure
    assert BillingTerms.objects.get(subscription=row).currency == "EUR"


def test_an_upgrade_now_charges_both_plans_by_the_second(plans, world, call):
    row = world.customer.subscription
    call(10)
    preview = preview_change(row, "plan", plan=world.other_plan)
    now(row, "plan", plan=world.other_plan)
    call(10, plan=world.other_plan.public_id)
    # 19.5 of 30 days on Small, 10.5 on Large, ten calls on each, and Large's setup fee.
    assert amounts(world) == {"Small": 1950 + 100, "Large": 3150 + 100 + 1000}
    assert preview.differences == (Money(1950 + 3150 + 1000 - 3000, "EUR"),)
    assert (preview.fixed_before, preview.fixed_after) == (Money(3000, "EUR"), Money(9000, "EUR"))
    assert preview.setup == Money(1000, "EUR")


@pytest.mark.parametrize("kind", ["plan", "cancel", "pause"])
@pytest.mark.parametrize("is_now", [True, False])
def test_what_the_preview_says_is_what_is_charged(plans, world, call, noon, kind, is_now):
    row = world.customer.subscription
    call(7)
    plan = world.other_plan if kind == "plan" else None
    preview = preview_change(row, kind, plan=plan, is_now=is_now)
    if is_now:
        now(row, kind, plan=plan)
    else:
        later(row, kind, plan=plan)
    noon.move_to(NOVEMBER_END + timedelta(hours=1))
    apply_due_changes()
    assert sum(bill.total_minor for bill in preview.changed) == total(world, month_of(NOW))
    assert preview.effective_at == (NOW if is_now else NOVEMBER_END)


def test_a_downgrade_at_the_periods_end_leaves_the_period_alone(plans, world, call, noon):
    row = world.customer.subscription
    now(row, "plan", plan=world.other_plan)
    before = total(world)
    change = later(row, "plan", plan=world.plan)
    assert change.due_at == NOVEMBER_END
    assert apply_due_changes() == 0
    noon.move_to(NOVEMBER_END + timedelta(minutes=3))
    assert apply_due_changes() == 1
    assert apply_due_changes() == 0
    row.refresh_from_db()
    assert row.plan == world.plan
    assert total(world, month_of(NOW)) == before
    assert amounts(world) == {"Small": 3000}  # from the first second of December


def test_a_cancellation_now_ends_fees_and_at_the_end_does_not_shorten_them(plans, world, noon):
    row = world.customer.subscription
    later(row, "cancel")
    assert total(world) == 3000
    now(row, "cancel")
    assert total(world) == 1950
    assert ScheduledChange.objects.get().state == "withdrawn"
    noon.move_to(NOVEMBER_END + timedelta(days=1))
    assert total(world) == 0


def test_a_pause_costs_nothing_until_the_return(plans, world, noon):
    row = world.customer.subscription
    now(row, "pause")
    noon.move_to(NOW + timedelta(days=5))
    row.refresh_from_db()
    now(row, "resume")
    assert total(world) == 2500
    assert [t.ended_at for t in Tenure.objects.order_by("id")] == [NOW, None]


def test_a_pause_keeps_the_version_of_the_day_of_subscribing(plans, world, noon):
    row = world.customer.subscription
    dearer = draft_version(actor=SYSTEM, plan=world.plan, sheets=[flat(60)])
    publish_version(actor=SYSTEM, version=dearer)
    now(row, "pause")
    noon.move_to(NOVEMBER_END + timedelta(days=2))
    row.refresh_from_db()
    now(row, "resume")
    noon.move_to(NOVEMBER_END + timedelta(days=40))
    assert total(world) == 3000


def test_a_change_takes_the_place_of_the_one_planned_before(plans, world):
    row = world.customer.subscription
    first = later(row, "cancel")
    second = later(row, "plan", plan=world.other_plan)
    first.refresh_from_db()
    assert (first.state, second.state) == ("withdrawn", "waiting")
    withdraw_change(actor=SYSTEM, change=second)
    with pytest.raises(ChangeSettled):
        withdraw_change(actor=SYSTEM, change=second)


def test_a_planned_change_that_is_no_longer_possible_fails_and_says_why(plans, world, noon):
    row = world.customer.subscription
    later(row, "plan", plan=world.other_plan)
    Plan.objects.filter(pk=world.other_plan.pk).update(state="retired")
    noon.move_to(NOVEMBER_END)
    assert apply_due_changes() == 1
    change = ScheduledChange.objects.get()
    assert change.state == "failed"
    assert change.note
    row.refresh_from_db()
    assert (row.plan, row.state) == (world.plan, "active")
    assert AuditEvent.objects.filter(action="subscription.change_failed").exists()


def test_changes_that_make_no_sense_are_refused(plans, world):
    row = world.customer.subscription
    for kind, plan in (("plan", None), ("cancel", world.other_plan), ("resume", None), ("x", None)):
        with pytest.raises(ChangeNotPossible):
            now(row, kind, plan=plan)
    Plan.objects.filter(pk=world.other_plan.pk).update(approval="manual")
    world.other_plan.refresh_from_db()
    with pytest.raises(PlanNeedsApproval):
        later(row, "plan", plan=world.other_plan)


def test_a_plan_without_the_agreed_currency_is_refused(plans, world):
    dollars = Plan.objects.create(
        product=world.product, slug="usd", name="Dollars", state="published"
    )
    make_version(dollars, flat(30, "USD"))
    with pytest.raises(NotInCurrency):
        now(world.customer.subscription, "plan", plan=dollars)
    with pytest.raises(NotInCurrency):
        choose_currency(actor=SYSTEM, subscription=world.customer.subscription, currency="USD")


def test_a_subscription_is_billed_in_the_currency_it_chose(world, subscription, call):
    make_version(world.plan, flat(30), flat(35, "USD"), months_ago=2)
    note_subscription(subscription_id=subscription.pk)
    choose_currency(actor=SYSTEM, subscription=subscription, currency="USD")
    call(10)
    assert running_charges(world.customer.organization).totals == (Money(3600, "USD"),)


def test_other_periods_begin_at_the_end_of_the_running_one(plans, world, noon):
    row = world.customer.subscription
    yearly = Plan.objects.create(product=world.product, slug="year", name="Year", state="published")
    make_version(yearly, flat(900), cadence="anniversary", months=12)
    with pytest.raises(OnlyAtPeriodEnd):
        now(row, "plan", plan=yearly)
    later(row, "plan", plan=yearly)
    noon.move_to(NOVEMBER_END + timedelta(hours=2))
    apply_due_changes()
    terms = BillingTerms.objects.get(subscription=row)
    assert (terms.cadence, terms.months, terms.anchor_on) == ("anniversary", 12, date(2026, 12, 1))
    (charge,) = running_charges(world.customer.organization).charges
    assert charge.period.end == datetime(2027, 12, 1, tzinfo=UTC)
    assert charge.amount == Money(90_000, "EUR")


@pytest.fixture
def fresh(world):
    """A published plan, and an application that can subscribe to it at this moment."""
    Plan.objects.update(state="published")
    application = world.customer.application
    keys.cancel_subscription(actor=SYSTEM, subscription=world.customer.subscription)

    def subscribe():
        plan = Plan.objects.get(pk=world.plan.pk)
        made = keys.subscribe(actor=SYSTEM, application=application, plan=plan)
        note_subscription(subscription_id=made.pk)
        return made

    return subscribe


def test_an_anniversary_subscriber_pays_a_whole_first_period(world, fresh, call, noon):
    make_version(world.plan, flat(30), cadence="anniversary")
    made = fresh()
    (charge,) = running_charges(world.customer.organization).charges
    assert (charge.period.start, charge.period.end) == (
        datetime(2026, 11, 20, tzinfo=UTC),
        datetime(2026, 12, 20, tzinfo=UTC),
    )
    assert charge.amount == Money(3000, "EUR")
    noon.move_to(NOW + timedelta(days=25))
    call(3, subscription=made.public_id, at=NOW + timedelta(days=20))
    assert total(world) == 3030  # still the period that began in November


def test_a_calendar_subscriber_pays_the_rest_of_the_month(world, fresh):
    make_version(world.plan, flat(30))
    fresh()
    assert total(world) == 1050


def test_a_trial_is_free_shown_and_given_once(world, fresh, call, noon):
    make_version(world.plan, flat(30, trial_days=14, setup=D(10)))
    made = fresh()
    call(10, subscription=made.public_id)
    (charge,) = running_charges(world.customer.organization).charges
    assert (charge.calls, charge.amount.amount_minor) == (10, 0)
    assert {line.kind: line.quantity for line in charge.lines}["trial"] == 10
    trial_ends_at = BillingTerms.objects.get(subscription=made).trial_ends_at
    assert trial_ends_at == datetime(2026, 12, 5, tzinfo=UTC)
    noon.move_to(trial_ends_at + timedelta(days=2))
    call(5, subscription=made.public_id, at=trial_ends_at - timedelta(seconds=1))
    call(5, subscription=made.public_id, at=trial_ends_at)
    assert total(world) == 50 + 1000 + 2613  # 27 of 31 days
    made.refresh_from_db()
    now(made, "cancel")
    again = fresh()
    assert BillingTerms.objects.get(subscription=again).trial_ends_at is None


def test_a_subscription_that_never_began_owes_nothing(world):
    make_version(world.plan, flat(30))
    row = world.customer.subscription
    Subscription.objects.filter(pk=row.pk).update(state="pending", activated_at=None)
    assert note_subscription(subscription_id=row.pk) is None
    assert total(world) == 0


def test_from_a_free_plan_one_may_go_to_a_plan_in_any_currency(world, subscription):
    note_subscription(subscription_id=subscription.pk)
    make_version(world.other_plan, flat(30, "USD"))
    now(subscription, "plan", plan=world.other_plan)
    assert BillingTerms.objects.get(subscription=subscription).currency == "USD"
    assert running_charges(world.customer.organization).totals == (Money(1050, "USD"),)


def test_a_subscription_whose_news_was_lost_is_noted_later(plans, world):
    row = world.customer.subscription
    keys.change_plan(actor=SYSTEM, subscription=row, plan=world.other_plan)
    assert (note_missing(), note_missing()) == (1, 0)
    plans_held = list(Tenure.objects.order_by("id").values_list("plan__name", "ended_at"))
    assert plans_held == [("Small", NOW), ("Large", None)]


def test_every_change_is_audited(plans, world):
    row = world.customer.subscription
    change = later(row, "cancel")
    withdraw_change(actor=SYSTEM, change=change)
    now(row, "pause")
    actions = list(
        AuditEvent.objects.filter(object_id=row.public_id)
        .order_by("id")
        .values_list("action", flat=True)
    )
    assert actions == [
        "subscription.change_planned",
        "subscription.change_withdrawn",
        "subscription.suspended",
    ]


def test_an_organization_that_moves_keeps_its_periods(plans, world):
    organization = world.customer.organization
    organization.time_zone = "Pacific/Auckland"
    organization.save()
    (charge,) = running_charges(organization).charges
    assert charge.period == month_of(NOW)


def test_the_news_of_a_subscription_reaches_billing(world, fresh):
    make_version(world.plan, flat(30))
    Plan.objects.update(state="published")
    application = keys.create_application(
        actor=SYSTEM, organization=world.customer.organization, name="Second"
    )
    plan = Plan.objects.get(pk=world.plan.pk)
    made = keys.subscribe(actor=SYSTEM, application=application, plan=plan)
    entry = OutboxEntry.objects.filter(topic="subscription.changed").latest("id")
    deliver(entry_id=entry.pk, only=["billing.note_subscription"])
    assert Tenure.objects.get(subscription=made).started_at == NOW


def test_nothing_is_planned_for_what_has_ended_or_not_begun(plans, world):
    row = world.customer.subscription
    keys.cancel_subscription(actor=SYSTEM, subscription=row)
    for kind, plan in (("plan", world.other_plan), ("pause", None), ("cancel", None)):
        with pytest.raises(ChangeNotPossible):
            later(row, kind, plan=plan)
    assert not ScheduledChange.objects.exists()
