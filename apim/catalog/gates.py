"""Whether a version may make a transition, by the rules that publishers set for it. No tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date

# From the worst to the mildest.
SEVERITIES = ("error", "warn", "info", "hint")


class Terms(Protocol):
    """What apim.catalog.models.Gate asks for."""

    transition: Any
    blocks: str
    min_score: int | None
    rules: list[str]
    forbids_breaking: bool
    requires_sunset: bool
    notice_days: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of the revision: `counts` per severity, `broken` the rules broken."""

    score: int
    counts: Mapping[str, int]
    broken: Collection[str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a transition is refused, and what would change that."""

    # Which term of the gate: findings, score, rule, breaking_changes, sunset, notice.
    requirement: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason} {self.remedy}"

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def asks_about_rules(terms: Terms) -> bool:
    """Whether a verdict is needed at all: linting takes time."""
    return bool(terms.blocks or terms.min_score or terms.rules)


def refusals(
    terms: Terms,
    *,
    today: date,
    verdict: Verdict | None = None,
    breaking: int = 0,
    sunset_on: date | None = None,
) -> tuple[Refusal, ...]:
    """Every reason why not, in a fixed order; empty when the transition may be made.

    `sunset_on` is the day that a deprecation sets or that a retiring version has.
    """
    found: list[Refusal] = []
    if terms.transition in {"publish", "publish_revision"}:
        if verdict is not None:
            found.extend(_of_rules(terms, verdict))
        if terms.forbids_breaking and breaking:
            found.append(_breaking(breaking))
    elif terms.transition == "deprecate":
        found.extend(_of_notice(terms, today, sunset_on))
    elif terms.requires_sunset:
        found.extend(_of_end(today, sunset_on))
    return tuple(found)


def _of_rules(terms: Terms, verdict: Verdict) -> Iterator[Refusal]:
    for severity in blocking(terms.blocks):
        if count := verdict.counts.get(severity, 0):
            yield _findings(severity, count)
    if terms.min_score is not None and verdict.score < terms.min_score:
        yield Refusal(
            "score",
            _("The score is %(score)d, and at least %(least)d is asked for.")
            % {"score": verdict.score, "least": terms.min_score},
            _("Correct the findings that weigh most and upload the document again."),
        )
    for rule in terms.rules:
        if rule in verdict.broken:
            yield Refusal(
                "rule",
                _("The rule “%(rule)s” is broken.") % {"rule": rule},
                _("Correct what it found and upload the document again."),
            )


def blocking(blocks: str) -> Sequence[str]:
    """The severities from `blocks` on, the worst first."""
    return SEVERITIES[: SEVERITIES.index(blocks) + 1] if blocks in SEVERITIES else ()


def _findings(severity: str, count: int) -> Refusal:
    reasons = {
        "error": ngettext(
            "%(count)d finding is an error.", "%(count)d findings are errors.", count
        ),
        "warn": ngettext(
            "%(count)d finding is a warning.", "%(count)d findings are warnings.", count
        ),
        "info": ngettext(
            "%(count)d finding is a remark.", "%(count)d findings are remarks.", count
        ),
        "hint": ngettext("%(count)d finding is a hint.", "%(count)d findings are hints.", count),
    }
    return Refusal(
        "findings",
        reasons[severity] % {"count": count},
        _("Correct them and upload the document again; each says how."),
    )


def _breaking(count: int) -> Refusal:
    reason = ngettext(
        "%(count)d change breaks programs that call this version.",
        "%(count)d changes break programs that call this version.",
        count,
    )
    return Refusal(
        "breaking_changes",
        reason % {"count": count},
        _("Take them back, or make a new version for them: existing callers stay where they are."),
    )


def _of_notice(terms: Terms, today: date, sunset_on: date | None) -> Iterator[Refusal]:
    earliest = today + timedelta(days=terms.notice_days)
    if sunset_on is None:
        if terms.requires_sunset:
            yield Refusal(
                "sunset",
                _("No day of sunset is set."),
                _("Say from which day on the version may stop, %(day)s or later.")
                % {"day": earliest.isoformat()},
            )
    elif sunset_on < earliest:
        yield Refusal(
            "notice",
            _("The sunset is less than %(days)d days ahead.") % {"days": terms.notice_days},
            _("Choose %(day)s or a later day.") % {"day": earliest.isoformat()},
        )


def _of_end(today: date, sunset_on: date | None) -> Iterator[Refusal]:
    if sunset_on is None:
        yield Refusal(
            "sunset",
            _("Callers were never told a day of sunset."),
            _("Deprecate the version with a sunset first."),
        )
    elif sunset_on > today:
        yield Refusal(
            "sunset",
            _("Its sunset, %(day)s, has not come yet.") % {"day": sunset_on.isoformat()},
            _("Wait for that day, or deprecate the version with an earlier one."),
        )
