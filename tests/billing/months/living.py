"""Lives a random customer's months: real calls, real jobs, a Stripe that fails and forgets."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from analytics.intake import receive
from analytics.rollups import roll_up
from apim.audit.actors import SYSTEM
from apim.catalog.models import Plan
from apim.core.clock import Period
from apim.keys.models import Subscription
from billing.models import BillingPeriod, CreditGrant, Invoice, StripeEvent
from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    PerUnit,
    Terms,
    Tier,
    UsagePrice,
    Volume,
)
from billing.services import change_now, give_discount, grant_credit, note_subscription
from billing.services.closing import close_periods
from billing.stripe.adapter import connect
from billing.stripe.customers import ensure_customer, mirror_customer
from billing.stripe.events import handle_events, store_event
from billing.stripe.invoicing import send_invoices
from billing.stripe.metered import sync_metered
from billing.stripe.metering import SENDABLE, collect_usage, send_usage
from billing.stripe.reconciliation import (
    find_lost_events,
    invoice_drift,
    rating_drift,
    usage_drift,
)
from billing.stripe.revoking import move_usage
from tests.analytics.lines import make_customer, make_world, ndjson
from tests.billing.months.facts import DAY, HOUR, OVER
from tests.billing.prices import make_version

D = Decimal


class Months:
    """`killer` kills what it wraps; `traveller` moves the time."""

    def __init__(self, sim, facts, killer, traveller) -> None:
        self.sim, self.facts, self.killer, self.traveller = sim, facts, killer, traveller
        self.random = random.Random(facts.seed)
        self.gateway = connect()
        self.world = make_world()
        self.heard = set()
        Subscription.objects.update(state="cancelled")
        self.plans = {
            name: Plan.objects.create(
                product=self.world.product,
                slug=f"plan-{name.lower()}",
                name=name,
                state="published",
            )
            for name in facts.plans
        }
        for name, plan in self.plans.items():
            make_version(
                plan,
                self._terms(name),
                months_ago=3,
                cadence="anniversary" if facts.is_anniversary else "calendar",
                payment="invoice",
            )
        self.customer = self._customer()

    def _terms(self, name):
        price = self.facts.plans[name]
        return Terms(
            "",
            self.facts.currency,
            usage=(UsagePrice("calls", "calls", _pricing(price), D(price.included)),),
            fees=tuple(Fee(f"fee-{n}", D(fee)) for n, fee in enumerate(price.fees)),
            minimum=D(price.minimum),
            setup=D(price.setup),
            trial_days=self.facts.trial_days if name == "A" else 0,
        )

    def _customer(self):
        facts = self.facts
        made = make_customer("Months", self.plans["A"])
        type(made.organization).objects.filter(pk=made.organization.pk).update(time_zone=facts.zone)
        Subscription.objects.filter(pk=made.subscription.pk).update(
            activated_at=facts.start, created_at=facts.start
        )
        made.organization.refresh_from_db()
        made.subscription.refresh_from_db()
        made.subscription.organization = made.organization
        note_subscription(subscription_id=made.subscription.pk)
        for _given, kind, number, ends_at in facts.discounts:
            named = {"currency": facts.currency} if kind == "amount" else {}
            give_discount(
                actor=SYSTEM,
                organization=made.organization,
                name=f"{kind} off",
                ends_at=ends_at,
                **{kind: D(number)},
                **named,
            )
        for grant in facts.grants:
            grant_credit(
                actor=SYSTEM,
                organization=made.organization,
                name="Prepaid",
                amount_minor=grant.amount,
                currency=facts.currency,
                priority=grant.priority,
                expires_at=grant.expires_at,
            )
        row = ensure_customer(self.gateway, made.organization)
        if self.random.random() < 0.7:
            card = self.sim.client.v1.payment_methods.attach(
                "pm_card_visa", {"customer": row.stripe_id}
            )
            given = {"invoice_settings": {"default_payment_method": card.id}}
            self.gateway.update("customers", row.stripe_id, given)
            mirror_customer(self.gateway, row.stripe_id)
        return made

    def live(self) -> None:
        """Everything at its time; the jobs run after each change and around each period's end."""
        facts = self.facts
        over = facts.start + OVER * DAY
        agenda = [(at, "change", kind) for at, kind in facts.changes]
        agenda += [(at, "call", made) for made, at in facts.calls]
        self.closes = {}
        for begin, end in facts.periods(over):
            if end + 30 * HOUR > over:
                break
            for minutes in (3, 30, 80):
                agenda.append((end + timedelta(minutes=minutes), "turn", None))
            agenda.append((end + 26 * HOUR, "close", (begin, end)))
        self._turn()
        for at, what, given in sorted(agenda, key=lambda one: (one[0], one[1])):
            self.traveller.move_to(max(at, datetime.now(UTC)))
            getattr(self, f"_{what}")(given)
        self.killer.chance = 0.0
        self.traveller.shift(HOUR)
        self._close(None)
        find_lost_events(self.gateway)
        handle_events(self.gateway)

    def _change(self, kind) -> None:
        row = Subscription.objects.get(pk=self.customer.subscription.pk)
        plan = self.plans["B"] if kind == "plan" else None
        change_now(actor=SYSTEM, subscription=row, kind=kind, plan=plan)
        self.killer.until_done(lambda: sync_metered(self.gateway))

    def _call(self, made) -> None:
        plan = self.facts.plan_at(made)
        number = len(self.facts.made)
        line = self.world.line(
            self.customer,
            at=made,
            plan=self.plans[plan].public_id,
            id=f"months-{self.facts.seed}-{number}",
        )
        answer = receive(gateway=self.world.gateway, body=ndjson([line]))
        assert answer.accepted == 1
        while roll_up():
            pass
        self.facts.made.append((made, plan))
        # As every night; what is told later than 35 days Stripe would not take.
        self.killer.until_done(lambda: collect_usage(back=SENDABLE))
        self.killer.until_done(lambda: send_usage(self.gateway))

    def _turn(self, _given=None) -> None:
        jobs = (
            lambda: sync_metered(self.gateway),
            move_usage,
            lambda: collect_usage(back=SENDABLE),
            lambda: send_usage(self.gateway),
            self._hear,
            lambda: handle_events(self.gateway),
        )
        for job in jobs:
            self.killer.until_done(job)

    def _hear(self) -> None:
        """Of what Stripe tells a third is lost, a third comes twice, and none in its order."""
        since = int((datetime.now(UTC) - 3 * DAY).timestamp())
        events = [
            event
            for event in self.gateway.every("events", {"created": {"gte": since}})
            if event["id"] not in self.heard
        ]
        self.heard |= {event["id"] for event in events}
        told = [event for event in events for _ in range(self.random.randrange(3))]
        self.random.shuffle(told)
        for event in told:
            store_event(event)
        if self.random.random() < 0.7:
            find_lost_events(self.gateway, back=3 * DAY)

    def _close(self, period) -> None:
        self._turn()
        self.killer.until_done(close_periods)
        for _ in range(3):
            self.killer.until_done(lambda: send_invoices(self.gateway))
            self.traveller.shift(timedelta(minutes=20))  # what failed is tried again
        if period is not None:
            self.closes[period] = datetime.now(UTC)

    def differences(self):
        """Everything that is not as the facts say; empty when all is."""
        found = [*map(str, self._drift()), *self._wrong_periods(), *self._wrong_invoices()]
        if (waiting := StripeEvent.objects.unprocessed().count()) > 0:
            found.append(f"{waiting} events wait")
        return found

    def _wrong_periods(self):
        closed = BillingPeriod.objects.closed().order_by("ends_at", "id")
        for row in closed:
            own = sum(line.amount_minor for line in row.lines.all() if line.origin_id is None)
            late = sum(line.amount_minor for line in row.corrections.all())
            wanted = self.facts.bill(row.starts_at, row.ends_at)
            if own + late != wanted:
                yield f"{row.starts_at}–{row.ends_at}: {own} + {late}, not {wanted}"
        spans = {(row.starts_at, row.ends_at) for row in closed}
        for begin, end in self.closes:
            if (begin, end) not in spans and self.facts.bill(begin, end):
                yield f"{begin}–{end} is not closed and comes to {self.facts.bill(begin, end)}"

    def _wrong_invoices(self):
        for grant in self.facts.grants:
            grant.left = grant.amount
        for invoice in Invoice.objects.order_by("ends_at"):
            if invoice.step != "done":
                yield f"{invoice.ends_at} waits: {invoice.last_error}"
            paid = self.facts.pay(max(invoice.rated_minor, 0), invoice.created_at, invoice.ends_at)
            if invoice.credit_minor != paid:
                yield f"{invoice.ends_at}: credit {invoice.credit_minor}, not {paid}"
        left = sum(grant.left for grant in self.facts.grants)
        kept = sum(_left(grant) for grant in CreditGrant.objects.all())
        if left != kept:
            yield f"credit left {kept}, not {left}"

    def _drift(self):
        found = list(invoice_drift(self.gateway, since=self.facts.start - DAY))
        for row in BillingPeriod.objects.closed():
            found += rating_drift(row)
        start = self.facts.start.replace(minute=0, second=0)
        everything = Period(start - 40 * DAY, start + (OVER + 9) * DAY)
        organization_id = self.customer.organization.pk
        return found + list(
            usage_drift(self.gateway, organization_id=organization_id, period=everything)
        )


def _left(grant):
    """What nobody has used; expired credit is left too."""
    return sum(entry.amount_minor for entry in grant.entries.exclude(kind="expire"))


def _pricing(price):
    if price.model == "per_unit":
        return PerUnit(D(price.numbers))
    if price.model == "package":
        return Package(D(price.numbers[0]), D(price.numbers[1]))
    after, rows = D(0), []
    for up_to, unit, flat in price.numbers:
        end = None if up_to is None else D(up_to)
        rows.append(Tier(after, end, D(unit), D(flat)))
        after = end
    return (Graduated if price.model == "graduated" else Volume)(tuple(rows))
