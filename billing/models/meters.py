"""What is counted."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from apim.core.ids import PublicIdField


class Meter(models.Model):
    """What is counted, and its unit. What it counts never changes; only its name may.

    Usage of the live environment, per subscription and period. `statuses` narrows calls, units and
    bytes to status classes ("2xx") or single statuses ("404"); empty means what is billable as
    decided at intake: passed the check, reached an upstream, answered below 500.
    """

    class Kind(models.TextChoices):
        CALLS = "calls", _("Calls")
        UNITS = "units", _("Units that the API reports")
        BYTES = "bytes", _("Bytes of requests and responses")
        KEYS = "keys", _("Different keys that called")
        PEAK = "peak", _("Calls of the busiest hour")
        OVERAGE = "overage", _("Calls beyond a soft limit")

    public_id = PublicIdField(prefix="mtr")
    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("counts"), max_length=8, choices=Kind.choices)
    statuses = ArrayField(models.CharField(max_length=3), default=list, blank=True)
    # How many of what is counted make one priced unit, a power of ten: 10^9 bytes a gigabyte.
    unit_size = models.BigIntegerField(_("unit size"), default=1)
    unit_name = models.CharField(_("unit"), max_length=40, default="call")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(unit_size__in=[10**power for power in range(13)]),
                name="meter_unit_is_power_of_ten",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_name(self) -> str:
        """The name; the one that we give to the first meter, in the reader's language."""
        return gettext("Calls") if (self.slug, self.name) == ("calls", "Calls") else self.name

    @property
    def shown_unit(self) -> str:
        """What one unit is called; the first meter's own word, in the reader's language."""
        is_ours = (self.slug, self.unit_name) == ("calls", "call")
        return pgettext("unit", "call") if is_ours else self.unit_name
