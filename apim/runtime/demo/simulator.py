"""The Stripe simulator as the demo orders it about: set back in time, with our own workers kept out.

What customers and finance do at Stripe themselves is done here as well.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
from django.conf import settings

from apim.core import clock
from apim.core.locks import LockId, try_advisory_lock
from billing.models import StripeEvent
from billing.services.unpaid import review_all_unpaid
from billing.stripe.adapter import connect
from billing.stripe.customers import ensure_customer, mirror_customer
from billing.stripe.events import RECOMMENDED, handle_events, store_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from apim.accounts.models import Organization
    from billing.stripe.ports import PaymentGateway

# docs.stripe.com/testing: a card that pays, and one that is accepted but never charged.
WORKING, EMPTY = "pm_card_visa", "pm_card_chargeCustomerFail"
TIMEOUT_SECONDS = 20
LOCK_SECONDS, LOCK_POLL_SECONDS = 120, 0.5
# What runs in the worker would tell the simulator of today, while it is in the past.
LOCKS = (
    (LockId.CLOSE_PERIODS, 0),
    (LockId.STRIPE_INVOICES, 0),
    (LockId.STRIPE_SUBSCRIPTIONS, 0),
    (LockId.STRIPE_METERING, 1),
    (LockId.STRIPE_METERING, 2),
)
HEARD_BACK = timedelta(days=2)


def is_simulated() -> bool:
    """Whether there is a simulator to order about, and not Stripe itself."""
    return bool(settings.APIM_STRIPE_SIMULATOR_URL) and not settings.STRIPE_SECRET_KEY


class Simulator:
    """Its control API and its clock. Use `of_the_past`."""

    def __init__(self) -> None:
        self.payments: PaymentGateway = connect()
        self._client = httpx.Client(
            base_url=settings.APIM_STRIPE_SIMULATOR_URL,
            headers={"Authorization": f"Bearer {settings.APIM_STRIPE_SIMULATOR_KEY}"},
            timeout=TIMEOUT_SECONDS,
        )

    @contextmanager
    def at(self, instant: datetime) -> Iterator[None]:
        """Let it be `instant`, here and at the simulator."""
        self._order("clock", frozen_at=int(instant.timestamp()))
        with clock.telling(instant):
            yield

    def post(self, path: str, **form: Any) -> dict[str, Any]:
        answer = self._client.post(f"/v1/{path}", data=form).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def give_card(self, organization: Organization, card: str) -> None:
        """The customer enters a card, which pays from now on."""
        customer = ensure_customer(self.payments, organization).stripe_id
        method = self.post(f"payment_methods/{card}/attach", customer=customer)
        default = {"invoice_settings[default_payment_method]": method["id"]}
        self.post(f"customers/{customer}", **default)
        mirror_customer(self.payments, customer)

    def learn(self) -> None:
        """What webhooks would have brought, were their signatures not of the past."""
        since = {"created": {"gte": int((clock.now() - HEARD_BACK).timestamp())}}
        for event in self.payments.every("events", since):
            if event["type"] in RECOMMENDED:
                store_event(event, source=StripeEvent.Source.WEBHOOK)
        handle_events(self.payments)
        review_all_unpaid()

    def _order(self, path: str, **given: Any) -> None:
        self._client.post(f"/_simulator/{path}", json=given).raise_for_status()

    @contextmanager
    def _silent(self) -> Iterator[None]:
        """Sends no webhooks while its time is another; in the end it is today's again."""
        self._order("settings", webhooks_paused=True)
        try:
            yield
        finally:
            self._order("clock", frozen_at=None)
            self._order("settings", webhooks_paused=False)


@contextmanager
def of_the_past() -> Iterator[Simulator]:
    """The simulator for as long as its time is ours to set; the worker's runs wait meanwhile."""
    with ExitStack() as stack:
        for lock in LOCKS:
            _hold(stack, *lock)
        simulator = Simulator()
        stack.enter_context(simulator._silent())  # noqa: SLF001 - of this module
        yield simulator


def _hold(stack: ExitStack, lock: LockId, key: int = 0) -> None:
    """Wait until the lock is ours; it is, once more, for the services that are called inside."""
    give_up_at = time.monotonic() + LOCK_SECONDS
    while not stack.enter_context(try_advisory_lock(lock, key)):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{lock.name} is held by another process")
        time.sleep(LOCK_POLL_SECONDS)
