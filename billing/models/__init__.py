"""What usage costs, what each subscription has agreed to, and what was charged."""

from billing.models.add_ons import AddOn, AddOnPrice, SubscriptionAddOn
from billing.models.credits import CreditEntry, CreditGrant
from billing.models.discounts import Discount
from billing.models.meters import Meter
from billing.models.periods import BillingPeriod, RatedLine
from billing.models.prices import PlanVersion, PriceComponent
from billing.models.subscriptions import BillingTerms, ScheduledChange, Tenure

__all__ = [
    "AddOn",
    "AddOnPrice",
    "BillingPeriod",
    "BillingTerms",
    "CreditEntry",
    "CreditGrant",
    "Discount",
    "Meter",
    "PlanVersion",
    "PriceComponent",
    "RatedLine",
    "ScheduledChange",
    "SubscriptionAddOn",
    "Tenure",
]
