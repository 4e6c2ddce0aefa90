"""What a subscription has agreed to: its periods and currency, its time on plans, what is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField
from billing.models.prices import PlanVersion
from billing.rating.periods import Cadence, Schedule

if TYPE_CHECKING:
    from datetime import datetime


class BillingTerms(models.Model):
    """How a subscription is billed. One without a row: calendar months, its version's currency."""

    subscription = models.OneToOneField(
        "keys.Subscription", on_delete=models.PROTECT, related_name="billing_terms"
    )
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    currency = models.CharField(_("currency"), max_length=3)
    cadence = models.CharField(
        _("periods"),
        max_length=11,
        choices=PlanVersion.CadenceChoice.choices,
        default=PlanVersion.CadenceChoice.CALENDAR,
    )
    months = models.PositiveSmallIntegerField(
        _("billed every"), choices=PlanVersion.Months.choices, default=PlanVersion.Months.MONTH
    )
    # The organization's when it subscribed. Should it move, periods must neither overlap nor leave
    # a gap to those that were charged. Empty means the organization's of today.
    time_zone = models.CharField(
        _("time zone"), max_length=60, default="", db_default="", blank=True
    )
    # The local day that anniversary periods count from.
    anchor_on = models.DateField()
    trial_ends_at = models.DateTimeField(null=True)
    # When those who pay were told that the trial ends without a payment method.
    trial_reminded_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "billing terms"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(months__in=[1, 3, 12]), name="billing_terms_months"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_cadence_display()}, {self.get_months_display()}, {self.currency}"

    def schedule(self, zone: str) -> Schedule:
        """How time is cut into periods; `zone` is the organization's."""
        return Schedule(self.time_zone or zone, Cadence(self.cadence), self.months, self.anchor_on)


class TenureQuerySet(models.QuerySet["Tenure"]):
    def open(self) -> TenureQuerySet:
        return self.filter(ended_at__isnull=True)

    def end(self, tenure: Tenure, *, at: datetime) -> bool:
        """Compare and set; never before its start."""
        return self.open().filter(pk=tenure.pk).update(ended_at=max(at, tenure.started_at)) == 1


class Tenure(models.Model):
    """A subscription's active time on one plan; a pause ends it, the return begins another.

    Flat fees and minimums are due for it by the second.
    """

    subscription = models.ForeignKey(
        "keys.Subscription", on_delete=models.PROTECT, related_name="tenures"
    )
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    plan = models.ForeignKey("catalog.Plan", on_delete=models.PROTECT, related_name="tenures")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar = TenureQuerySet.as_manager()

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_tenure",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True)
                | models.Q(ended_at__gte=models.F("started_at")),
                name="tenure_not_backwards",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} from {self.started_at:%Y-%m-%d}"


class ScheduledChangeQuerySet(models.QuerySet["ScheduledChange"]):
    def waiting(self) -> ScheduledChangeQuerySet:
        return self.filter(state=ScheduledChange.State.WAITING)

    def settle(self, change: ScheduledChange, state: str, *, at: datetime, note: str = "") -> bool:
        """Compare and set: False when it no longer waits."""
        waiting = self.waiting().filter(pk=change.pk)
        return waiting.update(state=state, settled_at=at, note=note[:400]) == 1


class ScheduledChange(models.Model):
    """Something that will happen to a subscription at `due_at`, usually the period's end."""

    class Kind(models.TextChoices):
        PLAN = "plan", _("Change of plan")
        CANCEL = "cancel", _("Cancellation")
        PAUSE = "pause", _("Pause")
        RESUME = "resume", _("Return from a pause")

    class State(models.TextChoices):
        WAITING = "waiting", _("Planned")
        APPLIED = "applied", _("Done")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        FAILED = "failed", _("Not possible")

    public_id = PublicIdField(prefix="chg")
    subscription = models.ForeignKey(
        "keys.Subscription", on_delete=models.PROTECT, related_name="scheduled_changes"
    )
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    plan = models.ForeignKey(
        "catalog.Plan", on_delete=models.PROTECT, null=True, related_name="scheduled_changes"
    )
    # Approved by a publisher, for a plan that asks for it.
    is_approved = models.BooleanField(default=False)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=400, blank=True)

    objects: ClassVar = ScheduledChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"],
                condition=models.Q(state="waiting"),
                name="one_waiting_change",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="plan", plan__isnull=False)
                | (~models.Q(kind="plan") & models.Q(plan__isnull=True)),
                name="plan_change_names_plan",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(state="waiting"), name="change_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.due_at:%Y-%m-%d}"
