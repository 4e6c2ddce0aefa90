"""Applications: names unique per organization, deletion takes keys and subscriptions along."""

import pytest

from apim.accounts.models import Organization
from apim.audit.models import AuditEvent
from apim.core.errors import InvalidInput, NotFound
from apim.keys import selectors, services
from apim.keys.errors import (
    ApplicationNotActive,
    ApplicationStateConflict,
    OrganizationSuspended,
)
from apim.keys.models import ApiKey, Application, Subscription

pytestmark = pytest.mark.django_db


def test_created_application_is_active_and_audited(actor, organization, published):
    made = services.create_application(actor=actor, organization=organization, name="  Board  ")
    assert (made.name, made.state) == ("Board", Application.State.ACTIVE)
    assert AuditEvent.objects.get(action="application.created").organization_id == organization.pk
    assert published() == ["application.changed"]


@pytest.mark.parametrize("name", ["", "   ", "n" * 121, "Harbour board"])
def test_an_empty_long_or_taken_name_is_refused(actor, application, name):
    with pytest.raises(InvalidInput) as refusal:
        services.create_application(actor=actor, organization=application.organization, name=name)
    assert list(refusal.value.fields) == ["name"]
    assert Application.objects.count() == 1


def test_another_organization_may_use_the_same_name(actor, application, other_organization):
    services.create_application(actor=actor, organization=other_organization, name=application.name)


def test_a_deleted_applications_name_is_free_again(actor, application):
    services.delete_application(actor=actor, application=application)
    services.create_application(
        actor=actor, organization=application.organization, name=application.name
    )


def test_a_suspended_organization_cannot_create(actor, organization):
    organization.state = Organization.State.SUSPENDED
    organization.save()
    with pytest.raises(OrganizationSuspended):
        services.create_application(actor=actor, organization=organization, name="Board")


def test_update_records_only_what_changed(actor, application):
    services.update_application(actor=actor, application=application, name="Pier", description="")
    event = AuditEvent.objects.get(action="application.updated")
    assert (event.before, event.after) == ({"name": "Harbour board"}, {"name": "Pier"})


def test_update_without_a_change_says_nothing(actor, application, published):
    services.update_application(
        actor=actor, application=application, name=application.name, description=""
    )
    assert not AuditEvent.objects.filter(action="application.updated").exists()
    assert published() == []


def test_suspend_and_activate(actor, application):
    services.suspend_application(actor=actor, application=application)
    assert application.state == Application.State.SUSPENDED
    with pytest.raises(ApplicationStateConflict):
        services.suspend_application(actor=actor, application=application)
    services.activate_application(actor=actor, application=application)
    assert application.state == Application.State.ACTIVE


def test_deletion_revokes_keys_and_cancels_subscriptions(actor, application, key, plan, published):
    subscription = services.subscribe(actor=actor, application=application, plan=plan)
    services.delete_application(actor=actor, application=application)
    key.refresh_from_db()
    subscription.refresh_from_db()
    assert key.state == ApiKey.State.REVOKED
    assert subscription.state == Subscription.State.CANCELLED
    assert {"application.changed", "key.revoked", "subscription.changed"} <= set(published())
    with pytest.raises(NotFound):
        selectors.get_application(application.organization, application.public_id)
    with pytest.raises(ApplicationStateConflict):
        services.delete_application(actor=actor, application=application)
    with pytest.raises(ApplicationNotActive):
        services.update_application(
            actor=actor, application=application, name="Back", description=""
        )


def test_the_list_counts_usable_keys_and_open_subscriptions(actor, application, key, plan):
    services.issue_key(actor=actor, application=application)
    services.revoke_key(actor=actor, key=key)
    services.subscribe(actor=actor, application=application, plan=plan)
    [row] = selectors.applications(application.organization)
    assert (row.key_count, row.subscription_count) == (1, 1)
