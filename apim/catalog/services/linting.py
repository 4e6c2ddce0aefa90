"""Judging revisions by the rules in force, and keeping what was found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import override

from apim.catalog.comparison import compare_in_every_language
from apim.catalog.gates import SEVERITIES, Verdict
from apim.catalog.governance import LintResult, Ruleset
from apim.catalog.models import ApiVersion, SpecRevision
from apim.catalog.rulesets import (
    BUILT_IN,
    Finding,
    RuleTooExpensive,
    Severity,
    lint,
    load_ruleset,
    score,
)
from apim.catalog.selectors import description_of
from apim.core import clock
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apim.catalog.descriptions import Description
    from apim.catalog.models import Api
    from apim.catalog.rulesets import Ruleset as Rules

# More than anybody will read of one document; the counts go on.
MAX_KEPT = 2000
# Documents up to this size are judged at once, in well under a second; others by a worker.
QUICK_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules find in a description, by line."""

    score: int
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many findings of each severity."""
        found = Counter(str(finding.severity) for finding in self.findings)
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.score, self.counts, frozenset(f.rule for f in self.findings))


def add_built_in() -> None:
    """Have a row for every ruleset of the platform; a new release may bring more."""
    known = set(Ruleset.objects.exclude(built_in="").values_list("built_in", flat=True))
    missing = [Ruleset(name=name, built_in=name) for name in BUILT_IN if name not in known]
    Ruleset.objects.bulk_create(missing, ignore_conflicts=True)


def rulesets_for(api: Api | None) -> list[Ruleset]:
    """The enabled rulesets that hold for the API; for None, those that hold for all."""
    add_built_in()
    rows = Ruleset.objects.filter(is_enabled=True).select_related("current_revision")
    holds = Q(is_for_all=True)
    if api is not None:
        holds |= Q(apis=api)
    return list(rows.filter(holds).distinct().order_by("pk"))


def compiled(row: Ruleset) -> Rules:
    """Raises InvalidRuleset only if the platform has become stricter since the text was saved."""
    return BUILT_IN[row.built_in] if row.built_in else compiled_text(row.text)


@lru_cache(maxsize=64)
def compiled_text(text: str) -> Rules:
    """Raises InvalidRuleset, which names the line."""
    return load_ruleset(text)


def judge(description: Description, rules: Sequence[Rules]) -> Judgement:
    """In the active language, by line. Raises RuleTooExpensive."""
    found = lint(description, rules)
    return Judgement(score(found, description), found)


def judge_by(description: Description, rows: Iterable[Ruleset]) -> Judgement:
    """As `judge`; a publisher's ruleset that takes too long is a finding itself."""
    rules = [compiled(row) for row in rows]
    found = list(lint(description, [one for one in rules if one.is_built_in]))
    for one in rules:
        if not one.is_built_in:
            found.extend(_patiently(description, one))
    distinct = {(f.rule, f.path, f.message): f for f in found}.values()
    ordered = tuple(sorted(distinct, key=lambda f: (f.line, f.column, f.severity.rank, f.rule)))
    return Judgement(score(ordered, description), ordered)


def _patiently(description: Description, rules: Rules) -> Sequence[Finding]:
    try:
        return lint(description, [rules])
    except RuleTooExpensive as error:
        return (Finding(error.rule or error.code, Severity.ERROR, (), 1, 1, error.message),)


def prepare_revision(*, revision: SpecRevision) -> LintResult:
    """Judge it, and work out ahead what a large one changes: a page could not wait for that."""
    if is_quick(revision):
        return lint_revision(revision=revision)
    document = description_of(revision)
    current = revision.version.current_revision
    if current is not None:
        compare_in_every_language(current, revision, after=document)
    return lint_revision(revision=revision, document=document)


def lint_revision(*, revision: SpecRevision, document: Description | None = None) -> LintResult:
    """Judge by the rules in force and keep the result, in the platform's first language.

    `document` is what the revision says, if it has been read already. Not audited: the result
    follows from the document and the rules, whose changes are.
    """
    rows = rulesets_for(revision.version.api)
    with override(settings.LANGUAGE_CODE):
        judged = judge_by(document or description_of(revision), rows)
    counts = judged.counts
    result, _is_new = LintResult.objects.update_or_create(
        revision=revision,
        defaults={
            "score": judged.score,
            "errors": counts["error"],
            "warnings": counts["warn"],
            "infos": counts["info"],
            "hints": counts["hint"],
            "findings": [f.as_dict() for f in judged.findings[:MAX_KEPT]],
            "broken_rules": sorted({f.rule for f in judged.findings}),
            "rulesets": [row.name for row in rows],
            "linted_at": clock.now(),
        },
    )
    return result


def result_of(revision: SpecRevision) -> LintResult:
    """The kept result; without one the revision is judged now."""
    kept = LintResult.objects.filter(revision=revision).first()
    return kept or lint_revision(revision=revision)


def result_soon(revision: SpecRevision) -> LintResult | None:
    """As `result_of`, for pages: None while a worker still judges a large document."""
    kept = LintResult.objects.filter(revision=revision).first()
    return lint_revision(revision=revision) if kept is None and is_quick(revision) else kept


def verdict_on(revision: SpecRevision) -> Verdict:
    """What a gate has to know of the revision, which is judged now if it was not before."""
    result = result_of(revision)
    return Verdict(result.score, result.counts, frozenset(result.broken_rules))


def ask_for_lint(revision: SpecRevision) -> None:
    """Have a new revision judged: at once after the commit when that is quick."""
    topic = "spec_revision.uploaded" if is_quick(revision) else "spec_revision.unjudged"
    publish(topic, revision_id=revision.pk)


def is_quick(revision: SpecRevision) -> bool:
    """Whether judging and comparing it takes no longer than a page may."""
    return len(revision.raw) <= QUICK_BYTES


@transaction.atomic
def lint_again(*, api_ids: Iterable[int] | None = None) -> int:
    """Have workers judge what people look at anew: each version's newest and current revision.

    Of the named APIs, or of all. Retired versions are left alone. Returns how many revisions.
    """
    versions = ApiVersion.objects.exclude(state=ApiVersion.State.RETIRED)
    if api_ids is not None:
        versions = versions.filter(api__in=list(api_ids))
    current = versions.filter(current_revision__isnull=False).values("current_revision")
    newest = (
        SpecRevision.objects.filter(version__in=versions)
        .order_by("version_id", "-number")
        .distinct("version_id")
        .values("pk")
    )
    wanted = SpecRevision.objects.filter(Q(pk__in=current) | Q(pk__in=newest)).order_by(
        "version_id", "number"
    )
    keys = list(wanted.values_list("pk", flat=True))
    for key in keys:
        publish("spec_revision.unjudged", revision_id=key)
    return len(keys)
