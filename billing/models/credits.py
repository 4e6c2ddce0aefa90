"""Prepaid credit: grants, and an append-only ledger of what happened to them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField


class CreditGrant(models.Model):
    """Credit that a customer was given or has bought. What is left is the sum of its entries."""

    public_id = PublicIdField(prefix="crg")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="credit_grants"
    )
    name = models.CharField(_("name"), max_length=80)
    currency = models.CharField(_("currency"), max_length=3)
    # The smallest is used first; within it what expires first, then the oldest.
    priority = models.PositiveSmallIntegerField(_("priority"), default=50)
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField(_("expires"), null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class CreditEntry(models.Model):
    """One movement of a grant, in minor units. Never changed and never deleted (a trigger).

    The same trigger refuses an entry that would leave less than nothing.
    """

    class Kind(models.TextChoices):
        GRANT = "grant", _("Granted")
        USE = "use", _("Used")
        RETURN = "return", _("Returned")
        EXPIRY = "expiry", _("Expired")
        VOID = "void", _("Withdrawn")

    public_id = PublicIdField(prefix="cre")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="+"
    )
    grant = models.ForeignKey(CreditGrant, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    amount_minor = models.BigIntegerField()
    # What it paid for.
    period = models.ForeignKey(
        "billing.BillingPeriod", on_delete=models.PROTECT, null=True, related_name="credit_entries"
    )
    note = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "credit entries"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["grant", "return"], amount_minor__gt=0)
                | models.Q(kind__in=["use", "expiry", "void"], amount_minor__lt=0),
                name="credit_entry_sign",
            ),
            # A close that runs twice does not pay twice.
            models.UniqueConstraint(
                fields=["grant", "period"],
                condition=models.Q(kind="use"),
                name="credit_used_once_per_period",
            ),
            models.UniqueConstraint(
                fields=["grant"],
                condition=models.Q(kind__in=["grant"]),
                name="credit_granted_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor}"
