"""Paid plans on their way: chosen, and waiting for a payment method."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField

if TYPE_CHECKING:
    from datetime import datetime


class CheckoutQuerySet(models.QuerySet["Checkout"]):
    def open(self) -> CheckoutQuerySet:
        return self.filter(state=Checkout.State.OPEN)

    def settle(self, checkout: Checkout, state: str, *, at: datetime, **values: object) -> bool:
        """Compare and set: False when it was settled before."""
        rows = self.open().filter(pk=checkout.pk)
        return rows.update(state=state, settled_at=at, **values) == 1


class Checkout(models.Model):
    """An application that goes on a paid plan as soon as its organization can pay.

    The subscription is made when Stripe says that the session is complete, whoever hears it first:
    the webhook, the customer's return, or reconciliation.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Waiting for the payment method")
        DONE = "done", _("Done")
        EXPIRED = "expired", _("Not finished in time")
        FAILED = "failed", _("Not possible")

    public_id = PublicIdField(prefix="chk")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="checkouts"
    )
    application = models.ForeignKey(
        "keys.Application", on_delete=models.PROTECT, related_name="checkouts"
    )
    plan = models.ForeignKey("catalog.Plan", on_delete=models.PROTECT, related_name="checkouts")
    state = models.CharField(max_length=7, choices=State.choices, default=State.OPEN)
    # The session at Stripe and the page where the customer enters the method.
    stripe_id = models.CharField(max_length=120, null=True, unique=True)
    url = models.URLField(max_length=1000, blank=True)
    subscription = models.OneToOneField(
        "keys.Subscription", on_delete=models.PROTECT, null=True, related_name="checkout"
    )
    note = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    objects: ClassVar = CheckoutQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "plan"],
                condition=models.Q(state="open"),
                name="one_open_checkout",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application} on {self.plan}"
