"""The way through Stripe Checkout.

`mode=setup`: our lines are invoice items, so there is no subscription of Stripe's to buy; the
session takes the payment method and names the plan.
docs.stripe.com/payments/save-and-reuse?platform=web&ui=stripe-hosted
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _

from apim.core import clock
from apim.core.errors import NotFound
from billing.models import Checkout, PlanVersion, StripeCustomer
from billing.price_words import headline
from billing.selectors.versions import offered_version
from billing.services.subscribing import expire_checkout, finish_checkout, open_checkout
from billing.stripe.customers import ensure_customer, take_address, take_payment_method
from billing.stripe.ports import StripeRefused, StripeUnavailable

if TYPE_CHECKING:
    from apim.accounts.models import Organization
    from apim.audit.actors import Actor
    from apim.catalog.models import Plan
    from apim.keys.models import Application
    from billing.stripe.ports import PaymentGateway, Remote

logger = logging.getLogger(__name__)

METADATA = "apim_checkout"
SESSION_MARK = "cs_"
# Stripe keeps a session open for a day; a row without one was cut off before it had any.
SESSION_LIFE = timedelta(hours=24)
MAX_HEALED = 500


def start_checkout(
    gateway: PaymentGateway,
    *,
    actor: Actor,
    application: Application,
    plan: Plan,
    return_url: str,
    cancel_url: str,
) -> Checkout:
    """Note the choice and make the page for it; an open one that still stands is taken up again.

    `return_url` may hold `{checkout}` for the checkout's public id. Raises what `open_checkout`
    refuses, StripeUnavailable, StripeRefused.
    """
    checkout = open_checkout(actor=actor, application=application, plan=plan)
    if checkout.stripe_id:
        checkout = settle_checkout(gateway, checkout)
        if checkout.state in {Checkout.State.OPEN, Checkout.State.DONE}:
            return checkout
        checkout = open_checkout(actor=actor, application=application, plan=plan)
    params = {
        **session_params(checkout.organization, _currency(checkout)),
        "success_url": return_url.replace("{checkout}", checkout.public_id),
        "cancel_url": cancel_url,
        "customer": ensure_customer(gateway, checkout.organization).stripe_id,
        "metadata": {METADATA: checkout.public_id},
        "custom_text": {"submit": {"message": _order(checkout)}},
    }
    session = gateway.create("checkout.sessions", params, key=f"checkout:{checkout.public_id}")
    Checkout.objects.filter(pk=checkout.pk).update(stripe_id=session["id"], url=session["url"])
    checkout.refresh_from_db()
    return checkout


def session_params(organization: Organization, currency: str) -> dict[str, Any]:
    """What every session of ours asks for; with Stripe Tax the address too."""
    params: dict[str, Any] = {"mode": "setup", "currency": currency.lower()}
    if settings.STRIPE_TAX:
        params["billing_address_collection"] = "required"
        params["customer_update"] = {"address": "auto", "name": "auto"}
    params["setup_intent_data"] = {"metadata": {"apim_organization": organization.public_id}}
    return params


def checkout_url(
    gateway: PaymentGateway,
    organization: Organization,
    *,
    currency: str,
    return_url: str,
    cancel_url: str,
) -> str:
    """A page of Stripe's for a payment method, for no plan in particular.

    Stripe puts the session's id in place of `{CHECKOUT_SESSION_ID}`.
    """
    params = {
        **session_params(organization, currency),
        "success_url": return_url,
        "cancel_url": cancel_url,
        "customer": ensure_customer(gateway, organization).stripe_id,
    }
    return str(gateway.create("checkout.sessions", params)["url"])


def settle_checkout(
    gateway: PaymentGateway, checkout: Checkout, *, actor: Actor | None = None
) -> Checkout:
    """Do what Stripe's session says by now; any number of times, in any order with webhooks."""
    if checkout.state != Checkout.State.OPEN or not checkout.stripe_id:
        return checkout
    session = gateway.fetch("checkout.sessions", checkout.stripe_id)
    named = {} if actor is None else {"actor": actor}
    if session["status"] == "expired":
        return expire_checkout(checkout=checkout, **named)
    if session["status"] != "complete":
        return checkout
    take_session(gateway, session)
    return finish_checkout(checkout=checkout, **named)


def take_session(gateway: PaymentGateway, session: Remote) -> None:
    """The method and the address of a completed session become the customer's."""
    if session.get("status") != "complete" or session.get("mode") != "setup":
        return
    take_address(gateway, session)
    if session.get("setup_intent"):
        take_payment_method(gateway, str(session["setup_intent"]))


def settle_return(gateway: PaymentGateway, organization: Organization, session_id: str) -> None:
    """Somebody of the organization is back from a session that their address names.

    Raises NotFound for a session that is not the organization's, StripeUnavailable, StripeRefused.
    """
    own = StripeCustomer.objects.filter(organization=organization).first()
    if own is None or not session_id.startswith(SESSION_MARK):
        raise NotFound
    session = gateway.fetch("checkout.sessions", session_id)
    if session.get("customer") != own.stripe_id:
        raise NotFound
    take_session(gateway, session)


def settle_session(gateway: PaymentGateway, session_id: str) -> None:
    """An event about a session, ours or of a plain payment method."""
    if not session_id.startswith(SESSION_MARK):  # stored before sessions were kept by their own id
        take_payment_method(gateway, session_id)
        return
    session = gateway.fetch("checkout.sessions", session_id)
    named = (session.get("metadata") or {}).get(METADATA, "")
    checkout = Checkout.objects.filter(public_id=named).first() if named else None
    if checkout is None:
        take_session(gateway, session)
        return
    if not checkout.stripe_id:  # the answer to its creation was lost
        Checkout.objects.filter(pk=checkout.pk, stripe_id=None).update(stripe_id=session_id)
        checkout.refresh_from_db()
    settle_checkout(gateway, checkout)


def heal_checkouts(gateway: PaymentGateway) -> int:
    """Ask Stripe about every open checkout, whatever its events said; returns how many settled."""
    settled = 0
    for checkout in Checkout.objects.open().order_by("id")[:MAX_HEALED]:
        try:
            if checkout.stripe_id:
                found = settle_checkout(gateway, checkout)
                settled += found.state != Checkout.State.OPEN
            elif checkout.created_at < clock.now() - SESSION_LIFE:
                expire_checkout(checkout=checkout)
                settled += 1
        except (StripeUnavailable, StripeRefused) as error:
            logger.warning("checkout %s is not settled yet: %s", checkout.public_id, error)
    return settled


def _version(checkout: Checkout) -> PlanVersion | None:
    return offered_version(checkout.plan_id, checkout.organization_id)


def _currency(checkout: Checkout) -> str:
    version = _version(checkout)
    return version.currency if version else "EUR"


def _order(checkout: Checkout) -> str:
    """What Stripe's page says beside its button (at most 1,200 characters)."""
    version = _version(checkout)
    words = {
        "application": checkout.application.name,
        "product": checkout.plan.product.name,
        "plan": checkout.plan.name,
        "price": " ".join(headline(version)).strip() if version else _("Free"),
    }
    return (
        _(
            "%(application)s goes on %(product)s %(plan)s (%(price)s). You are charged at the end"
            " of each billing period."
        )
        % words
    )[:1200]
