"""Organizations as Stripe's customers: made when money is near, their payment methods mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from apim.accounts.models import Membership
from apim.core import clock
from billing.models import StripeCustomer
from billing.models.prices import PlanVersion
from billing.services.trials import method_arrived
from billing.stripe.ports import StripeRefused

if TYPE_CHECKING:
    from apim.accounts.models import Organization
    from billing.stripe.ports import PaymentGateway, Remote

METADATA = "apim_organization"


def ensure_customer(gateway: PaymentGateway, organization: Organization) -> StripeCustomer:
    """The organization's customer, made at Stripe if there is none; its name and e-mail kept up."""
    row = StripeCustomer.objects.filter(organization=organization).first()
    if row is None or row.is_deleted:
        row = _create(gateway, organization, replaced=row)
    name, email = organization.name, billing_email(organization)
    if (row.name, row.email) != (name, email):
        words = {"name": name, "email": email} if email else {"name": name}
        gateway.update("customers", row.stripe_id, words)
        StripeCustomer.objects.filter(pk=row.pk).update(name=name, email=email)
        row.name, row.email = name, email
    return row


def _create(
    gateway: PaymentGateway, organization: Organization, *, replaced: StripeCustomer | None
) -> StripeCustomer:
    # The parameters never change, so that the key holds whatever the organization is called.
    params: dict[str, Any] = {"metadata": {METADATA: organization.public_id}}
    if settings.STRIPE_TEST_CLOCK:  # docs.stripe.com/billing/testing/test-clocks
        params["test_clock"] = settings.STRIPE_TEST_CLOCK
    suffix = f":{replaced.stripe_id}" if replaced else ""
    made = gateway.create("customers", params, key=f"customer:{organization.public_id}{suffix}")
    values: dict[str, Any] = {
        "stripe_id": made["id"],
        "name": "",
        "email": "",
        "payment_method": "",
        "payment_label": "",
        "is_deleted": False,
        "synced_at": clock.now(),
    }
    row, _made = StripeCustomer.objects.update_or_create(organization=organization, defaults=values)
    return row


def billing_email(organization: Organization) -> str:
    """Where invoices go: the organization's billing address, else its first owner's."""
    if organization.billing_email:
        return organization.billing_email
    owner = (
        Membership.objects.filter(organization=organization, role=Membership.Role.OWNER)
        .select_related("user")
        .order_by("id")
        .first()
    )
    return owner.user.email if owner else ""


def mirror_customer(gateway: PaymentGateway, stripe_id: str) -> None:
    """Take over what Stripe says of the customer now; others' customers are none of ours."""
    row = StripeCustomer.objects.filter(stripe_id=stripe_id).first()
    if row is None:
        return
    try:
        found = gateway.fetch("customers", stripe_id)
    except StripeRefused as refusal:
        if refusal.reason != "resource_missing":
            raise
        found = {"deleted": True}
    method = "" if found.get("deleted") else _default_method(found)
    label = payment_label(gateway.fetch("payment_methods", method)) if method else ""
    StripeCustomer.objects.filter(pk=row.pk).update(
        is_deleted=bool(found.get("deleted")),
        is_delinquent=bool(found.get("delinquent")),
        payment_method=method,
        payment_label=label,
        synced_at=clock.now(),
    )
    if method:
        method_arrived(organization_id=row.organization_id)


def _default_method(customer: Remote) -> str:
    return str((customer.get("invoice_settings") or {}).get("default_payment_method") or "")


def payment_label(method: Remote) -> str:
    """A payment method in words: its brand and last digits, or its kind."""
    card = method.get("card")
    if card:
        return f"{card['brand']} {card['last4']}"
    return str(method.get("type", ""))[:60]


def take_payment_method(gateway: PaymentGateway, setup_intent_id: str) -> None:
    """What a customer set up at Checkout becomes what invoices are charged to."""
    intent = gateway.fetch("setup_intents", setup_intent_id)
    customer, method = intent.get("customer"), intent.get("payment_method")
    if intent.get("status") != "succeeded" or not customer or not method:
        return
    if not StripeCustomer.objects.filter(stripe_id=customer).exists():
        return
    settings_of = {"invoice_settings": {"default_payment_method": method}}
    gateway.update("customers", customer, settings_of)
    mirror_customer(gateway, customer)


def take_address(gateway: PaymentGateway, session: Remote) -> None:
    """Name and address that were entered at Checkout, for invoices and their tax.

    Checkout writes them itself where `customer_update` says so; a session in setup mode need not.
    """
    details = session.get("customer_details") or {}
    customer, address = session.get("customer"), details.get("address")
    if not customer or not address or not address.get("country"):
        return
    if StripeCustomer.objects.filter(stripe_id=customer).exists():
        gateway.update("customers", customer, {"address": address})


def portal_url(gateway: PaymentGateway, organization: Organization, *, return_url: str) -> str:
    """Stripe's customer portal: payment methods, address, tax id, invoices."""
    customer = ensure_customer(gateway, organization)
    session = gateway.create(
        "billing_portal.sessions", {"customer": customer.stripe_id, "return_url": return_url}
    )
    return str(session["url"])


def currency_of(organization: Organization) -> str:
    """What the organization is likely to pay in."""
    version = (
        PlanVersion.objects.published()
        .filter(plan__subscriptions__organization=organization)
        .order_by("-id")
        .first()
    )
    return version.currency if version else "EUR"
