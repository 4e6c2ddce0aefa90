"""What the catalog refuses."""

from __future__ import annotations

from apim.core.errors import Conflict, InvalidInput


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
