"""Stripe's metered billing of our subscriptions: which of our prices are items of which of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime


class StripeSubscription(models.Model):
    """What Stripe bills a customer by every month, in one currency and at one instant of the month.

    Organizations have one for all of their subscriptions whose periods end together, as they get
    one invoice of these.
    """

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="stripe_subscriptions"
    )
    currency = models.CharField(max_length=3)
    # When its month turns, in UTC; 31 is the last day of a month.
    day = models.PositiveSmallIntegerField()
    hour = models.PositiveSmallIntegerField()
    stripe_id = models.CharField(max_length=80, unique=True, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "currency", "day", "hour"],
                condition=models.Q(ended_at__isnull=True),
                name="one_stripe_subscription",
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id or f"of {self.organization} in {self.currency}"


class MeteredItemQuerySet(models.QuerySet["MeteredItem"]):
    def during(self, start: datetime, end: datetime) -> MeteredItemQuerySet:
        """Those at Stripe to which usage of some instant between the two belongs."""
        return self.filter(stripe_id__isnull=False, starts_at__lt=end).exclude(ends_at__lte=start)


class MeteredItem(models.Model):
    """A usage price of one of our subscriptions, as an item of a subscription at Stripe.

    Stripe sums a meter up per customer. So every subscription that asks a meter has a lane of its
    own: a meter at Stripe that counts its usage and nobody else's.
    """

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    stripe_subscription = models.ForeignKey(
        StripeSubscription, on_delete=models.PROTECT, related_name="items"
    )
    subscription = models.ForeignKey(
        "keys.Subscription", on_delete=models.PROTECT, related_name="metered_items"
    )
    component = models.ForeignKey(
        "billing.PriceComponent", on_delete=models.PROTECT, related_name="+"
    )
    lane = models.PositiveSmallIntegerField()
    # Usage of this time is told to the lane.
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    # From here on its last period is over, and the item is taken off.
    leaves_at = models.DateTimeField(null=True)
    stripe_id = models.CharField(max_length=80, unique=True, null=True)
    made_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)

    objects: ClassVar = MeteredItemQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "component"],
                condition=models.Q(left_at__isnull=True),
                name="one_metered_item",
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id or f"{self.component} of {self.subscription}"


class MeteredLine(models.Model):
    """What Stripe's metered billing made of an item on an invoice, beside what we rated."""

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    invoice = models.ForeignKey(
        "billing.Invoice", on_delete=models.PROTECT, related_name="metered_lines"
    )
    item = models.ForeignKey(MeteredItem, on_delete=models.PROTECT, related_name="lines")
    rated_minor = models.BigIntegerField()
    stripe_minor = models.BigIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "item"], name="metered_line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.item} on {self.invoice}"

    @property
    def difference_minor(self) -> int:
        """What an invoice item of ours makes up for."""
        return self.rated_minor - self.stripe_minor
