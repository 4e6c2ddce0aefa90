"""Runs that compare what was rated, sent and invoiced with what Stripe holds, and what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField

if TYPE_CHECKING:
    from datetime import datetime


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    def unfinished(self) -> ReconciliationQuerySet:
        return self.filter(state__in=[Reconciliation.State.WAITING, Reconciliation.State.RUNNING])

    def begin(self, pk: int, *, at: datetime) -> bool:
        """Compare and set: False when it does not wait any more."""
        waiting = self.filter(pk=pk, state=Reconciliation.State.WAITING)
        return waiting.update(state=Reconciliation.State.RUNNING, started_at=at) == 1


class Reconciliation(models.Model):
    """One run over the days between `starts_at` and `ends_at`, of all organizations."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    public_id = PublicIdField(prefix="rcn")
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # What was healed: events of Stripe that never arrived, events handled, invoices fetched again.
    events_found = models.PositiveIntegerField(default=0)
    events_handled = models.PositiveIntegerField(default=0)
    invoices_fetched = models.PositiveIntegerField(default=0)
    # What was compared, and how many figures differ.
    invoices = models.PositiveIntegerField(default=0)
    periods = models.PositiveIntegerField(default=0)
    customers = models.PositiveIntegerField(default=0)
    difference_count = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar = ReconciliationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(state__in=["waiting", "running"]),
                name="one_reconciliation_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class ReconciliationDifference(models.Model):
    """Two figures that should be one; amounts in minor units, usage in whole counted units."""

    class Kind(models.TextChoices):
        LINES = "lines", _("Lines of an invoice and its sum")
        INVOICE = "invoice", _("Invoice here and at Stripe")
        PERIOD = "period", _("Closed period without an invoice")
        COUNTED = "counted", _("Usage sent and counted by Stripe")
        RATED = "rated", _("Usage rated and sent")

    run = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="differences")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, null=True, related_name="+"
    )
    kind = models.CharField(max_length=7, choices=Kind.choices)
    # Public id of the invoice or period; Stripe's id of the customer.
    subject = models.CharField(max_length=80)
    # The invoice that leads further down; none for usage of a running period.
    invoice = models.ForeignKey(
        "billing.Invoice", on_delete=models.PROTECT, null=True, related_name="+"
    )
    # Which meter's usage differs; empty for money.
    meter = models.CharField(max_length=120, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    ours = models.BigIntegerField()
    stripes = models.BigIntegerField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}: {self.ours} and {self.stripes}"

    @property
    def difference(self) -> int:
        return self.stripes - self.ours

    @property
    def is_money(self) -> bool:
        """Usage otherwise."""
        return bool(self.currency)
