"""What usage costs. Stripe's side comes beside this; nothing else knows money."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField

if TYPE_CHECKING:
    from datetime import datetime


class PriceQuerySet(models.QuerySet["Price"]):
    def in_force(self, at: datetime) -> PriceQuerySet:
        """The prices that calls of that instant are charged by; at most one per plan."""
        return self.filter(starts_at__lte=at).filter(
            models.Q(ended_at__isnull=True) | models.Q(ended_at__gt=at)
        )


class Price(models.Model):
    """Money per billable call of a plan, after a free allowance per calendar month (UTC).

    Holds for whole calendar months, from `starts_at` up to `ended_at`, so that a month of a plan
    has exactly one price. Immutable once the plan has a subscription: a change ends this row at
    the end of the month and starts another.
    """

    public_id = PublicIdField(prefix="prc")
    plan = models.ForeignKey("catalog.Plan", on_delete=models.PROTECT, related_name="prices")
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    # Major units per call; Stripe takes up to 12 decimals of a minor unit.
    unit_amount = models.DecimalField(
        _("price per call"), max_digits=20, decimal_places=12, validators=[MinValueValidator(0)]
    )
    included_calls = models.PositiveBigIntegerField(_("free calls per month"), default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    starts_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar = PriceQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan"], condition=models.Q(ended_at__isnull=True), name="one_open_price"
            ),
            models.CheckConstraint(
                condition=models.Q(unit_amount__gte=0), name="price_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit_amount.normalize():f} {self.currency}"
