"""A quarter of a leap year in three time zones and currencies, told twice.

Once as it should go, and once while workers are killed at random in every job, webhooks are lost,
doubled and reordered. Both end with the same frozen lines, the same invoices, and no drift between
what was rated, sent and invoiced.
"""

import json
import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import transaction

from analytics.intake import receive
from analytics.rollups import roll_up
from apim.audit.actors import SYSTEM
from apim.catalog.models import Plan
from apim.core.clock import Period
from apim.outbox.services import sweep
from billing.models import (
    BillingPeriod,
    BillingTerms,
    Invoice,
    MeteredLine,
    MeterEvent,
    RatedLine,
    StripeEvent,
)
from billing.rating.prices import Fee, Graduated, Terms, Tier, UsagePrice
from billing.selectors.backlog import stripe_backlog
from billing.services import change_now, closing, note_subscription
from billing.services.closing import close_periods
from billing.services.unpaid import review_all_unpaid
from billing.stripe.adapter import connect
from billing.stripe.customers import ensure_customer, mirror_customer
from billing.stripe.events import handle_events
from billing.stripe.invoicing import send_invoices
from billing.stripe.metered import sync_metered
from billing.stripe.metering import SENDABLE, collect_usage, send_usage
from billing.stripe.reconciliation import (
    find_lost_events,
    invoice_drift,
    rating_drift,
    refresh_open,
    usage_drift,
)
from tests.analytics.lines import make_customer, make_world, ndjson
from tests.billing.prices import make_version
from tests.billing.stripe.conftest import SECRET
from tests.billing.stripe.test_webhooks import post
from tests.billing.stripe_simulator.running import KEY, running

pytestmark = pytest.mark.django_db
D = Decimal
DAY = timedelta(days=1)
START = datetime(2028, 1, 31, 6, 30, tzinfo=UTC)
DAYS = 72  # 29 February, and both changes to summer time
STEP = 4  # days between two runs of every job
CUT_OFF = 36  # in March a gateway delivers calls of February, which is closed by then
NO_LATE_CALLS = 54  # what comes after a close waits for the next one
CARDS = {
    "Berlin": "pm_card_visa",
    "Tokyo": "pm_card_visa",
    "New York": "pm_card_chargeCustomerFail",
}


class Killed(BaseException):
    """What `kill -9` is to a process: nothing may catch it."""


class Killer:
    """Wraps a function: sometimes the process dies before its work is done, sometimes after."""

    def __init__(self, seed, *, chance) -> None:
        self.random, self.chance = random.Random(seed), chance
        self.kills = 0

    def wrapped(self, work):
        def run(*args, **named):
            self._maybe()
            found = work(*args, **named)
            self._maybe()
            return found

        return run

    def _maybe(self) -> None:
        if self.random.random() < self.chance:
            self.kills += 1
            raise Killed

    def until_done(self, job) -> None:
        while True:
            try:
                job()
            except Killed:
                continue
            return


class Story:
    def __init__(self, sim, client, killer, traveller) -> None:
        self.sim, self.client, self.killer, self.traveller = sim, client, killer, traveller
        self.gateway = connect()
        self.calls = random.Random(2028)
        self.post = random.Random(3)
        self.told = set()
        self.world = make_world()
        acme = self.world.customer.subscription
        type(acme).objects.filter(pk=acme.pk).update(state="cancelled")
        self.customers = self._customers()

    def _customers(self):
        plan = self.world.plan
        self.large = Plan.objects.create(
            product=self.world.product, slug="sea", name="Sea", state="published"
        )
        own = Plan.objects.create(
            product=self.world.product, slug="own", name="Own", state="published"
        )
        sheets = [self._terms(code, "10") for code in ("EUR", "USD")]
        make_version(plan, *sheets, months_ago=3)
        make_version(
            self.large, *(self._terms(code, "49.99") for code in ("EUR", "USD")), months_ago=3
        )
        make_version(own, self._terms("JPY", "1000"), months_ago=3, cadence="anniversary")
        made = {}
        for name, zone, its in (
            ("Berlin", "Europe/Berlin", plan),
            ("Tokyo", "Asia/Tokyo", own),
            ("New York", "America/New_York", plan),
        ):
            customer = make_customer(name, its)
            type(customer.organization).objects.filter(pk=customer.organization.pk).update(
                time_zone=zone
            )
            customer.subscription.organization.refresh_from_db()
            note_subscription(subscription_id=customer.subscription.pk)
            made[name] = customer
        terms = made["New York"].subscription.billing_terms
        terms.currency = "USD"
        terms.save()
        for name, customer in made.items():
            row = ensure_customer(self.gateway, customer.organization)
            card = self.sim.client.v1.payment_methods.attach(
                CARDS[name], {"customer": row.stripe_id}
            )
            given = {"invoice_settings": {"default_payment_method": card.id}}
            self.gateway.update("customers", row.stripe_id, given)
            mirror_customer(self.gateway, row.stripe_id)
        return made

    def _terms(self, currency, fee):
        tiers = (Tier(D(0), D(20), D("0.335")), Tier(D(20), None, D("0.111"), D(1)))
        usage = (UsagePrice("calls", "calls", Graduated(tiers), D(5)),)
        return Terms("", currency, fees=(Fee("base", D(fee)),), usage=usage)

    def live(self) -> None:
        for day in range(0, DAYS, STEP):
            self._day(day)
            following = datetime.now(UTC) + STEP * DAY
            for turn in self._turns(following):
                self._turn(turn)
            self.traveller.move_to(following)
        self.killer.chance = 0.0
        self._work()
        find_lost_events(self.gateway)
        handle_events(self.gateway)
        refresh_open(self.gateway)

    def _turns(self, until):
        """When periods end until then, of everybody."""
        schedules = []
        for customer in self.customers.values():
            terms = BillingTerms.objects.get(subscription=customer.subscription)
            schedules.append(terms.schedule(customer.organization.time_zone))
        ends = {schedule.period_at(datetime.now(UTC)).end for schedule in schedules}
        return sorted(end for end in ends if end < until)

    def _turn(self, end) -> None:
        """Stripe's items follow, and its drafts are held before it finalizes them."""
        for after in (timedelta(minutes=3), timedelta(minutes=40), timedelta(minutes=80)):
            self.traveller.move_to(end + after)
            self.killer.until_done(lambda: sync_metered(self.gateway))
            self.killer.until_done(lambda: find_lost_events(self.gateway, back=DAY))
            self.killer.until_done(lambda: handle_events(self.gateway))

    def _day(self, day) -> None:
        self._call(day)
        if day == 16:
            berlin = self.customers["Berlin"].subscription
            berlin.refresh_from_db()
            change_now(actor=SYSTEM, subscription=berlin, kind="plan", plan=self.large)
        if day == 52:
            self._pay("New York")
        self._work()
        self._webhooks()
        if day % 12 == 0:
            back = timedelta(days=13)
            self.killer.until_done(lambda: find_lost_events(self.gateway, back=back))

    def _call(self, day) -> None:
        now = datetime.now(UTC)
        lines = []
        for customer in self.customers.values():
            row = customer.subscription
            row.refresh_from_db()
            lates = [self.calls.choice([0, 0, 0, 1, 3]) for _ in range(self.calls.randrange(4))]
            if day >= NO_LATE_CALLS:
                lates = [0] * len(lates)
            if day == CUT_OFF:
                lates += [12] * 9
            for late in lates:
                at = now - timedelta(days=late, hours=self.calls.randrange(6), minutes=7)
                if row.state == "active" and at > START:
                    lines.append(
                        self.world.line(customer, at=at, plan=row.plan.public_id, id=self._id())
                    )
        if lines:
            receive(gateway=self.world.gateway, body=ndjson(lines))
            while roll_up():
                pass

    def _id(self):
        return f"story-{self.calls.getrandbits(64):x}"

    def _work(self) -> None:
        jobs = (
            lambda: sync_metered(self.gateway),
            lambda: collect_usage(back=SENDABLE),
            lambda: send_usage(self.gateway),
            close_periods,
            lambda: send_invoices(self.gateway),
            lambda: handle_events(self.gateway),
            review_all_unpaid,
        )
        for job in jobs:
            self.killer.until_done(job)
        self.traveller.shift(timedelta(minutes=1))
        sweep()
        self.traveller.shift(timedelta(minutes=-1))

    def _webhooks(self) -> None:
        """A third is lost, a third comes twice, none in its order."""
        since = int((datetime.now(UTC) - (STEP + 1) * DAY).timestamp())
        events = self.sim.client.v1.events.list({"limit": 100, "created": {"gte": since}}).data
        fresh = [event for event in events if event.id not in self.told]
        self.told |= {event.id for event in fresh}
        bodies = [json.dumps(event.to_dict(for_json=True)).encode() for event in fresh]
        bodies = [b for b in bodies for _ in range(self.post.randrange(3))]
        self.post.shuffle(bodies)
        for body in bodies:
            self.killer.until_done(lambda body=body: post(self.client, body, at=int(time.time())))

    def _pay(self, name) -> None:
        customer = ensure_customer(self.gateway, self.customers[name].organization)
        card = self.sim.client.v1.payment_methods.attach(
            "pm_card_visa", {"customer": customer.stripe_id}
        )
        given = {"invoice_settings": {"default_payment_method": card.id}}
        self.sim.client.v1.customers.update(customer.stripe_id, given)
        for invoice in Invoice.objects.filter(
            organization=self.customers[name].organization, status="open"
        ):
            self.sim.client.v1.invoices.pay(invoice.stripe_id)
        # Its webhook may be lost; what a fee comes to depends on when the keys return.
        self.killer.until_done(lambda: find_lost_events(self.gateway))
        self.killer.until_done(lambda: handle_events(self.gateway))

    def outcome(self):
        """All that was charged, in words that are the same in both tellings."""
        lines = RatedLine.objects.select_related("period__organization", "origin").order_by(
            "period__organization__name", "period__starts_at", "position"
        )
        return [
            (
                line.period.organization.name,
                line.period.starts_at,
                line.period.ends_at,
                line.kind,
                line.key,
                line.quantity,
                line.amount_minor,
                line.currency,
                line.origin.starts_at if line.origin else None,
            )
            for line in lines
        ]

    def drift(self):
        found = list(invoice_drift(self.gateway, since=START))
        for period in BillingPeriod.objects.closed():
            found += rating_drift(period)
        everything = Period(
            START.replace(minute=0) - 3 * DAY, START.replace(minute=0) + (DAYS + 1) * DAY
        )
        for customer in self.customers.values():
            found += usage_drift(
                self.gateway, organization_id=customer.organization.pk, period=everything
            )
        return found


@pytest.fixture(scope="module")
def simulator():
    with running(webhook_url="http://127.0.0.1:9/", webhook_secret="whsec_story") as sim:
        yield sim


def tell(sim, client, *, chance):
    """Live through the quarter and return what was charged; nothing of it stays."""
    killer = Killer(11, chance=0.0)
    with (
        time_machine.travel(START, tick=False) as traveller,
        transaction.atomic(),
        pytest.MonkeyPatch.context() as patch,
    ):
        sim.order("reset", seed="quarter")
        sim.order("settings", webhooks_paused=True)
        story = Story(sim, client, killer, traveller)
        for name in ("create", "fetch", "finalize_invoice"):
            patch.setattr(story.gateway, name, killer.wrapped(getattr(story.gateway, name)))
        for name in ("freeze_periods", "make_invoices", "rate_periods"):
            patch.setattr(closing, name, killer.wrapped(getattr(closing, name)))
        killer.chance = chance
        story.live()
        assert bool(killer.kills) == bool(chance)
        _check_the_quarter(story)
        outcome = story.outcome()
        transaction.set_rollback(True)
    return outcome


def test_no_cent_drifts_while_workers_are_killed(simulator, client, settings):
    settings.STRIPE_SECRET_KEY = ""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    settings.APIM_STRIPE_SIMULATOR_URL = simulator.url
    settings.APIM_STRIPE_SIMULATOR_KEY = KEY
    calm = tell(simulator, client, chance=0.0)
    assert tell(simulator, client, chance=0.08) == calm


def _check_the_quarter(story) -> None:
    assert story.drift() == []
    backlog = stripe_backlog()
    assert (backlog.usage_waiting, backlog.usage_refused, backlog.invoices_waiting) == (0, 0, 0)
    assert not StripeEvent.objects.unprocessed().exists()
    assert not Invoice.objects.exclude(status="paid").exists()
    assert MeterEvent.objects.exists()
    metered = MeteredLine.objects.exclude(stripe_minor=0)
    assert {line.organization.name for line in metered} == {"Berlin", "New York"}
    assert all(line.difference_minor == 0 for line in metered)
    spans = {
        (p.organization.name, f"{p.starts_at:%m-%d %H}", f"{p.ends_at:%m-%d %H}")
        for p in BillingPeriod.objects.select_related("organization")
    }
    assert {
        ("Berlin", "01-31 23", "02-29 23"),  # the leap day is in February
        ("Berlin", "02-29 23", "03-31 22"),  # and March has an hour less
        ("New York", "02-01 05", "03-01 05"),
        ("New York", "03-01 05", "04-01 04"),
        ("Tokyo", "01-30 15", "02-28 15"),  # from the 31st to the 29th, Tokyo's
        ("Tokyo", "02-28 15", "03-30 15"),
    } <= spans
    corrected = RatedLine.objects.filter(kind="correction")
    assert corrected.exists()
    assert all(line.origin.ends_at <= line.period.starts_at for line in corrected)
    upgraded = BillingPeriod.objects.get(
        organization=story.customers["Berlin"].organization,
        starts_at__month=1,
        ends_at__month=2,
        ends_at__day=29,
    )
    assert upgraded.lines.filter(kind="fee").count() == 2
    new_york = story.customers["New York"].organization
    suspended = new_york.subscriptions.get().unpaid_suspensions.get()
    assert suspended.ended_at is not None
    assert new_york.subscriptions.get().state == "active"
    assert set(Invoice.objects.values_list("currency", flat=True)) == {"EUR", "JPY", "USD"}
