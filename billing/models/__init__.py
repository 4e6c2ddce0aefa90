"""What usage costs, what each subscription has agreed to, and what was charged."""

from billing.models.add_ons import AddOn, AddOnPrice, SubscriptionAddOn
from billing.models.checkouts import Checkout
from billing.models.credits import CreditEntry, CreditGrant
from billing.models.discounts import Discount
from billing.models.invoices import Invoice, InvoicePeriod, MoneyBack, UnpaidSuspension
from billing.models.metered import MeteredItem, MeteredLine, StripeSubscription
from billing.models.meters import Meter
from billing.models.periods import BillingPeriod, RatedLine
from billing.models.prices import PlanVersion, PriceComponent
from billing.models.reconciliation import Reconciliation, ReconciliationDifference
from billing.models.stripe import MeterEvent, StripeCustomer, StripeEvent, StripeObject
from billing.models.subscriptions import BillingTerms, ScheduledChange, Tenure

__all__ = [
    "AddOn",
    "AddOnPrice",
    "BillingPeriod",
    "BillingTerms",
    "Checkout",
    "CreditEntry",
    "CreditGrant",
    "Discount",
    "Invoice",
    "InvoicePeriod",
    "Meter",
    "MeterEvent",
    "MeteredItem",
    "MeteredLine",
    "MoneyBack",
    "PlanVersion",
    "PriceComponent",
    "RatedLine",
    "Reconciliation",
    "ReconciliationDifference",
    "ScheduledChange",
    "StripeCustomer",
    "StripeEvent",
    "StripeObject",
    "StripeSubscription",
    "SubscriptionAddOn",
    "Tenure",
    "UnpaidSuspension",
]
