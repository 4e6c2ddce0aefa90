"""What stands at Stripe for our things, usage on its way there, and what Stripe told us."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from datetime import datetime


class StripeObject(models.Model):
    """One of our things and its counterpart at Stripe; see billing.stripe.catalogue."""

    class Kind(models.TextChoices):
        PRODUCT = "product", _("Product")
        METER = "meter", _("Meter")
        PRICE = "price", _("Price")

    kind = models.CharField(max_length=7, choices=Kind.choices)
    # Public id of the product or meter; `<version>:<currency>:<price key>`.
    key = models.CharField(max_length=120)
    stripe_id = models.CharField(max_length=80)
    # The name that Stripe has; a change is sent again.
    name = models.CharField(max_length=120, blank=True)
    synced_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="stripe_object_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.stripe_id}"


class StripeCustomer(models.Model):
    """An organization at Stripe, and what Stripe said last of how it pays."""

    organization = models.OneToOneField(
        "accounts.Organization", on_delete=models.PROTECT, related_name="stripe_customer"
    )
    stripe_id = models.CharField(max_length=80, unique=True)
    name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(blank=True)
    # The default payment method: Stripe's id and words for people, such as "visa 4242".
    payment_method = models.CharField(max_length=80, blank=True)
    payment_label = models.CharField(max_length=60, blank=True)
    is_delinquent = models.BooleanField(default=False)
    is_deleted = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    synced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.stripe_id

    @property
    def has_payment_method(self) -> bool:
        return bool(self.payment_method)


class MeterEventQuerySet(models.QuerySet["MeterEvent"]):
    def waiting(self) -> MeterEventQuerySet:
        return self.filter(state=MeterEvent.State.WAITING)

    def counted(self) -> MeterEventQuerySet:
        """Those that are at Stripe or on their way."""
        return self.filter(state__in=[MeterEvent.State.WAITING, MeterEvent.State.SENT])

    def told_between(self, start: datetime, end: datetime) -> MeterEventQuerySet:
        """Those that Stripe counts at a moment from `start` until before `end`."""
        counted = self.annotate(moment=Coalesce("told_at", "hour"))
        return counted.filter(models.Q(("moment__gte", start), ("moment__lt", end)))

    def settle(self, event: MeterEvent, state: str, *, at: datetime, error: str = "") -> bool:
        """Compare and set: False when it no longer waits."""
        sent_at = at if state == MeterEvent.State.SENT else None
        waiting = self.waiting().filter(pk=event.pk)
        return waiting.update(state=state, sent_at=sent_at, last_error=error[:400]) == 1


class MeterEvent(models.Model):
    """Usage of one hour on its way to Stripe: the change since the revision before.

    The sum over the revisions is what Stripe shall have, without those that were revoked; a retry
    is harmless because the identifier is the row's own.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        REFUSED = "refused", _("Refused")
        TOO_LATE = "too_late", _("Too late for Stripe")
        REVOKING = "revoking", _("Being revoked")
        REVOKED = "revoked", _("Revoked")

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    subscription = models.ForeignKey(
        "keys.Subscription", on_delete=models.PROTECT, related_name="meter_events"
    )
    plan = models.ForeignKey("catalog.Plan", on_delete=models.PROTECT, related_name="+")
    meter = models.ForeignKey("billing.Meter", on_delete=models.PROTECT, related_name="events")
    hour = models.DateTimeField()
    revision = models.PositiveIntegerField()
    # Whole units as counted; millionths for units that an API reports.
    value = models.BigIntegerField()
    identifier = models.CharField(max_length=100, unique=True)
    # Which meter at Stripe it was sent to, see MeteredItem; 0 is the one that nothing is billed by.
    lane = models.PositiveSmallIntegerField(default=0, db_default=0)
    # The moment that it was told as of, within an hour of its own; empty: the hour.
    told_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    # Set before the first attempt: Stripe knows identifiers for a day only.
    tried_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = MeterEventQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "plan", "meter", "hour", "revision"],
                name="meter_event_revision",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(state="waiting"), name="meter_event_waiting"
            ),
            models.Index(fields=["organization", "meter", "hour"], name="meter_event_hour"),
        ]

    def __str__(self) -> str:
        return self.identifier


class StripeEventQuerySet(models.QuerySet["StripeEvent"]):
    def unprocessed(self) -> StripeEventQuerySet:
        return self.filter(processed_at__isnull=True)


class StripeEvent(models.Model):
    """Something that Stripe told us, once, however often it came and from where."""

    class Source(models.TextChoices):
        WEBHOOK = "webhook", _("Webhook")
        RECONCILIATION = "reconciled", _("Found by reconciliation")

    stripe_id = models.CharField(max_length=80, unique=True)
    type = models.CharField(max_length=100)
    # What it is about; the handler fetches it again, so that order does not matter.
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=120, blank=True)
    customer_id = models.CharField(max_length=80, blank=True)
    is_thin = models.BooleanField(default=False)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.WEBHOOK)
    happened_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    deliveries = models.PositiveIntegerField(default=1)
    processed_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    last_error = models.CharField(max_length=400, blank=True)

    objects: ClassVar = StripeEventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(processed_at__isnull=True),
                name="stripe_event_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"

    @property
    def public_id(self) -> str:
        return self.stripe_id
