"""Applications: created, described, suspended, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apim.audit.services import changes, record, snapshot
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.keys.errors import ApplicationNotActive, ApplicationStateConflict
from apim.keys.guards import fitting, require_active_organization
from apim.keys.models import ApiKey, Application, Subscription
from apim.outbox.services import publish

if TYPE_CHECKING:
    from apim.accounts.models import Organization
    from apim.audit.actors import Actor

FIELDS = ("name", "description")
State = Application.State


@transaction.atomic
def create_application(
    *, actor: Actor, organization: Organization, name: str, description: str = ""
) -> Application:
    """Create an active application.

    Raises InvalidInput for an empty or taken name, OrganizationSuspended.
    """
    require_active_organization(organization)
    application = Application(organization=organization)
    _describe(application, name=name, description=description)
    record(actor, "application.created", application, after=snapshot(application, FIELDS))
    publish("application.changed", application_id=application.pk)
    return application


@transaction.atomic
def update_application(
    *, actor: Actor, application: Application, name: str, description: str
) -> Application:
    """Change name and description. Raises InvalidInput, ApplicationNotActive when deleted."""
    row = Application.objects.select_for_update().get(pk=application.pk)
    if row.state == State.DELETED:
        raise ApplicationNotActive
    before = snapshot(row, FIELDS)
    _describe(row, name=name, description=description)
    old, new = changes(before, snapshot(row, FIELDS))
    if new:
        record(actor, "application.updated", row, before=old, after=new)
        publish("application.changed", application_id=row.pk)
    return row


def suspend_application(*, actor: Actor, application: Application) -> Application:
    """Stop every call of the application. Raises ApplicationStateConflict unless active."""
    return _change_state(
        actor, application, "application.suspended", State.SUSPENDED, only_from=(State.ACTIVE,)
    )


def activate_application(*, actor: Actor, application: Application) -> Application:
    """Let a suspended application call again. Raises ApplicationStateConflict."""
    return _change_state(
        actor, application, "application.activated", State.ACTIVE, only_from=(State.SUSPENDED,)
    )


@transaction.atomic
def delete_application(*, actor: Actor, application: Application) -> Application:
    """Delete for good: its keys are revoked, its subscriptions cancelled, its history kept.

    Raises ApplicationStateConflict when it is already deleted.
    """
    row = _change_state(
        actor,
        application,
        "application.deleted",
        State.DELETED,
        only_from=(State.ACTIVE, State.SUSPENDED),
    )
    now = clock.now()
    for key in ApiKey.objects.filter(application=row, state=ApiKey.State.ACTIVE):
        ApiKey.objects.revoke(key, at=now)
        record(actor, "key.revoked", key)
        publish("key.revoked", key_id=key.pk)
    for subscription in Subscription.objects.filter(application=row).open():
        Subscription.objects.change_state(
            subscription, Subscription.State.CANCELLED, only_from=Subscription.OPEN, ended_at=now
        )
        record(actor, "subscription.cancelled", subscription)
        publish("subscription.changed", subscription_id=subscription.pk)
    return row


@transaction.atomic
def _change_state(
    actor: Actor, application: Application, action: str, to: str, *, only_from: tuple[str, ...]
) -> Application:
    if not Application.objects.change_state(application, to, only_from=only_from):
        raise ApplicationStateConflict
    before = {"state": application.state}
    application.refresh_from_db()
    record(actor, action, application, before=before, after={"state": to})
    publish("application.changed", application_id=application.pk)
    return application


def _describe(application: Application, *, name: str, description: str) -> None:
    application.name = fitting(Application, "name", name)
    application.description = fitting(Application, "description", description)
    if not application.name:
        missing = _("Give the application a name.")
        raise InvalidInput(missing, fields={"name": [missing]})
    try:
        with transaction.atomic():
            application.save()
    except IntegrityError as error:
        taken = _("Another application of the organization has this name.")
        raise InvalidInput(taken, fields={"name": [taken]}) from error
