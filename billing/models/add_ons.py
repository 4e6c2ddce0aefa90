"""Extras that a subscription may hold beside its plan."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField


class AddOn(models.Model):
    """Something beside the plan: so much per period and piece, or per unit of a meter.

    For any plan of its product or one of them, for everybody or for one customer.
    """

    public_id = PublicIdField(prefix="adn")
    product = models.ForeignKey("catalog.Product", on_delete=models.PROTECT, related_name="add_ons")
    # Only with this plan; empty: with any of the product. Few rows, so none of these has an index.
    plan = models.ForeignKey(
        "catalog.Plan",
        on_delete=models.PROTECT,
        null=True,
        related_name="add_ons",
        db_index=False,
    )
    # Only for this customer; empty: for everybody.
    organization = models.ForeignKey(
        "accounts.Organization",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
    )
    # What is counted while it is held, each unit at the price; empty: a flat amount per piece.
    meter = models.ForeignKey(
        "billing.Meter",
        on_delete=models.PROTECT,
        null=True,
        related_name="add_ons",
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    # No longer offered; those who hold it go on.
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class AddOnPrice(models.Model):
    """What a piece costs per period, or a unit of the meter, in major units.

    A change counts for those who add it later.
    """

    add_on = models.ForeignKey(AddOn, on_delete=models.CASCADE, related_name="prices")
    currency = models.CharField(_("currency"), max_length=3)
    amount = models.DecimalField(_("amount"), max_digits=24, decimal_places=12)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["add_on", "currency"], name="add_on_price_once"),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0), name="add_on_price_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency}"


class SubscriptionAddOn(models.Model):
    """Pieces of an add-on that a subscription holds, at the amount of the day it was added."""

    public_id = PublicIdField(prefix="sad")
    subscription = models.ForeignKey(
        "keys.Subscription", on_delete=models.PROTECT, related_name="add_ons"
    )
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    add_on = models.ForeignKey(AddOn, on_delete=models.PROTECT, related_name="held")
    quantity = models.PositiveIntegerField(default=1)
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=24, decimal_places=12)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "add_on"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_add_on",
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=1), name="add_on_quantity_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.add_on}"
