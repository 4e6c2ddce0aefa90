"""What the platform would say of a document or of a transition, without changing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.comparison import NO_CHANGES, compare, compare_descriptions
from apim.catalog.errors import WrongState
from apim.catalog.governance import Gate
from apim.catalog.models import ApiVersion
from apim.catalog.selectors import description_of
from apim.catalog.services.gates import gate_refusals
from apim.catalog.services.linting import Judgement, judge_by, rulesets_for

if TYPE_CHECKING:
    from datetime import date

    from apim.catalog.comparison import Comparison
    from apim.catalog.descriptions import Description
    from apim.catalog.gates import Refusal
    from apim.catalog.models import Api, SpecRevision

Transition = Gate.Transition


@dataclass(frozen=True, slots=True)
class Review:
    """The rules' judgement, what changes for callers, and why the transition would be refused."""

    transition: str
    judgement: Judgement
    comparison: Comparison
    refusals: tuple[Refusal, ...]

    @property
    def is_allowed(self) -> bool:
        return not self.refusals

    @property
    def needs_acknowledgement(self) -> bool:
        """Whether publishing asks to acknowledge that callers break."""
        return self.transition == Transition.PUBLISH_REVISION and self.comparison.is_breaking


def judge_document(document: Description, *, api: Api | None = None) -> Judgement:
    """By the rules in force for the API, or by those for all, in the active language."""
    return judge_by(document, rulesets_for(api))


def usual_transition(version: ApiVersion) -> str:
    """What a document of this version waits for. Raises WrongState for a retired one."""
    if version.state == ApiVersion.State.RETIRED:
        raise WrongState(_("%(version)s is retired.") % {"version": version})
    is_draft = version.state == ApiVersion.State.DRAFT
    return Transition.PUBLISH if is_draft else Transition.PUBLISH_REVISION


def review(
    version: ApiVersion,
    *,
    document: Description | None = None,
    transition: str = "",
    sunset_on: date | None = None,
) -> Review:
    """Try a transition of the version with a document, or with its newest one.

    Nothing is kept. Raises WrongState for a retired version.
    """
    transition = transition or usual_transition(version)
    newest = version.revisions.order_by("-number").first()
    if document is None and newest is not None:
        document = description_of(newest)
        found = _against_current(version, newest)
    elif document is not None:
        found = _of_document(version, document)
    else:
        found = NO_CHANGES
    judgement = (
        judge_document(document, api=version.api) if document is not None else Judgement(100, ())
    )
    refusals = gate_refusals(
        transition,
        api=version.api,
        verdict=judgement.verdict,
        breaking=found.breaking,
        sunset_on=version.sunset_on if transition == Transition.RETIRE else sunset_on,
    )
    return Review(transition, judgement, found, refusals)


def _against_current(version: ApiVersion, revision: SpecRevision) -> Comparison:
    current = version.current_revision
    return compare(current, revision) if current is not None else NO_CHANGES


def _of_document(version: ApiVersion, document: Description) -> Comparison:
    current = version.current_revision
    if current is None or current.sha256 == document.sha256:
        return NO_CHANGES
    return compare_descriptions(description_of(current), document)
