"""Keys that somebody found in the open, and what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField
from apim.keys.models.api_keys import ApiKey

if TYPE_CHECKING:
    from apim.accounts.models import Organization


class LeakAction(models.TextChoices):
    """What happens to a key that somebody found in the open."""

    REVOKE = "revoke", _("Revoke it at once")
    EXPIRE = "expire", _("Let it work for 24 hours, to rotate it meanwhile")
    NOTIFY = "notify", _("Only tell us")


class LeakPolicy(models.Model):
    """An organization's choice; without a row it is the default, to revoke."""

    organization = models.OneToOneField(
        "accounts.Organization", on_delete=models.CASCADE, related_name="leak_policy"
    )
    action = models.CharField(max_length=8, choices=LeakAction.choices)

    def __str__(self) -> str:
        return self.action


class LeakReportQuerySet(models.QuerySet["LeakReport"]):
    def for_organization(self, organization: Organization) -> LeakReportQuerySet:
        return self.filter(organization=organization)


class LeakReport(models.Model):
    """Somebody found this key where it should not be. Never holds the key's text."""

    class Source(models.TextChoices):
        FORM = "form", _("Report form")
        GITHUB = "github", "GitHub"

    public_id = PublicIdField(prefix="leak")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="leak_reports"
    )
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="leak_reports")
    source = models.CharField(max_length=8, choices=Source.choices)
    # Where it was found, in the reporter's words or GitHub's; scrubbed of keys.
    url = models.CharField(max_length=500, blank=True)
    kind = models.CharField(max_length=60, blank=True)
    note = models.CharField(max_length=1000, blank=True)
    # What was done by the policy of that moment; empty when the key did not work any more.
    action = models.CharField(max_length=8, choices=LeakAction.choices, blank=True)
    reported_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = LeakReportQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["key", "source", "url"], name="leak_report_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.source})"
