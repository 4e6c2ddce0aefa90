"""Tables about revisions: when one came into force, what the rules say of it, and what they stop.

Part of apim.catalog.models, which imports this module.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apim.core import clock
from apim.core.ids import PublicIdField


class Publication(models.Model):
    """A revision came into force in a version; the changelog is made of these rows.

    `changes` holds, per language of the platform, what it changed for callers against `previous`
    (see apim.catalog.comparison): said once, so that an entry of the feed never changes.
    """

    public_id = PublicIdField(prefix="pub")
    version = models.ForeignKey(
        "catalog.ApiVersion", on_delete=models.CASCADE, related_name="publications"
    )
    revision = models.ForeignKey(
        "catalog.SpecRevision", on_delete=models.CASCADE, related_name="publications"
    )
    # What was in force before; none for the first one.
    previous = models.ForeignKey(
        "catalog.SpecRevision", on_delete=models.CASCADE, null=True, related_name="+"
    )
    changes = models.JSONField(default=dict)
    breaking = models.PositiveIntegerField(default=0)
    risky = models.PositiveIntegerField(default=0)
    compatible = models.PositiveIntegerField(default=0)
    published_at = models.DateTimeField(default=clock.now)
    published_by = models.CharField(max_length=200, blank=True)
    # When subscribers were told of it, which is done once.
    announced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-published_at", "-id"]
        indexes = [models.Index(fields=["version", "-published_at"], name="publication_of_version")]

    def __str__(self) -> str:
        return f"{self.version} revision {self.revision.number}"

    @property
    def is_breaking(self) -> bool:
        return self.breaking > 0


class Ruleset(models.Model):
    """Rules that descriptions are judged by: one that comes with the platform, or a publisher's."""

    public_id = PublicIdField(prefix="rls")
    name = models.CharField(_("name"), max_length=120, unique=True)
    # Key into apim.catalog.rulesets.BUILT_IN and then the name, too; empty for a publisher's own.
    built_in = models.CharField(max_length=60, blank=True, default="")
    is_enabled = models.BooleanField(_("enabled"), default=True)
    is_for_all = models.BooleanField(_("for all APIs"), default=True)
    apis = models.ManyToManyField(
        "catalog.Api", blank=True, related_name="rulesets", verbose_name=_("APIs")
    )
    current_revision = models.ForeignKey(
        "catalog.RulesetRevision", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def text(self) -> str:
        """The YAML in force; empty for a built-in one."""
        return self.current_revision.text if self.current_revision else ""


class RulesetRevision(models.Model):
    """One immutable text of a publisher's ruleset."""

    ruleset = models.ForeignKey(Ruleset, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["ruleset", "number"], name="ruleset_revision_number"),
        ]

    def __str__(self) -> str:
        return f"{self.ruleset} {self.number}"


class LintResult(models.Model):
    """What the rules say of a revision; replaced when the rules change.

    `findings` are Finding as dictionaries, in the order of their lines, at most
    apim.catalog.services.linting.MAX_KEPT; the counts are complete.
    """

    revision = models.OneToOneField(
        "catalog.SpecRevision", on_delete=models.CASCADE, related_name="lint_result"
    )
    # 0 to 100, see docs/rules.md.
    score = models.PositiveSmallIntegerField(validators=[MaxValueValidator(100)])
    errors = models.PositiveIntegerField(default=0)
    warnings = models.PositiveIntegerField(default=0)
    infos = models.PositiveIntegerField(default=0)
    hints = models.PositiveIntegerField(default=0)
    findings = models.JSONField(default=list)
    # Names of all rules with a finding, also of those beyond the kept ones.
    broken_rules = models.JSONField(default=list)
    # Names of the rulesets that judged.
    rulesets = ArrayField(models.CharField(max_length=120), default=list)
    linted_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.score}"

    @property
    def total(self) -> int:
        return self.errors + self.warnings + self.infos + self.hints

    @property
    def counts(self) -> dict[str, int]:
        """By severity, the worst first."""
        return {
            "error": self.errors,
            "warn": self.warnings,
            "info": self.infos,
            "hint": self.hints,
        }


class Gate(models.Model):
    """What must hold before a version makes a transition. Without a row nothing is asked.

    A row with an API holds for its versions, in place of the one for all.
    """

    class Transition(models.TextChoices):
        PUBLISH = "publish", _("Publish a version")
        PUBLISH_REVISION = "publish_revision", _("Publish a revision")
        DEPRECATE = "deprecate", _("Deprecate a version")
        RETIRE = "retire", _("Retire a version")

    class Blocks(models.TextChoices):
        """Findings of this severity or a worse one."""

        NONE = "", _("No finding blocks")
        ERROR = "error", _("Errors")
        WARN = "warn", _("Warnings and errors")
        INFO = "info", _("Remarks, warnings and errors")
        HINT = "hint", _("Every finding")

    public_id = PublicIdField(prefix="gate")
    transition = models.CharField(max_length=20, choices=Transition.choices)
    # Null: for every API that has none of its own.
    api = models.ForeignKey(
        "catalog.Api", on_delete=models.CASCADE, null=True, related_name="gates"
    )
    blocks = models.CharField(max_length=8, choices=Blocks.choices, blank=True, default="")
    min_score = models.PositiveSmallIntegerField(null=True, validators=[MaxValueValidator(100)])
    # Names of rules that must have no finding, whatever its severity.
    rules = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    # A breaking change needs a new version, it cannot be acknowledged.
    forbids_breaking = models.BooleanField(default=False)
    # A deprecated version needs a sunset at least so many days ahead; a retired one, a past one.
    requires_sunset = models.BooleanField(default=False)
    notice_days = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["transition"], condition=models.Q(api=None), name="gate_for_all"
            ),
            models.UniqueConstraint(fields=["api", "transition"], name="gate_of_api"),
        ]

    def __str__(self) -> str:
        return self.get_transition_display()

    @property
    def words(self) -> list[str]:
        """What it asks for, a sentence each; empty when nothing."""
        is_end = self.transition == self.Transition.RETIRE
        days = ngettext(
            "At least %(days)d day's notice.", "At least %(days)d days' notice.", self.notice_days
        )
        asked = (
            (
                self.blocks,
                _("These findings block: %(blocks)s.")
                % {"blocks": self.get_blocks_display().lower()},
            ),
            (self.min_score, _("A score of at least %(score)s.") % {"score": self.min_score}),
            (self.rules, _("These rules hold: %(rules)s.") % {"rules": ", ".join(self.rules)}),
            (self.forbids_breaking, _("No breaking change.")),
            (
                self.requires_sunset,
                _("Its day of sunset has come.") if is_end else _("A day of sunset."),
            ),
            (self.notice_days, days % {"days": self.notice_days}),
        )
        return [str(words) for is_asked, words in asked if is_asked]
