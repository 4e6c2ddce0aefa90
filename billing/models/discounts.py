"""What a customer pays less."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField

if TYPE_CHECKING:
    from apim.core.clock import Period


class DiscountQuerySet(models.QuerySet["Discount"]):
    def of_period(self, period: Period) -> DiscountQuerySet:
        """Those that count for a period: begun before it ends, not ended before it does."""
        lasting = models.Q(ends_at__isnull=True) | models.Q(ends_at__gte=period.end)
        return self.filter(lasting, starts_at__lt=period.end)


class Discount(models.Model):
    """A percentage or an amount per period, off one subscription or all of an organization's.

    Counts for the periods that end between `starts_at` and `ends_at`, each as a whole. An amount
    is in `currency` and counts for bills in it.
    """

    public_id = PublicIdField(prefix="dsc")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="discounts"
    )
    subscription = models.ForeignKey(
        "keys.Subscription", on_delete=models.PROTECT, null=True, related_name="discounts"
    )
    name = models.CharField(_("name"), max_length=80)
    percent = models.DecimalField(_("percent"), max_digits=7, decimal_places=4, null=True)
    amount = models.DecimalField(_("amount"), max_digits=24, decimal_places=12, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = DiscountQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    percent__gt=0, percent__lte=100, amount__isnull=True, currency=""
                )
                | (models.Q(percent__isnull=True, amount__gt=0) & ~models.Q(currency="")),
                name="discount_percent_or_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.name
