"""Invoices: what we charge for closed periods, as Stripe has it; money given back; suspensions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from apim.core import clock
from apim.core.ids import PublicIdField

if TYPE_CHECKING:
    from datetime import date, datetime

    from django_stubs_ext import StrOrPromise


# docs.stripe.com/api: status of refunds, disputes and credit notes.
MONEY_BACK_STATUSES: dict[str, StrOrPromise] = {
    "pending": _("On its way"),
    "succeeded": _("Done"),
    "failed": _("Failed"),
    "canceled": _("Cancelled"),
    "issued": _("Issued"),
    "void": _("Void"),
    "needs_response": _("Open: the bank asks for proof"),
    "under_review": _("The bank is deciding"),
    "won": _("Decided for the publisher"),
    "lost": _("Decided for the customer"),
}


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def to_send(self) -> InvoiceQuerySet:
        return self.filter(step=Invoice.Step.WAITING)

    def unpaid(self) -> InvoiceQuerySet:
        """Owed, and past the day on which it should have been paid; written off is not paid."""
        owed = [Invoice.Status.OPEN, Invoice.Status.UNCOLLECTIBLE]
        return self.filter(status__in=owed, unpaid_since__isnull=False)


class Invoice(models.Model):
    """The closed periods of one organization that end together, in one currency.

    What is charged is ours and never changes; status, tax and payment mirror Stripe.
    """

    class Step(models.TextChoices):
        WAITING = "waiting", _("On its way to Stripe")
        DONE = "done", _("At Stripe")
        REFUSED = "refused", _("Refused by Stripe")

    class Status(models.TextChoices):
        NONE = "", _("Being made")
        DRAFT = "draft", _("Draft")
        OPEN = "open", _("Open")
        PAID = "paid", _("Paid")
        VOID = "void", _("Void")
        UNCOLLECTIBLE = "uncollectible", _("Written off")

    public_id = PublicIdField(prefix="inv")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="invoices"
    )
    currency = models.CharField(max_length=3)
    ends_at = models.DateTimeField()
    # Sum of its periods' totals, and what prepaid credit paid of it.
    rated_minor = models.BigIntegerField()
    credit_minor = models.BigIntegerField(default=0)
    step = models.CharField(max_length=8, choices=Step.choices, default=Step.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    last_error = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # From here on what Stripe says.
    stripe_id = models.CharField(max_length=80, null=True, unique=True)
    number = models.CharField(max_length=60, blank=True)
    status = models.CharField(
        max_length=13, choices=Status.choices, default=Status.NONE, blank=True
    )
    subtotal_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    # Each tax in it: name, percent, amount_minor, taxable_minor, is_inclusive, reason (Stripe's
    # `taxability_reason`, such as reverse_charge).
    taxes = models.JSONField(default=list, db_default=[])
    total_minor = models.BigIntegerField(default=0)
    due_minor = models.BigIntegerField(default=0)
    paid_minor = models.BigIntegerField(default=0)
    payment_attempts = models.PositiveIntegerField(default=0)
    tax_status = models.CharField(max_length=30, blank=True)
    problem = models.CharField(max_length=400, blank=True)
    page_url = models.URLField(max_length=600, blank=True)
    pdf_url = models.URLField(max_length=600, blank=True)
    payment_due_at = models.DateTimeField(null=True)
    finalized_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    # Since when it should have been paid; empty when it is not owed.
    unpaid_since = models.DateTimeField(null=True)
    reminders = models.PositiveSmallIntegerField(default=0)

    objects: ClassVar = InvoiceQuerySet.as_manager()

    class Meta:
        ordering = ["-ends_at", "-id"]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(step="waiting"), name="invoice_waiting"
            ),
            models.Index(
                fields=["unpaid_since"],
                condition=models.Q(unpaid_since__isnull=False),
                name="invoice_unpaid",
            ),
        ]

    def __str__(self) -> str:
        return self.number or self.public_id

    @property
    def last_day(self) -> date:
        """The last day of its periods, in the organization's zone."""
        zone = ZoneInfo(self.organization.time_zone)
        return (self.ends_at - timedelta(seconds=1)).astimezone(zone).date()

    @property
    def suspends_at(self) -> datetime | None:
        """When subscriptions are suspended unless it is paid; None while it is not overdue."""
        if self.unpaid_since is None:
            return None
        return self.unpaid_since + timedelta(days=settings.BILLING_GRACE_DAYS)

    @property
    def is_past_grace(self) -> bool:
        return self.suspends_at is not None and self.suspends_at <= clock.now()

    @property
    def charged_minor(self) -> int:
        """What Stripe is asked for, before tax."""
        return self.rated_minor - self.credit_minor


class InvoicePeriod(models.Model):
    """A closed period's place on an invoice; one that has nothing to charge may have none."""

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="periods")
    period = models.OneToOneField(
        "billing.BillingPeriod", on_delete=models.PROTECT, related_name="invoiced"
    )
    # What prepaid credit paid of it.
    credit_minor = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.period} on {self.invoice}"


class MoneyBack(models.Model):
    """A refund, dispute or credit note at Stripe, mirrored."""

    class Kind(models.TextChoices):
        REFUND = "refund", _("Refund")
        DISPUTE = "dispute", _("Dispute")
        CREDIT_NOTE = "credit_note", _("Credit note")

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, related_name="money_back"
    )
    kind = models.CharField(max_length=11, choices=Kind.choices)
    stripe_id = models.CharField(max_length=80, unique=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "money back"

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount_minor} {self.currency}"

    @property
    def status_text(self) -> StrOrPromise:
        """Stripe's status in words; one that we have none for as it is."""
        return MONEY_BACK_STATUSES.get(self.status, self.status)


class UnpaidSuspension(models.Model):
    """A subscription that was suspended because an invoice was not paid, and comes back with it."""

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    subscription = models.ForeignKey(
        "keys.Subscription", on_delete=models.PROTECT, related_name="unpaid_suspensions"
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_unpaid_suspension",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription} since {self.started_at:%Y-%m-%d}"
