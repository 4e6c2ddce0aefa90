"""The demo's money: what became of ninety days of usage, told by the services that really charge.

Each month is closed when it would have been, and its invoices go to the Stripe simulator, whose time
is set back for it: payments, a failed one, a credit note, credit, a discount, an add-on, and a
correction for calls that came in late. Stripe's meters bill the usage, as they do live. With Stripe's
own keys nothing of it is done.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction

from apim.accounts.models import Organization
from apim.audit.actors import SYSTEM
from apim.catalog.models import Product
from apim.core import clock
from apim.keys.models import Subscription
from apim.runtime.demo import world
from apim.runtime.demo.history import write_late_calls
from apim.runtime.demo.simulator import EMPTY, WORKING, Simulator, is_simulated, of_the_past
from billing.models import CreditGrant, Invoice, MoneyBack, StripeSubscription
from billing.services import (
    add_to_subscription,
    create_add_on,
    give_discount,
    grant_credit,
    note_subscription,
)
from billing.services.closing import close_periods
from billing.stripe.cycles import Cycle
from billing.stripe.invoicing import send_invoices
from billing.stripe.metered import sync_metered

if TYPE_CHECKING:
    from datetime import datetime

    from apim.gateway.models import Gateway

ONE_DAY = timedelta(days=1)
# When the scheduler closes a month: a day after its end, everywhere on earth.
CLOSES = timedelta(days=2, hours=3)
LEARNS = timedelta(hours=2)
# Stripe drafts the metered lines when a month turns, and finalizes what nobody holds an hour later.
DRAFTED = timedelta(minutes=10)


def write_money(*, gateway: Gateway, since: datetime) -> int:
    """Close the months since then, one after another; returns how many invoices there are.

    Running it again goes on where it was interrupted. Nothing is done where Stripe is the real one.
    """
    if not is_simulated():
        return 0
    with of_the_past() as stripe:
        _Story(gateway, stripe).tell(since)
    return Invoice.objects.count()


class _Story:
    def __init__(self, gateway: Gateway, stripe: Simulator) -> None:
        self._gateway, self._stripe = gateway, stripe
        self._payments = stripe.payments

    def tell(self, since: datetime) -> None:
        with self._stripe.at(since):
            self._begin()
            sync_metered(self._payments)
        month = clock.month_of(since)
        closed = 0
        while (at := month.end + CLOSES) < clock.now() - ONE_DAY:
            closed += 1
            for turn in _turns(month.end):
                with self._stripe.at(turn + DRAFTED):
                    self._stripe.learn()
            with self._stripe.at(at):
                self._close()
            with self._stripe.at(at + LEARNS):
                self._stripe.learn()
            if closed == world.LATE_AFTER:
                write_late_calls(gateway=self._gateway, day=(month.end - ONE_DAY).date())
                with self._stripe.at(at + 4 * ONE_DAY):
                    self._mend()
            month = clock.month_of(month.end)
        with self._stripe.at(clock.now()):
            self._stripe.learn()

    def _begin(self) -> None:
        for row in Subscription.objects.active().order_by("pk"):
            note_subscription(subscription_id=row.pk)
        for name in world.PAYING:
            self._stripe.give_card(_organization(name), EMPTY if name == world.FAILING else WORKING)
        if CreditGrant.objects.filter(organization__name=world.CREDITED).exists():
            return  # begun before it was interrupted
        with transaction.atomic():
            self._agree()

    def _agree(self) -> None:
        grant_credit(
            actor=SYSTEM,
            organization=_organization(world.CREDITED),
            name="Welcome credit",
            amount_minor=2_500,
            currency="EUR",
        )
        give_discount(
            actor=SYSTEM,
            organization=_organization(world.DISCOUNTED),
            name="Partner since the beginning",
            percent=Decimal(10),
        )
        for application, product, name, amount in world.ADD_ONS:
            add_on = create_add_on(
                actor=SYSTEM,
                product=Product.objects.get(name=product),
                name=name,
                amounts={"EUR": Decimal(amount)},
            )
            held = Subscription.objects.active().get(application__name=application)
            add_to_subscription(actor=SYSTEM, subscription=held, add_on=add_on)

    def _close(self) -> None:
        close_periods()
        send_invoices(self._payments)

    def _mend(self) -> None:
        """The customer whose payment failed pays with another card; another gets money back."""
        self._stripe.give_card(_organization(world.FAILING), WORKING)
        for invoice in _invoices(world.FAILING).filter(status=Invoice.Status.OPEN):
            self._stripe.post(f"invoices/{invoice.stripe_id}/pay")
        if not MoneyBack.objects.filter(organization__name=world.DISCOUNTED).exists():
            self._give_back()
        self._stripe.learn()

    def _give_back(self) -> None:
        paid = _invoices(world.DISCOUNTED).filter(status=Invoice.Status.PAID).latest("ends_at")
        self._stripe.post(
            "credit_notes",
            invoice=paid.stripe_id,
            amount=world.CREDIT_NOTE_MINOR,
            refund_amount=world.CREDIT_NOTE_MINOR,
            memo="Calls that our outage had doubled.",
        )


def _turns(month_end: datetime) -> list[datetime]:
    """When the months of metered billing turn at Stripe, near the end of a calendar month in UTC."""
    rows = StripeSubscription.objects.filter(ended_at=None)
    return sorted({Cycle(row.day, row.hour).nearest(month_end) for row in rows})


def _organization(name: str) -> Organization:
    return Organization.objects.get(name=name)


def _invoices(name: str) -> Any:
    return Invoice.objects.filter(organization__name=name)
