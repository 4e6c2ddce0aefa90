"""Mails about money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from apim.accounts.mail import absolute_url, compose
from apim.accounts.models import Membership
from apim.core import clock
from apim.keys.models import Subscription
from apim.ui.formatting import money_minor
from billing.models import Invoice, PlanVersion
from billing.selectors.methods import has_payment_method
from billing.services.unpaid import grace

if TYPE_CHECKING:
    from apim.accounts.models import User

READERS = (Membership.Role.OWNER, Membership.Role.BILLING)


def announce_version(*, version_id: int) -> int:
    """Tell those who pay of every subscriber that a new price will hold for them; how many mails.

    Once per version: what was announced is not announced again. One that was withdrawn meanwhile,
    or given no date to move on, is not announced at all.
    """
    version = (
        PlanVersion.objects.filter(
            pk=version_id, announced_at__isnull=True, moves_at__gt=clock.now()
        )
        .select_related("plan__product")
        .first()
    )
    if version is None:
        return 0
    subscribed = Subscription.objects.open().filter(plan=version.plan)
    if version.organization_id is not None:
        subscribed = subscribed.filter(organization=version.organization_id)
    memberships = (
        Membership.objects.filter(
            organization__in=subscribed.values("organization"),
            role__in=READERS,
            user__is_active=True,
        )
        .select_related("user", "organization")
        .order_by("id")
    )
    PlanVersion.objects.filter(pk=version.pk).update(announced_at=clock.now())
    for membership in memberships:
        _announce(version, membership.user, membership)
    return len(memberships)


def _announce(version: PlanVersion, user: User, membership: Membership) -> None:
    with override(user.language or settings.LANGUAGE_CODE):
        compose(
            "emails/price_moves",
            user.email,
            {
                "version": version,
                "organization": membership.organization,
                "prices_url": absolute_url(
                    reverse("portal:product", args=[version.plan.product.slug])
                ),
            },
        ).send()


def remind_of_invoice(*, invoice_id: int) -> int:
    """Tell those who pay that an invoice is owed, and when keys are suspended; how many mails."""
    invoice = Invoice.objects.unpaid().filter(pk=invoice_id).select_related("organization").first()
    if invoice is None or invoice.unpaid_since is None:
        return 0  # paid meanwhile
    suspends_on = invoice.unpaid_since + grace()
    memberships = Membership.objects.filter(
        organization=invoice.organization, role__in=READERS, user__is_active=True
    ).select_related("user")
    readers = {membership.user.email: membership.user.language for membership in memberships}
    if invoice.organization.billing_email:
        readers.setdefault(invoice.organization.billing_email, "")
    for email, language in readers.items():
        with override(language or settings.LANGUAGE_CODE):
            compose(
                "emails/invoice_unpaid",
                email,
                {
                    "invoice": invoice,
                    "organization": invoice.organization,
                    "amount": money_minor(invoice.due_minor, invoice.currency),
                    "suspends_on": suspends_on,
                    "is_suspended": suspends_on <= clock.now(),
                    "pay_url": invoice.page_url,
                },
            ).send()
    return len(readers)


def mail_trial(*, subscription_id: int) -> int:
    """Tell those who pay that a trial ends, or has ended, without a payment method; how many."""
    subscription = (
        Subscription.objects.filter(pk=subscription_id, state__in=Subscription.OPEN)
        .select_related("organization", "application", "plan", "billing_terms")
        .first()
    )
    if subscription is None or has_payment_method(subscription.organization_id):
        return 0  # ended, or added meanwhile
    ends_at = subscription.billing_terms.trial_ends_at
    memberships = Membership.objects.filter(
        organization=subscription.organization, role__in=READERS, user__is_active=True
    ).select_related("user")
    for membership in memberships:
        with override(membership.user.language or settings.LANGUAGE_CODE):
            compose(
                "emails/trial_needs_method",
                membership.user.email,
                {
                    "subscription": subscription,
                    "organization": subscription.organization,
                    "ends_at": ends_at,
                    "is_over": ends_at is None or ends_at <= clock.now(),
                    "billing_url": absolute_url(reverse("portal:billing")),
                },
            ).send()
    return len(memberships)
