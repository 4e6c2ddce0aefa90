"""What was charged: a subscription's billing periods and their frozen lines."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.clock import Period
from apim.core.ids import PublicIdField


class BillingPeriodQuerySet(models.QuerySet["BillingPeriod"]):
    def closed(self) -> BillingPeriodQuerySet:
        return self.filter(state=BillingPeriod.State.CLOSED)


class BillingPeriod(models.Model):
    """One subscription's period. Once closed neither it nor its lines change (triggers)."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        CLOSED = "closed", _("Closed")

    public_id = PublicIdField(prefix="bpd")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="billing_periods"
    )
    subscription = models.ForeignKey(
        "keys.Subscription", on_delete=models.PROTECT, related_name="billing_periods"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    closed_at = models.DateTimeField(null=True)
    # Sums of the lines, set when it closes.
    subtotal_minor = models.BigIntegerField(default=0)
    discount_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField(default=0)

    objects: ClassVar = BillingPeriodQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "starts_at", "currency"], name="one_billing_period"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="period_not_empty"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    total_minor=models.F("subtotal_minor") - models.F("discount_minor")
                ),
                name="period_total_is_its_parts",
            ),
        ]
        indexes = [models.Index(fields=["organization", "-starts_at"], name="period_of_customer")]

    def __str__(self) -> str:
        return f"{self.subscription} from {self.starts_at:%Y-%m-%d}"

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)


class RatedLine(models.Model):
    """usage × price for a period, with all it was computed from; see billing.rating.lines.Line.

    The usage behind it is what the rollups say of subscription, plan and meter between the
    period's ends; the raw calls while they are kept.
    """

    public_id = PublicIdField(prefix="rln")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    period = models.ForeignKey(BillingPeriod, on_delete=models.PROTECT, related_name="lines")
    # Late usage of a closed period is charged in a later one; this names where it comes from.
    origin = models.ForeignKey(
        BillingPeriod, on_delete=models.PROTECT, null=True, related_name="corrections"
    )
    plan = models.ForeignKey("catalog.Plan", on_delete=models.PROTECT, null=True, related_name="+")
    version = models.ForeignKey(
        "billing.PlanVersion", on_delete=models.PROTECT, null=True, related_name="rated_lines"
    )
    meter = models.ForeignKey("billing.Meter", on_delete=models.PROTECT, null=True)
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)
    key = models.CharField(max_length=64)
    description = models.CharField(max_length=200)
    quantity = models.DecimalField(max_digits=33, decimal_places=12, default=0)
    included = models.DecimalField(max_digits=33, decimal_places=12, default=0)
    # The tier split: [{"after", "quantity", "unit_amount", "flat_amount", "amount", ...}], exact.
    parts = models.JSONField(default=list)
    # Fees, minimums, discounts: the whole period's amount or percentage, and the seconds due.
    base = models.DecimalField(max_digits=36, decimal_places=12, default=0)
    share_part = models.BigIntegerField(default=1)
    share_whole = models.BigIntegerField(default=1)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["period", "position"], name="rated_line_position"),
        ]

    def __str__(self) -> str:
        return f"{self.description}: {self.amount_minor} {self.currency}"
