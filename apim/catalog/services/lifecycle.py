"""Draft, published, deprecated, retired: the states of an API version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apim.audit.services import record, snapshot
from apim.catalog.errors import WrongState
from apim.catalog.governance import Gate
from apim.catalog.models import ApiVersion
from apim.catalog.services.gates import pass_gate
from apim.catalog.services.revisions import note_publication
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from datetime import date

    from apim.audit.actors import Actor

State = ApiVersion.State


def publish_version(*, actor: Actor, version: ApiVersion) -> ApiVersion:
    """Put a draft on the gateways and into the portal, with a first entry in its changelog.

    Raises WrongState unless it is a draft, TransitionRefused by the gate.
    """
    if version.state == State.DRAFT:
        pass_gate(Gate.Transition.PUBLISH, api=version.api, revision=version.current_revision)
    with transaction.atomic():
        _move(
            actor,
            version,
            start=(State.DRAFT,),
            values={"state": State.PUBLISHED, "published_at": clock.now()},
            verb="published",
        )
        if version.current_revision is not None:
            note_publication(actor, version, version.current_revision)
    return version


def deprecate_version(
    *, actor: Actor, version: ApiVersion, sunset_on: date | None = None
) -> ApiVersion:
    """Announce the end of a version; it goes on answering, and says so in its headers.

    `sunset_on` (UTC) is the day from which it may stop. Calling again changes that day.

    Raises WrongState unless published or deprecated; InvalidInput for a day that is over;
    TransitionRefused by the gate.
    """
    now = clock.now()
    if sunset_on is not None and sunset_on < now.date():
        message = _("The day of sunset lies in the past.")
        raise InvalidInput(message, fields={"sunset_on": [message]})
    if version.is_callable:
        pass_gate(Gate.Transition.DEPRECATE, api=version.api, sunset_on=sunset_on)
    return _move(
        actor,
        version,
        start=ApiVersion.CALLABLE,
        values={
            "state": State.DEPRECATED,
            "deprecated_at": Coalesce(F("deprecated_at"), Value(now)),
            "sunset_on": sunset_on,
        },
        verb="deprecated",
    )


def retire_version(*, actor: Actor, version: ApiVersion) -> ApiVersion:
    """Take a version off the gateways and out of the portal.

    Raises WrongState unless published or deprecated, TransitionRefused by the gate.
    """
    if version.is_callable:
        pass_gate(Gate.Transition.RETIRE, api=version.api, sunset_on=version.sunset_on)
    return _move(
        actor,
        version,
        start=ApiVersion.CALLABLE,
        values={"state": State.RETIRED, "retired_at": clock.now()},
        verb="retired",
    )


def restore_version(*, actor: Actor, version: ApiVersion) -> ApiVersion:
    """Take deprecation or retirement back: the version is published as before.

    Raises WrongState unless deprecated or retired.
    """
    return _move(
        actor,
        version,
        start=(State.DEPRECATED, State.RETIRED),
        values={
            "state": State.PUBLISHED,
            "deprecated_at": None,
            "sunset_on": None,
            "retired_at": None,
        },
        verb="published",
        action="restored",
    )


@transaction.atomic
def _move(
    actor: Actor,
    version: ApiVersion,
    *,
    start: tuple[ApiVersion.State, ...],
    values: dict[str, Any],
    verb: str,
    action: str = "",
) -> ApiVersion:
    """Compare and set, so that of two requests only one wins."""
    before = snapshot(version, ("state", "sunset_on"))
    updated = ApiVersion.objects.filter(pk=version.pk, state__in=start).update(
        **values, updated_at=clock.now()
    )
    version.refresh_from_db()
    if updated != 1:
        message = _("%(version)s is %(state)s; only a version that is %(start)s can be changed so.")
        states = _(" or ").join(str(state.label).lower() for state in start)
        raise WrongState(
            message
            % {
                "version": version,
                "state": version.get_state_display().lower(),
                "start": states,
            }
        )
    record(
        actor,
        f"api_version.{action or verb}",
        version,
        before=before,
        after=snapshot(version, ("state", "sunset_on")),
    )
    publish(f"api_version.{verb}", version_id=version.pk)
    return version
