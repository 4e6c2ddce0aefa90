"""What an audit event holds, and that it stands or falls with its change."""

import pytest
from django.db import transaction

from apim.accounts import services
from apim.audit import selectors
from apim.audit.models import AuditEvent
from apim.audit.services import changes, record, snapshot
from apim.audit.wording import words_for
from apim.core.errors import NotFound


def test_event_names_actor_object_change_and_origin(acme, alice_actor):
    from dataclasses import replace  # noqa: PLC0415

    actor = replace(alice_actor, ip_address="2001:db8::1", request_id="req_abc")
    record(
        actor,
        "organization.updated",
        acme,
        before={"name": "A"},
        after={"name": "B"},
        organization_id=acme.pk,
    )

    event = AuditEvent.objects.get()
    assert (event.actor_kind, event.actor_id, event.actor_label) == (
        "user",
        actor.id,
        "alice@example.com",
    )
    assert (event.object_type, event.object_id, event.object_label) == (
        "organization",
        acme.public_id,
        "Acme",
    )
    assert (event.ip_address, event.request_id) == ("2001:db8::1", "req_abc")
    assert event.organization_id == acme.pk


def test_refused_change_leaves_no_event(acme, alice, alice_actor):
    membership = acme.memberships.get(user=alice)
    with pytest.raises(Exception, match="last owner"):
        services.remove_member(actor=alice_actor, membership=membership)

    assert not AuditEvent.objects.exists()


def test_event_is_rolled_back_with_its_change(acme, alice_actor):
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        services.update_organization(actor=alice_actor, organization=acme, name="Other")
        raise ZeroDivisionError

    assert not AuditEvent.objects.exists()


def test_event_outlives_its_object(acme, bob, alice_actor):
    services.remove_member(actor=alice_actor, membership=acme.memberships.get(user=bob))
    acme.delete()

    assert AuditEvent.objects.get().before["email"] == bob.email


def test_long_labels_are_cut_not_refused(acme, alice_actor):
    acme.name = "x" * 500
    record(alice_actor, "organization.updated", acme)
    assert len(AuditEvent.objects.get().object_label) == 200


@pytest.fixture
def events(acme, charlies, alice_actor, charlie_actor):
    services.update_organization(actor=alice_actor, organization=acme, name="Acme 1")
    services.update_organization(actor=charlie_actor, organization=charlies, name="Charlie 1")
    services.invite_member(
        actor=alice_actor, organization=acme, email="d@example.com", role="member"
    )


def test_organization_reads_only_its_own(events, acme, charlies):
    assert {e.actor_label for e in selectors.events(acme)} == {"alice@example.com"}
    assert selectors.events(None).count() == 3
    foreign = selectors.events(charlies).get()
    with pytest.raises(NotFound):
        selectors.get_event(acme, foreign.public_id)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"action": "organization"}, {"organization.updated"}),
        ({"action": "invitation.sent"}, {"invitation.sent"}),
        ({"action": "invit"}, set()),
        ({"actor": "charlie@"}, {"organization.updated"}),
        ({"object_type": "invitation"}, {"invitation.sent"}),
        ({"search": "Acme 1"}, {"organization.updated"}),
        ({"search": "' OR 1=1 --"}, set()),
    ],
)
def test_filters_narrow(events, filters, expected):
    assert {e.action for e in selectors.events(None, **filters)} == expected


def test_changes_pair_before_with_after(events, acme):
    event = selectors.events(acme, action="organization.updated").get()

    (change,) = selectors.changes_of(event)
    assert (change.name, change.before, change.after) == ("name", "Acme", "Acme 1")


def test_known_actions_are_listed_once(events):
    assert selectors.known_actions() == ["invitation.sent", "organization.updated"]


def test_snapshot_holds_json_values_and_changes_only_differences(acme):
    before = snapshot(acme, ("name", "created_at"))
    acme.name = "New"

    assert isinstance(before["created_at"], str)
    assert changes(before, snapshot(acme, ("name", "created_at"))) == (
        {"name": "Acme"},
        {"name": "New"},
    )


def test_unlisted_action_stays_readable():
    assert words_for("gizmo.half_turned") == "Gizmo half turned"
