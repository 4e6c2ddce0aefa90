"""Whether somebody has to have a payment method before a plan begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.models import PlanVersion, StripeCustomer, Tenure
from billing.selectors.versions import offered_version
from billing.stripe.adapter import is_configured
from billing.terms import terms_of

if TYPE_CHECKING:
    from apim.accounts.models import Organization
    from apim.catalog.models import Plan

Payment = PlanVersion.Payment


def has_payment_method(organization_id: int) -> bool:
    """Whether Stripe has something to charge the organization's invoices to."""
    customers = StripeCustomer.objects.filter(organization=organization_id, is_deleted=False)
    return customers.exclude(payment_method="").exists()


def needs_payment_method(organization: Organization, plan: Plan) -> bool:
    """Whether the organization has to add a payment method before it goes on the plan.

    Never where payments are not set up, nor for what costs nothing; else as the plan version says.
    """
    if not is_configured():
        return False
    version = offered_version(plan.pk, organization.pk)
    if version is None or terms_of(version).is_free or version.payment == Payment.INVOICE:
        return False
    if has_payment_method(organization.pk):
        return False
    return version.payment == Payment.START or not _gets_trial(organization, plan, version)


def _gets_trial(organization: Organization, plan: Plan, version: PlanVersion) -> bool:
    """A trial is given once per product."""
    had = Tenure.objects.filter(organization=organization, subscription__product_id=plan.product_id)
    return bool(version.trial_days) and not had.exists()
