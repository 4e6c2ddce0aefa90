"""What the catalog refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim.core.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.catalog.gates import Refusal


class WrongState(Conflict):
    """The change starts from another state than the object is in, or another request came first."""

    code = "wrong_state"
    title = "This is not possible in the present state"


class NameTaken(InvalidInput):
    """The name or slug, which must be unique, is in use."""

    code = "name_taken"
    title = "The name is already in use"


class UpstreamInvalid(InvalidInput):
    """Gateways need an absolute http or https address to forward to."""

    code = "upstream_invalid"
    title = "The upstream's address cannot be used"


class LimitsInvalid(InvalidInput):
    code = "limits_invalid"
    title = "The limits contradict each other"


class NothingToPublish(Conflict):
    """What would be published offers nothing."""

    code = "nothing_to_publish"
    title = "There is nothing to publish"


class TransitionRefused(Conflict):
    """A gate asks for something that does not hold; `refusals` says what, and what to do."""

    code = "transition_refused"
    title = "The rules for this transition are not met"

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__(
            " ".join(str(refusal) for refusal in self.refusals),
            refusals=[refusal.as_dict() for refusal in self.refusals],
        )


class BreakingNotAcknowledged(Conflict):
    """Callers would break, and nobody has said that this is meant."""

    code = "breaking_not_acknowledged"
    title = "Breaking changes must be acknowledged"


class BuiltInRuleset(Conflict):
    """What comes with the platform can be switched off, but not changed or removed."""

    code = "built_in_ruleset"
    title = "A built-in ruleset cannot be changed"
