"""Applications, and the subscriptions that give them plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core import clock
from apim.core.ids import PublicIdField

if TYPE_CHECKING:
    from apim.accounts.models import Organization


class ApplicationQuerySet(models.QuerySet["Application"]):
    def for_organization(self, organization: Organization) -> ApplicationQuerySet:
        return self.filter(organization=organization)

    def existing(self) -> ApplicationQuerySet:
        """All but deleted ones."""
        return self.exclude(state=Application.State.DELETED)

    def change_state(
        self, application: Application, to: str, *, only_from: tuple[str, ...]
    ) -> bool:
        """Compare and set; False when the application is in no state of `only_from`."""
        changed = self.filter(pk=application.pk, state__in=only_from).update(
            state=to, updated_at=clock.now()
        )
        return changed == 1


class Application(models.Model):
    """The customer's program that calls."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")
        DELETED = "deleted", _("Deleted")

    public_id = PublicIdField(prefix="app")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="applications"
    )
    name = models.CharField(_("name"), max_length=120)
    description = models.CharField(_("description"), max_length=400, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = ApplicationQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"],
                condition=~models.Q(state="deleted"),
                name="application_name_per_organization",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def for_organization(self, organization: Organization) -> SubscriptionQuerySet:
        return self.filter(organization=organization)

    def active(self) -> SubscriptionQuerySet:
        return self.filter(state=Subscription.State.ACTIVE)

    def open(self) -> SubscriptionQuerySet:
        return self.filter(state__in=Subscription.OPEN)

    def pending(self) -> SubscriptionQuerySet:
        """Those that wait for approval, the longest first."""
        return self.filter(state=Subscription.State.PENDING).order_by("id")

    def change_state(
        self, subscription: Subscription, to: str, *, only_from: tuple[str, ...], **values: Any
    ) -> bool:
        """Compare and set; False when the subscription is in no state of `only_from`."""
        row = self.filter(pk=subscription.pk, state__in=only_from)
        return row.update(state=to, **values) == 1


class Subscription(models.Model):
    """One application on one plan."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for approval")
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")
        REJECTED = "rejected", _("Rejected")
        CANCELLED = "cancelled", _("Cancelled")

    class Hold(models.TextChoices):
        """Why it is suspended; who put a hold on it is the one to lift it."""

        DEVELOPER = "developer", _("Paused by the organization")
        STAFF = "staff", _("Suspended by the publisher")
        UNPAID = "unpaid", _("An invoice is unpaid")
        METHOD = "method", _("A payment method is missing")

    OPEN = (State.PENDING, State.ACTIVE, State.SUSPENDED)

    public_id = PublicIdField(prefix="sub")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="subscriptions"
    )
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="subscriptions"
    )
    plan = models.ForeignKey("catalog.Plan", on_delete=models.PROTECT, related_name="subscriptions")
    # The plan's product, repeated here so that the database allows only one open subscription.
    product = models.ForeignKey(
        "catalog.Product", on_delete=models.PROTECT, related_name="subscriptions"
    )
    state = models.CharField(max_length=10, choices=State.choices)
    # What it is suspended for; active again when the last one is lifted. A row suspended before
    # holds were kept has none, which counts as the publisher's.
    holds = ArrayField(
        models.CharField(max_length=10, choices=Hold.choices), default=list, db_default=[]
    )
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    decision_note = models.CharField(max_length=400, blank=True)

    objects: ClassVar = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "product"],
                condition=models.Q(state__in=["pending", "active", "suspended"]),
                name="one_open_subscription_per_product",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application.name} on {self.plan.name}"

    @property
    def is_paused(self) -> bool:
        """Suspended by its organization alone."""
        return self.reasons == {self.Hold.DEVELOPER}

    @property
    def shown_state(self) -> str:
        """The state, or `paused`: a pause is no suspension to who made it."""
        return "paused" if self.is_paused else str(self.state)

    @property
    def shown_label(self) -> str:
        """The words for `shown_state`."""
        return str(_("Paused") if self.is_paused else self.State(self.state).label)

    @property
    def reason_labels(self) -> list[str]:
        """The holds in words."""
        return [str(self.Hold(reason).label) for reason in sorted(self.reasons)]

    @property
    def reasons(self) -> frozenset[str]:
        """The holds of a suspended one, empty otherwise."""
        if self.state != self.State.SUSPENDED:
            return frozenset()
        return frozenset(self.holds) or frozenset({self.Hold.STAFF})
