"""What a metered price can say, Stripe bills by its own meters; our items complete the invoice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apim.audit.actors import SYSTEM
from apim.keys.models import Subscription
from apim.keys.services import cancel_subscription
from billing.models import Invoice, MeteredItem, MeteredLine, MeterEvent, StripeSubscription
from billing.rating.periods import Cadence, Schedule
from billing.rating.prices import Fee, Graduated, Terms, Tier, UsagePrice, per_unit
from billing.services import give_discount, note_subscription
from billing.services.closing import close_periods
from billing.stripe.customers import ensure_customer, mirror_customer
from billing.stripe.cycles import Cycle
from billing.stripe.drafts import hold, let_go
from billing.stripe.invoicing import send_invoices
from billing.stripe.metered import SHIFT, sync_metered
from billing.stripe.metering import collect_usage, send_usage
from billing.stripe.reconciliation import invoice_drift, usage_drift
from tests.billing.prices import make_version

pytestmark = pytest.mark.django_db
D = Decimal
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
JANUARY = datetime(2027, 1, 1, tzinfo=UTC)
TIERS = UsagePrice(
    "calls",
    "calls",
    Graduated((Tier(D(0), D(10), D("0.10")), Tier(D(10), None, D("0.05"), D("0.5")))),
    D(5),
)


@pytest.fixture
def tiered(world, subscription):
    """Acme's subscription: 10 a month, 5 calls free, then tiers."""
    terms = Terms("", "EUR", fees=(Fee("base", D(10)),), usage=(TIERS,))
    make_version(world.plan, terms, months_ago=3)
    note_subscription(subscription_id=subscription.pk)
    return subscription


@pytest.fixture
def december(tiered, noon, gateway):
    """Its December is billed by Stripe's meters."""
    noon.move_to(DECEMBER + timedelta(minutes=2))
    sync_metered(gateway)
    return tiered


def tell(gateway):
    collect_usage()
    return send_usage(gateway)


def finish(noon, gateway, at=JANUARY + 2 * DAY):
    noon.move_to(at)
    close_periods()
    send_invoices(gateway)


def test_a_period_turns_and_stripe_bills_its_usage_itself(december, call, noon, gateway, sim):
    noon.move_to(DECEMBER + 6 * DAY)
    call(20, at=DECEMBER + 5 * DAY)
    assert tell(gateway) == 1
    (item,) = MeteredItem.objects.all()
    assert (item.lane, MeterEvent.objects.get(hour__gte=DECEMBER).lane) == (1, 1)
    noon.move_to(JANUARY + timedelta(minutes=5))
    (draft,) = [i for i in gateway.every("invoices") if i["status"] == "draft"]
    assert draft["subtotal"] == 175  # 10 × 0.10, and 0.5 flat, and 5 × 0.05
    assert hold(gateway, draft)
    finish(noon, gateway)
    invoice = Invoice.objects.get(ends_at=JANUARY)
    assert (invoice.stripe_id, invoice.step) == (draft["id"], "done")
    assert invoice.subtotal_minor == invoice.rated_minor == 1175
    items = list(gateway.every("invoice_items", {"invoice": draft["id"]}))
    assert [one["amount"] for one in items] == [1000]  # the fee; usage is Stripe's own lines
    (line,) = MeteredLine.objects.all()
    assert (line.rated_minor, line.stripe_minor, line.difference_minor) == (175, 175, 0)
    assert list(invoice_drift(gateway, since=DECEMBER)) == []
    month = Schedule().period_at(DECEMBER)
    assert list(usage_drift(gateway, organization_id=december.organization_id, period=month)) == []


def test_a_draft_that_nobody_held_is_taken_back_and_billed_by_items(
    december, call, noon, gateway, sim
):
    noon.move_to(DECEMBER + 6 * DAY)
    call(20, at=DECEMBER + 5 * DAY)
    tell(gateway)
    noon.move_to(JANUARY + 3 * HOUR)
    finish(noon, gateway)
    invoice = Invoice.objects.get(ends_at=JANUARY)
    assert invoice.subtotal_minor == 1175
    states = sorted(
        (i["status"], i["subtotal"])
        for i in gateway.every("invoices")
        if i["created"] >= JANUARY.timestamp()
    )
    assert ("void", 175) in states
    assert ("open", 1175) in states


def test_what_a_metered_price_cannot_say_is_an_item_of_the_same_invoice(
    december, call, noon, gateway, sim
):
    """A discount, and late usage that Stripe counted in a period that it has billed."""
    give_discount(actor=SYSTEM, organization=december.organization, name="Half off", percent=D(50))
    noon.move_to(DECEMBER + 6 * DAY)
    call(7, at=DECEMBER + 5 * DAY)
    tell(gateway)
    noon.move_to(JANUARY + timedelta(minutes=5))
    for draft in gateway.every("invoices", {"status": "draft"}):
        hold(gateway, draft)
    finish(noon, gateway)
    invoice = Invoice.objects.get(ends_at=JANUARY)
    assert invoice.subtotal_minor == invoice.rated_minor == (1000 + 20) // 2
    assert sorted(
        one["amount"] for one in gateway.every("invoice_items", {"invoice": invoice.stripe_id})
    ) == [-510, 1000]


def test_two_subscriptions_of_a_customer_do_not_share_tiers_at_stripe(
    december, world, call, noon, gateway, sim
):
    other = Subscription.objects.get(pk=december.pk)
    other.pk = None
    other.public_id = "sub_another0000000000001"
    other.application = _another_application(december)
    other.activated_at = other.created_at = DECEMBER
    other.save()
    note_subscription(subscription_id=other.pk)
    noon.move_to(DECEMBER + timedelta(minutes=4))
    sync_metered(gateway)
    assert sorted(MeteredItem.objects.values_list("lane", flat=True)) == [1, 2]
    assert StripeSubscription.objects.count() == 1


def _another_application(subscription):
    application = subscription.application
    application.pk = None
    application.public_id = "app_another0000000000001"
    application.name = "Another"
    application.save()
    return application


def test_a_cancelled_subscription_leaves_stripe_after_its_last_invoice(
    december, call, noon, gateway, sim
):
    noon.move_to(DECEMBER + 6 * DAY)
    call(20, at=DECEMBER + 5 * DAY)
    cancel_subscription(actor=SYSTEM, subscription=december)
    note_subscription(subscription_id=december.pk)
    sync_metered(gateway)
    tell(gateway)
    (item,) = MeteredItem.objects.all()
    assert item.left_at is None
    noon.move_to(JANUARY + timedelta(minutes=5))
    for draft in gateway.every("invoices", {"status": "draft"}):
        hold(gateway, draft)
    noon.move_to(JANUARY + 3 * HOUR)
    sync_metered(gateway)
    item.refresh_from_db()
    assert item.left_at is not None
    (row,) = StripeSubscription.objects.all()
    assert gateway.fetch("subscriptions", row.stripe_id)["status"] == "canceled"
    finish(noon, gateway)
    invoice = Invoice.objects.get(ends_at=JANUARY)
    assert invoice.subtotal_minor == invoice.rated_minor
    assert MeteredLine.objects.get().stripe_minor == 175


def test_a_period_that_came_to_nothing_leaves_no_draft_behind(
    world, subscription, noon, gateway, sim
):
    make_version(world.plan, Terms("", "EUR", usage=(per_unit(D("0.1")),)), months_ago=3)
    note_subscription(subscription_id=subscription.pk)
    noon.move_to(DECEMBER + timedelta(minutes=2))
    sync_metered(gateway)
    noon.move_to(JANUARY + timedelta(minutes=5))
    for draft in gateway.every("invoices", {"status": "draft"}):
        assert hold(gateway, draft)
    assert let_go(gateway, before=clock_of(noon)) == 0  # still open with us
    noon.move_to(JANUARY + 3 * DAY)
    close_periods()
    assert Invoice.objects.count() == 0
    assert let_go(gateway, before=clock_of(noon)) == 1
    assert {i["status"] for i in gateway.every("invoices")} == {"paid"}


def clock_of(_noon):
    return datetime.now(UTC)


def test_running_it_again_changes_nothing(december, gateway):
    assert sync_metered(gateway) == 0
    assert len(list(gateway.every("subscriptions"))) == 1


@pytest.mark.parametrize("step", ["POST /v1/subscriptions", "POST /v1/prices", "POST /v1/products"])
@pytest.mark.parametrize("after", [True, False])
def test_a_subscription_whose_making_breaks_off_is_made_once(
    tiered, noon, gateway, sim, step, after
):
    noon.move_to(DECEMBER + timedelta(minutes=2))
    sim.order("fail_requests", match=step, times=3, status=500, after=after)
    sync_metered(gateway)
    noon.move_to(DECEMBER + timedelta(minutes=9))
    sync_metered(gateway)
    assert len(list(gateway.every("subscriptions"))) == 1
    assert MeteredItem.objects.get().stripe_id


def test_a_subscription_whose_answer_was_lost_is_found_although_a_card_came_meanwhile(
    tiered, noon, gateway, sim
):
    noon.move_to(DECEMBER + timedelta(minutes=2))
    sim.order("fail_requests", match="POST /v1/subscriptions", times=3, status=500, after=True)
    sync_metered(gateway)
    row = ensure_customer(gateway, tiered.organization)
    method = sim.client.v1.payment_methods.attach("pm_card_visa", {"customer": row.stripe_id})
    given = {"invoice_settings": {"default_payment_method": method.id}}
    gateway.update("customers", row.stripe_id, given)
    mirror_customer(gateway, row.stripe_id)
    sync_metered(gateway)
    (found,) = gateway.every("subscriptions")
    assert StripeSubscription.objects.get().stripe_id == found["id"]
    assert MeteredItem.objects.get().stripe_id


def test_who_comes_in_the_middle_of_a_period_later_than_an_hour_is_billed_by_items(
    tiered, noon, gateway
):
    sync_metered(gateway)  # noon of the 20th; it has been active since October
    assert not MeteredItem.objects.exists()


@pytest.mark.parametrize(
    ("zone", "anchor", "expected"),
    [
        ("UTC", None, (1, 0)),
        ("Europe/Berlin", None, (31, 23)),
        ("Asia/Tokyo", None, (31, 15)),
        ("America/New_York", None, (1, 5)),
        ("UTC", 15, (15, 0)),
        ("America/New_York", 31, (31, 5)),
        ("Asia/Tokyo", 31, None),  # its eve is no day of the month that Stripe can name
    ],
)
def test_a_month_turns_at_stripe_within_an_hour_of_ours(zone, anchor, expected):
    since = datetime(2026, 10, anchor or 1, tzinfo=UTC).date()
    cadence = Cadence.ANNIVERSARY if anchor else Cadence.CALENDAR
    schedule = Schedule(zone, cadence, 1, since)
    period = schedule.period_at(datetime(2026, 12, 10, tzinfo=UTC))
    cycle = Cycle.of(schedule, period, within=SHIFT)
    assert (cycle and (cycle.day, cycle.hour)) == expected
    if cycle is not None:
        for _ in range(14):
            assert abs(cycle.nearest(period.end) - period.end) <= SHIFT
            period = schedule.following(period)


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_of_london_can_be_billed_by_stripes_meters(month):
    """Its months end at 23:00 or at 00:00 UTC, around the shortest month as well."""
    schedule = Schedule("Europe/London")
    period = schedule.period_at(datetime(2027, month, 10, tzinfo=UTC))
    assert Cycle.of(schedule, period, within=SHIFT) is not None


def test_the_nearest_turn_is_found_from_every_hour_of_two_years():
    cycle, start = Cycle(31, 23), datetime(2027, 1, 1, tzinfo=UTC)
    turns = [(start + day * HOUR * 24).replace(hour=23) for day in range(-60, 800)]
    turns = [turn for turn in turns if (turn + 24 * HOUR).day == 1]
    for hours in range(0, 730 * 24, 5):
        at = start + hours * HOUR
        assert cycle.nearest(at) == min(turns, key=lambda turn: abs(turn - at))


def test_usage_at_a_clock_change_is_told_in_the_month_that_it_belongs_to():
    schedule = Schedule("Europe/Berlin")
    cycle = Cycle(31, 23)
    march = schedule.period_at(datetime(2027, 3, 10, tzinfo=UTC))
    assert march.end == datetime(2027, 3, 31, 22, tzinfo=UTC)  # summer time: an hour before Stripe
    april = schedule.following(march)
    assert cycle.within(april, april.start) == april.start + HOUR
    assert cycle.within(march, march.end - HOUR) == march.end - HOUR


def test_a_draft_that_was_paid_before_we_could_hold_it_pays_the_complete_invoice(
    december, call, noon, gateway, sim
):
    """Our workers were away when Stripe made it, finalized it and charged the card."""
    row = ensure_customer(gateway, december.organization)
    method = sim.client.v1.payment_methods.attach("pm_card_visa", {"customer": row.stripe_id})
    gateway.update(
        "customers", row.stripe_id, {"invoice_settings": {"default_payment_method": method.id}}
    )
    mirror_customer(gateway, row.stripe_id)
    (subscription,) = StripeSubscription.objects.all()
    changes = {"collection_method": "charge_automatically"}
    gateway.update("subscriptions", subscription.stripe_id, changes)
    noon.move_to(DECEMBER + 6 * DAY)
    call(20, at=DECEMBER + 5 * DAY)
    tell(gateway)
    noon.move_to(JANUARY + 3 * HOUR)
    sim.settle()
    paid = {i["total"] for i in gateway.every("invoices") if i["status"] == "paid"}
    assert 175 in paid
    finish(noon, gateway)
    invoice = Invoice.objects.get(ends_at=JANUARY)
    assert (invoice.step, invoice.status, invoice.subtotal_minor) == ("done", "paid", 1175)
    assert gateway.fetch("invoices", invoice.stripe_id)["amount_paid"] == 1000
    (note,) = gateway.every("credit_notes")
    assert note["amount"] == 175
    assert gateway.fetch("customers", row.stripe_id)["balance"] == 0
    assert list(invoice_drift(gateway, since=DECEMBER)) == []
