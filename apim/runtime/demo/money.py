"""The demo's money: what became of ninety days of usage, told by the services that really charge.

Each month is closed when it would have been, and its invoices go to the Stripe simulator, whose time
is set back for it: payments, a failed one, a credit note, credit, a discount, an add-on, and a
correction for calls that came in late. With Stripe's own keys nothing of it is done.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
from django.conf import settings
from django.db import transaction

from apim.accounts.models import Organization
from apim.audit.actors import SYSTEM
from apim.catalog.models import Product
from apim.core import clock
from apim.core.locks import LockId, try_advisory_lock
from apim.keys.models import Subscription
from apim.runtime.demo import world
from apim.runtime.demo.history import write_late_calls
from billing.models import CreditGrant, Invoice, MoneyBack, StripeEvent
from billing.services import (
    add_to_subscription,
    create_add_on,
    give_discount,
    grant_credit,
    note_subscription,
)
from billing.services.closing import close_periods
from billing.services.unpaid import review_all_unpaid
from billing.stripe.adapter import connect
from billing.stripe.customers import ensure_customer, mirror_customer
from billing.stripe.events import RECOMMENDED, handle_events, store_event
from billing.stripe.invoicing import send_invoices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from apim.gateway.models import Gateway
    from billing.stripe.ports import PaymentGateway

ONE_DAY = timedelta(days=1)
# When the scheduler closes a month: a day after its end, everywhere on earth.
CLOSES = timedelta(days=2, hours=3)
LEARNS = timedelta(hours=2)
WORKING, EMPTY = "pm_card_visa", "pm_card_chargeCustomerFail"
TIMEOUT_SECONDS = 20
LOCK_SECONDS, LOCK_POLL_SECONDS = 120, 0.5
LOCKS = (
    (LockId.CLOSE_PERIODS, 0),
    (LockId.STRIPE_INVOICES, 0),
    (LockId.STRIPE_METERING, 1),
    (LockId.STRIPE_METERING, 2),
)


def write_money(*, gateway: Gateway, since: datetime) -> int:
    """Close the months since then, one after another; returns how many invoices there are.

    Running it again goes on where it was interrupted. Nothing is done where Stripe is the real one.
    """
    if settings.STRIPE_SECRET_KEY or not settings.APIM_STRIPE_SIMULATOR_URL:
        return 0
    with ExitStack() as stack:
        # The worker's own runs would tell the simulator of today, while it is in the past.
        for lock in LOCKS:
            _hold(stack, *lock)
        stripe = stack.enter_context(_Simulator.of_the_past())
        _Story(gateway, stripe).tell(since)
    return Invoice.objects.count()


def _hold(stack: ExitStack, lock: LockId, key: int = 0) -> None:
    """Wait until the lock is ours; it is, once more, for the services that are called inside."""
    give_up_at = time.monotonic() + LOCK_SECONDS
    while not stack.enter_context(try_advisory_lock(lock, key)):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{lock.name} is held by another process")
        time.sleep(LOCK_POLL_SECONDS)


class _Simulator:
    """The simulator's control, and what customers and finance do at Stripe themselves."""

    def __init__(self) -> None:
        self._client = httpx.Client(
            base_url=settings.APIM_STRIPE_SIMULATOR_URL,
            headers={"Authorization": f"Bearer {settings.APIM_STRIPE_SIMULATOR_KEY}"},
            timeout=TIMEOUT_SECONDS,
        )

    @classmethod
    @contextmanager
    def of_the_past(cls) -> Iterator[_Simulator]:
        """Sends no webhooks while its time is another; in the end it is today's again."""
        simulator = cls()
        simulator._order("settings", webhooks_paused=True)
        try:
            yield simulator
        finally:
            simulator._order("clock", frozen_at=None)
            simulator._order("settings", webhooks_paused=False)

    def set_back(self, instant: datetime) -> None:
        self._order("clock", frozen_at=int(instant.timestamp()))

    def post(self, path: str, **form: Any) -> dict[str, Any]:
        answer = self._client.post(f"/v1/{path}", data=form).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _order(self, path: str, **given: Any) -> None:
        self._client.post(f"/_simulator/{path}", json=given).raise_for_status()


class _Story:
    def __init__(self, gateway: Gateway, stripe: _Simulator) -> None:
        self._gateway, self._stripe = gateway, stripe
        self._payments: PaymentGateway = connect()

    def tell(self, since: datetime) -> None:
        with self._at(since):
            self._begin()
        month = clock.month_of(since)
        closed = 0
        while (at := month.end + CLOSES) < clock.now() - ONE_DAY:
            closed += 1
            with self._at(at):
                self._close()
            with self._at(at + LEARNS):
                self._learn()
            if closed == world.LATE_AFTER:
                write_late_calls(gateway=self._gateway, day=(month.end - ONE_DAY).date())
                with self._at(at + 4 * ONE_DAY):
                    self._mend()
            month = clock.month_of(month.end)
        with self._at(clock.now()):
            self._learn()

    @contextmanager
    def _at(self, instant: datetime) -> Iterator[None]:
        self._stripe.set_back(instant)
        with clock.telling(instant):
            yield

    def _begin(self) -> None:
        for row in Subscription.objects.active().order_by("pk"):
            note_subscription(subscription_id=row.pk)
        for name in world.PAYING:
            self._give_card(name, EMPTY if name == world.FAILING else WORKING)
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

    def _learn(self) -> None:
        """What webhooks would have brought, were their signatures not of the past."""
        since = {"created": {"gte": int((clock.now() - 2 * ONE_DAY).timestamp())}}
        for event in self._payments.every("events", since):
            if event["type"] in RECOMMENDED:
                store_event(event, source=StripeEvent.Source.WEBHOOK)
        handle_events(self._payments)
        review_all_unpaid()

    def _mend(self) -> None:
        """The customer whose payment failed pays with another card; another gets money back."""
        self._give_card(world.FAILING, WORKING)
        for invoice in _invoices(world.FAILING).filter(status=Invoice.Status.OPEN):
            self._stripe.post(f"invoices/{invoice.stripe_id}/pay")
        if not MoneyBack.objects.filter(organization__name=world.DISCOUNTED).exists():
            self._give_back()
        self._learn()

    def _give_back(self) -> None:
        paid = _invoices(world.DISCOUNTED).filter(status=Invoice.Status.PAID).latest("ends_at")
        self._stripe.post(
            "credit_notes",
            invoice=paid.stripe_id,
            amount=world.CREDIT_NOTE_MINOR,
            refund_amount=world.CREDIT_NOTE_MINOR,
            memo="Calls that our outage had doubled.",
        )

    def _give_card(self, name: str, card: str) -> None:
        customer = ensure_customer(self._payments, _organization(name)).stripe_id
        method = self._stripe.post(f"payment_methods/{card}/attach", customer=customer)
        default = {"invoice_settings[default_payment_method]": method["id"]}
        self._stripe.post(f"customers/{customer}", **default)
        mirror_customer(self._payments, customer)


def _organization(name: str) -> Organization:
    return Organization.objects.get(name=name)


def _invoices(name: str) -> Any:
    return Invoice.objects.filter(organization__name=name)
