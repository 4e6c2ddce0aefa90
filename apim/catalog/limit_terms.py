"""What a limit says, on a plan or on an API key: how many calls, in which time, whose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from django.core.validators import MaxLengthValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Counters stay exact in Redis scripts, whose numbers are doubles.
QUOTA_MAX = 2**53
NAME_MAX_LENGTH = 60
GROUP_MAX_LENGTH = 80
LONGEST_SECONDS = 31 * 86_400


class LimitKind(models.TextChoices):
    CALENDAR = "calendar", _("Calendar")
    FIXED = "fixed", _("Fixed window")
    SLIDING = "sliding", _("Sliding window")
    CONCURRENT = "concurrent", _("Calls at the same time")


class LimitWindow(models.TextChoices):
    """Shortest first."""

    SECOND = "second", _("second")
    MINUTE = "minute", _("minute")
    HOUR = "hour", _("hour")
    DAY = "day", _("day")
    WEEK = "week", _("week")
    MONTH = "month", _("month")


class LimitPer(models.TextChoices):
    """Whose calls are added up, in the order in which they are asked."""

    ORGANIZATION = "organization", pgettext_lazy("limit per", "Organization")
    APPLICATION = "application", pgettext_lazy("limit per", "Application")
    KEY = "key", pgettext_lazy("limit per", "API key")


# A month counts as 30 days in fixed and sliding windows, and in RateLimit-Policy.
WINDOW_SECONDS = {
    LimitWindow.SECOND: 1,
    LimitWindow.MINUTE: 60,
    LimitWindow.HOUR: 3_600,
    LimitWindow.DAY: 86_400,
    LimitWindow.WEEK: 604_800,
    LimitWindow.MONTH: 2_592_000,
}


def every_max(window: str) -> int:
    """How many of these windows fixed and sliding limits may span together: 31 days at most."""
    return LONGEST_SECONDS // WINDOW_SECONDS[LimitWindow(window)]


def default_name(
    *,
    window: str,
    every: int = 1,
    per: str = LimitPer.APPLICATION,
    group: str = "",
    is_soft: bool = False,
) -> str:
    """The policy name of a limit that was given none: `minute`, `10-seconds`, `search-day`."""
    length = window or LimitKind.CONCURRENT.value
    parts = [
        "" if per == LimitPer.APPLICATION else per,
        (slugify(group) or "group") if group else "",
        "soft" if is_soft else "",
        f"{every}-{length}s" if every > 1 else length,
    ]
    return "-".join(part for part in parts if part)


class Terms(Protocol):
    """What every limit says, however it is stored."""

    @property
    def kind(self) -> str: ...
    @property
    def window(self) -> str: ...
    @property
    def every(self) -> int: ...
    @property
    def quota(self) -> int: ...
    @property
    def per(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def is_soft(self) -> bool: ...


SomeTerms = TypeVar("SomeTerms", bound=Terms)


def length_seconds(limit: Terms) -> int:
    """The window's length, a month as 30 days; 0 for a concurrent limit."""
    return WINDOW_SECONDS[LimitWindow(limit.window)] * limit.every if limit.window else 0


def in_order(limits: Iterable[SomeTerms]) -> list[SomeTerms]:
    """As they are asked: organization, application, key; for each the shortest window first."""
    per = LimitPer.values
    return sorted(limits, key=lambda one: (per.index(one.per), length_seconds(one), one.group))


class LimitTerms(models.Model):
    """At most `quota` calls, weighted by their operation's cost, per `every` × `window`.

    Calendar windows begin with the second, minute, hour, day, week (Monday) and month in the
    organization's time zone; fixed ones are aligned to the unix epoch; a sliding one is any
    stretch of that length; concurrent limits count the calls in flight and have no window.
    """

    kind = models.CharField(
        _("kind"),
        max_length=10,
        choices=LimitKind.choices,
        default=LimitKind.CALENDAR,
        db_default=LimitKind.CALENDAR.value,
    )
    window = models.CharField(
        _("window"),
        max_length=8,
        choices=LimitWindow.choices,
        blank=True,
        default="",
        db_default="",
    )
    every = models.PositiveIntegerField(
        _("every"), default=1, db_default=1, validators=[MinValueValidator(1)]
    )
    quota = models.PositiveBigIntegerField(_("calls"), validators=[MinValueValidator(1)])
    # An operation group (OpenAPI tag); empty: every operation.
    group = models.CharField(
        _("operation group"), max_length=GROUP_MAX_LENGTH, blank=True, default="", db_default=""
    )
    # Named in RateLimit headers and refusals; empty: made from the parts.
    name = models.CharField(
        _("name"),
        max_length=NAME_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]*$"), MaxLengthValidator(NAME_MAX_LENGTH)],
    )

    class Meta:
        abstract = True


def terms_checks(prefix: str) -> Sequence[models.CheckConstraint]:
    """What the database refuses of any limit; `prefix` begins the constraints' names."""
    windowed = models.Q(kind__in=[LimitKind.FIXED, LimitKind.SLIDING], every__gt=0)
    spans = models.Q()
    for window in LimitWindow.values:
        spans |= models.Q(window=window, every__lte=every_max(window))
    return (
        models.CheckConstraint(condition=models.Q(quota__gt=0), name=f"{prefix}_quota_positive"),
        models.CheckConstraint(
            condition=(windowed & spans)
            | models.Q(kind=LimitKind.CALENDAR, window__in=LimitWindow.values, every=1)
            | models.Q(kind=LimitKind.CONCURRENT, window="", every=1),
            name=f"{prefix}_kind_fits_window",
        ),
    )
