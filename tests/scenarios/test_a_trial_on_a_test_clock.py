"""From a trial through renewals and a failed payment, with Stripe's side on one of its test clocks.

Our time is travelled; Stripe's is a test clock (docs.stripe.com/billing/testing/test-clocks) under
which the customer is made, and which is advanced to the same moment.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from analytics.intake import receive
from analytics.rollups import roll_up
from apim.audit.actors import SYSTEM
from apim.keys.models import Subscription
from apim.outbox.services import sweep
from billing.models import Invoice, StripeCustomer, StripeEvent
from billing.rating.prices import Fee, Terms, per_unit
from billing.services import note_subscription, subscribe
from billing.services.closing import close_periods
from billing.services.trials import review_trials
from billing.services.unpaid import review_all_unpaid
from billing.stripe.adapter import connect
from billing.stripe.checkouts import checkout_url
from billing.stripe.events import handle_events
from billing.stripe.invoicing import send_invoices
from billing.stripe.metering import collect_usage, send_usage
from billing.stripe.reconciliation import find_lost_events
from tests.analytics.lines import make_customer, make_world, ndjson
from tests.billing.prices import make_version
from tests.billing.stripe_simulator.running import KEY, running

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, 9, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
def simulator():
    with running(webhook_url="http://127.0.0.1:9/", webhook_secret="whsec_clock") as sim:
        yield sim


class Rehearsal:
    """Both times go forward together; every job of ours runs after each step."""

    def __init__(self, sim, traveller, settings) -> None:
        self.sim, self.traveller = sim, traveller
        self.gateway = connect()
        self.clocks = sim.client.v1.test_helpers.test_clocks
        self.clock = self.clocks.create({"frozen_time": int(START.timestamp()), "name": "trial"})
        settings.STRIPE_TEST_CLOCK = self.clock.id
        self.world = make_world()
        Subscription.objects.update(state="cancelled")  # somebody else's

    def until(self, moment) -> None:
        while datetime.now(UTC) < moment:
            step = min(moment, datetime.now(UTC) + 5 * DAY)
            self.traveller.move_to(step)
            self.clocks.advance(self.clock.id, {"frozen_time": int(step.timestamp())})
            self.sim.settle()
            assert self.clocks.retrieve(self.clock.id).status == "ready"
            self.work()

    def work(self) -> None:
        review_trials()
        collect_usage()
        send_usage(self.gateway)
        close_periods()
        send_invoices(self.gateway)
        find_lost_events(self.gateway)
        handle_events(self.gateway)
        review_all_unpaid()
        self.traveller.shift(MINUTE)  # the outbox gives those who are told at once a start
        sweep()
        self.traveller.shift(-MINUTE)

    def enter(self, organization, card) -> None:
        """A person enters a card on Stripe's page."""
        page = checkout_url(
            self.gateway,
            organization,
            currency="EUR",
            return_url="https://apim.example/",
            cancel_url="https://apim.example/",
        )
        self.sim.raw("POST", page.removeprefix(self.sim.url), f"card={card}")
        self.work()

    def call(self, customer, times) -> None:
        lines = [
            self.world.line(customer, plan=self.world.plan.public_id, at=datetime.now(UTC))
            for _ in range(times)
        ]
        receive(gateway=self.world.gateway, body=ndjson(lines))
        while roll_up():
            pass


def state(subscription):
    return Subscription.objects.get(pk=subscription.pk).state


def test_a_trial_its_end_renewals_and_a_failed_payment(simulator, settings):
    settings.STRIPE_SECRET_KEY = ""
    settings.APIM_STRIPE_SIMULATOR_URL = simulator.url
    settings.APIM_STRIPE_SIMULATOR_KEY = KEY
    with time_machine.travel(START, tick=False) as traveller:
        simulator.order("reset", seed="clock")
        simulator.order("settings", webhooks_paused=True)
        told = Rehearsal(simulator, traveller, settings)
        _tell(told)


def _tell(told) -> None:
    plan = told.world.plan
    terms = Terms(
        "",
        "EUR",
        fees=(Fee("base", Decimal(20)),),
        usage=(per_unit(Decimal("0.50")),),
        trial_days=14,
    )
    make_version(plan, terms, payment="trial_end")
    customer = make_customer("Newcomer", told.world.other_plan)
    customer.subscription.delete()
    held = subscribe(actor=SYSTEM, application=customer.application, plan=plan)
    note_subscription(subscription_id=held.pk)
    customer = type(customer)(customer.organization, customer.application, held, customer.key)

    told.call(customer, 3)  # free
    told.until(START + 15 * DAY)
    assert state(held) == "suspended"  # the trial is over, and nobody entered a card

    told.enter(customer.organization, "pm_card_visa")
    assert state(held) == "active"
    row = StripeCustomer.objects.get()
    remote = told.gateway.fetch("customers", row.stripe_id)
    assert remote["test_clock"] == told.clock.id

    told.call(customer, 4)
    told.until(datetime(2026, 2, 3, tzinfo=UTC))
    january = Invoice.objects.get(organization=customer.organization)
    assert january.status == "paid"
    # From the return on the 16th, 9:01, to the month's end; four calls after the trial.
    back = START + 15 * DAY + MINUTE
    seconds = int((datetime(2026, 2, 1, tzinfo=UTC) - back).total_seconds())
    assert january.rated_minor == round(2000 * seconds / (31 * 86_400)) + 200
    assert january.paid_at.month == 2  # by the test clock's time
    assert january.paid_at <= datetime.now(UTC)

    told.enter(customer.organization, "pm_card_chargeCustomerFail")
    told.until(datetime(2026, 3, 3, tzinfo=UTC))
    february = customer.organization.invoices.get(ends_at=datetime(2026, 3, 1, tzinfo=UTC))
    assert (february.status, february.rated_minor) == ("open", 2000)
    first = february.payment_attempts
    told.until(datetime(2026, 3, 12, tzinfo=UTC))
    february.refresh_from_db()
    assert february.payment_attempts > first  # Stripe tried again as the clock went on
    told.until(datetime(2026, 3, 20, tzinfo=UTC))
    assert state(held) == "suspended"

    told.enter(customer.organization, "pm_card_visa")
    told.sim.client.v1.invoices.pay(february.stripe_id)
    told.work()
    february.refresh_from_db()
    assert (february.status, february.due_minor, state(held)) == ("paid", 0, "active")
    assert StripeEvent.objects.filter(type="test_helpers.test_clock.ready").exists()
    assert not StripeEvent.objects.unprocessed().exists()
