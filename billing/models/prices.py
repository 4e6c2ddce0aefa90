"""What a plan costs: versions, and the prices that make each of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField
from billing.rating.periods import Cadence

if TYPE_CHECKING:
    from datetime import datetime


class PlanVersionQuerySet(models.QuerySet["PlanVersion"]):
    def published(self) -> PlanVersionQuerySet:
        return self.filter(starts_at__isnull=False)

    def drafts(self) -> PlanVersionQuerySet:
        return self.filter(starts_at__isnull=True)

    def public(self) -> PlanVersionQuerySet:
        """All but those made for one organization."""
        return self.filter(organization__isnull=True)

    def offered(self, at: datetime) -> PlanVersionQuerySet:
        """What somebody who subscribes at that instant gets; at most one public one per plan."""
        return self.filter(starts_at__lte=at).filter(
            models.Q(ended_at__isnull=True) | models.Q(ended_at__gt=at)
        )


class PlanVersion(models.Model):
    """Everything that a plan costs, from `starts_at` on; immutable once published (a trigger).

    A draft has no `starts_at`. A change of price is a new version: the one before ends for new
    subscribers when the next begins. Who has subscribed stays on the version of that day
    (grandfathering) until one with `moves_at` takes over, at the first period that begins then or
    later. A version with an organization is that customer's private price of the plan.
    """

    class TaxBehavior(models.TextChoices):
        EXCLUSIVE = "exclusive", _("Tax is added")
        INCLUSIVE = "inclusive", _("Tax is included")

    class CadenceChoice(models.TextChoices):
        CALENDAR = Cadence.CALENDAR.value, _("Calendar")
        ANNIVERSARY = Cadence.ANNIVERSARY.value, _("From the day of subscribing")

    class Months(models.IntegerChoices):
        MONTH = 1, _("Month")
        QUARTER = 3, _("Quarter")
        YEAR = 12, _("Year")

    class Payment(models.TextChoices):
        START = "start", _("Before it starts")
        TRIAL_END = "trial_end", _("Before the trial ends")
        INVOICE = "invoice", _("Never: invoices are sent")

    public_id = PublicIdField(prefix="pvr")
    plan = models.ForeignKey("catalog.Plan", on_delete=models.PROTECT, related_name="versions")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, null=True, related_name="private_prices"
    )
    number = models.PositiveIntegerField()
    # The currency of those who have not chosen another that the version has prices in.
    currency = models.CharField(_("currency"), max_length=3)
    tax_behavior = models.CharField(
        _("tax"), max_length=9, choices=TaxBehavior.choices, default=TaxBehavior.EXCLUSIVE
    )
    cadence = models.CharField(
        _("periods"),
        max_length=11,
        choices=CadenceChoice.choices,
        default=CadenceChoice.CALENDAR,
    )
    months = models.PositiveSmallIntegerField(
        _("billed every"), choices=Months.choices, default=Months.MONTH
    )
    trial_days = models.PositiveSmallIntegerField(_("days of trial"), default=0)
    # When a subscriber has to have a payment method; asked only where payments are set up.
    payment = models.CharField(
        _("payment method needed"),
        max_length=9,
        choices=Payment.choices,
        default=Payment.START,
        db_default=Payment.START,
    )
    created_at = models.DateTimeField(auto_now_add=True)
    starts_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    moves_at = models.DateTimeField(null=True)
    # Until when subscribers were promised to hear of the move; set with `moves_at`.
    announced_at = models.DateTimeField(null=True)

    objects: ClassVar = PlanVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="plan_version_number"),
            models.UniqueConstraint(
                fields=["plan", "organization"],
                condition=models.Q(starts_at__isnull=False, ended_at__isnull=True),
                nulls_distinct=False,
                name="one_open_version",
            ),
            models.CheckConstraint(
                condition=models.Q(months__in=[1, 3, 12]), name="plan_version_months"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} version {self.number}"

    @property
    def is_draft(self) -> bool:
        return self.starts_at is None

    @property
    def currencies(self) -> tuple[str, ...]:
        """Its own first, then the others that it has prices in."""
        others = {component.currency for component in self.components.all()} - {self.currency}
        return (self.currency, *sorted(others))

    @property
    def usage_price(self) -> PriceComponent | None:
        """The first price of usage in its own currency."""
        return next(
            (
                component
                for component in self.components.all()
                if component.kind == PriceComponent.Kind.USAGE
                and component.currency == self.currency
            ),
            None,
        )

    @property
    def is_plain(self) -> bool:
        """Whether it is so much per unit after free ones and nothing else."""
        components = self.components.all()
        plain = [c for c in components if c.model == PriceComponent.Model.PER_UNIT]
        return len(components) <= 1 and len(plain) == len(components)

    @property
    def unit_amount(self) -> Decimal:
        """What the first charged unit costs; of a plain version every one."""
        price = self.usage_price
        return price.first_unit_amount if price else Decimal(0)

    @property
    def included_calls(self) -> int:
        price = self.usage_price
        return price.included if price else 0


class PriceComponent(models.Model):
    """One price of a version in one currency. Amounts in major units."""

    class Kind(models.TextChoices):
        USAGE = "usage", _("Usage")
        FEE = "fee", _("Flat fee")
        MINIMUM = "minimum", _("Minimum commitment")
        SETUP = "setup", _("Setup fee")

    class Model(models.TextChoices):
        FLAT = "flat", _("Flat")
        PER_UNIT = "per_unit", _("Per unit")
        GRADUATED = "graduated", _("Graduated")
        VOLUME = "volume", _("Volume")
        PACKAGE = "package", _("Package")

    version = models.ForeignKey(PlanVersion, on_delete=models.CASCADE, related_name="components")
    currency = models.CharField(_("currency"), max_length=3)
    # Unique within a version and currency; the same price in another currency has the same key.
    key = models.SlugField(max_length=60)
    name = models.CharField(_("name"), max_length=80, blank=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    model = models.CharField(max_length=9, choices=Model.choices)
    meter = models.ForeignKey("billing.Meter", on_delete=models.PROTECT, null=True)
    # Per unit, per package, or the flat amount; unused with tiers.
    amount = models.DecimalField(max_digits=24, decimal_places=12, default=0)
    included = models.BigIntegerField(_("included units"), default=0)
    package_size = models.BigIntegerField(null=True)
    # Of each tier after, up_to (null: no end), unit_amount and flat_amount; numbers as text.
    tiers = models.JSONField(default=list)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "currency", "key"], name="price_key_per_version"
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0, included__gte=0), name="price_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="usage", meter__isnull=False)
                | (~models.Q(kind="usage") & models.Q(meter__isnull=True)),
                name="usage_price_has_meter",
            ),
            models.CheckConstraint(
                condition=~models.Q(model="package") | models.Q(package_size__gt=0),
                name="package_has_size",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.key} {self.currency}"

    @property
    def first_unit_amount(self) -> Decimal:
        """What the first charged unit costs, or the first package."""
        return Decimal(self.tiers[0]["unit_amount"]) if self.tiers else self.amount
