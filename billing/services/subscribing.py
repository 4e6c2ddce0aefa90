"""An application goes on a plan, once its organization can pay for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from apim.audit.actors import SYSTEM
from apim.audit.services import record
from apim.core import clock
from apim.core.errors import DomainError
from apim.keys import services as keys
from apim.keys.errors import AlreadySubscribed
from apim.keys.guards import lock_active_application
from apim.keys.models import Subscription
from billing.errors import PaymentMethodNeeded
from billing.models import Checkout
from billing.selectors.methods import needs_payment_method

if TYPE_CHECKING:
    from apim.audit.actors import Actor
    from apim.catalog.models import Plan
    from apim.keys.models import Application

State = Checkout.State


def subscribe(*, actor: Actor, application: Application, plan: Plan) -> Subscription:
    """Put the application on the plan.

    Raises PaymentMethodNeeded where the plan asks for one that is not there yet (then
    `billing.stripe.checkouts.start_checkout` leads to it), and what apim.keys.services refuses.
    """
    if needs_payment_method(application.organization, plan):
        raise PaymentMethodNeeded
    return keys.subscribe(actor=actor, application=application, plan=plan)


@transaction.atomic
def open_checkout(*, actor: Actor, application: Application, plan: Plan) -> Checkout:
    """Note that the application goes on the plan when a payment method is there.

    One per application and plan: asked again, the open one is returned.
    Raises AlreadySubscribed, ApplicationNotActive, OrganizationSuspended.
    """
    application = lock_active_application(application)
    taken = Subscription.objects.open().filter(application=application, product_id=plan.product_id)
    if taken.exists():
        raise AlreadySubscribed
    existing = Checkout.objects.open().filter(application=application, plan=plan).first()
    if existing is not None:
        return existing
    try:
        with transaction.atomic():
            made = Checkout.objects.create(
                organization=application.organization, application=application, plan=plan
            )
    except IntegrityError as error:  # asked twice at the same moment
        raise AlreadySubscribed from error
    record(
        actor,
        "checkout.started",
        made,
        after={"application": application.public_id, "plan": plan.public_id},
    )
    return made


@transaction.atomic
def finish_checkout(*, checkout: Checkout, actor: Actor = SYSTEM) -> Checkout:
    """The payment method is there: subscribe. Whoever comes second changes nothing.

    What is no longer possible, such as a plan that was retired meanwhile, fails with the reason;
    the payment method stays.
    """
    row = Checkout.objects.select_for_update().get(pk=checkout.pk)
    if row.state != State.OPEN:
        return row
    try:
        with transaction.atomic():
            made = keys.subscribe(actor=actor, application=row.application, plan=row.plan)
    except DomainError as refusal:
        return _settle(row, State.FAILED, actor=actor, note=refusal.message[:400])
    return _settle(row, State.DONE, actor=actor, subscription=made)


@transaction.atomic
def expire_checkout(*, checkout: Checkout, actor: Actor = SYSTEM) -> Checkout:
    """Stripe's page was not finished in time: nothing was subscribed."""
    return _settle(checkout, State.EXPIRED, actor=actor)


def _settle(checkout: Checkout, state: str, *, actor: Actor, **values: object) -> Checkout:
    if Checkout.objects.settle(checkout, state, at=clock.now(), **values):
        record(
            actor,
            f"checkout.{state}",
            checkout,
            before={"state": State.OPEN.value},
            after={"state": str(state), "note": str(values.get("note", ""))},
        )
    checkout.refresh_from_db()
    return checkout
