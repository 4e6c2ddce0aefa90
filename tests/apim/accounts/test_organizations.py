import pytest

from apim.accounts import services
from apim.accounts.errors import LastOwner
from apim.accounts.models import Membership, Organization
from apim.audit.models import AuditEvent
from apim.core.errors import InvalidInput


def test_creator_becomes_owner_and_the_event_says_so(alice, alice_actor):
    organization = services.create_organization(actor=alice_actor, name="  Sun  Ltd ", owner=alice)

    assert organization.name == "Sun Ltd"
    assert organization.memberships.get().role == "owner"
    event = AuditEvent.objects.get(action="organization.created")
    assert event.organization_id == organization.pk
    assert event.actor_id == alice.public_id
    assert event.after["name"] == "Sun Ltd"


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_impossible_name_is_refused_beside_its_field(alice, alice_actor, name):
    with pytest.raises(InvalidInput) as refused:
        services.create_organization(actor=alice_actor, name=name, owner=alice)
    assert list(refused.value.fields) == ["name"]


def test_last_owner_can_neither_leave_nor_step_down(acme, alice, alice_actor):
    membership = Membership.objects.get(organization=acme, user=alice)

    with pytest.raises(LastOwner):
        services.change_role(actor=alice_actor, membership=membership, role="member")
    with pytest.raises(LastOwner):
        services.remove_member(actor=alice_actor, membership=membership)
    membership.refresh_from_db()
    assert membership.role == "owner"


def test_owner_leaves_once_another_owns(acme, alice, bob, alice_actor):
    services.change_role(
        actor=alice_actor,
        membership=Membership.objects.get(organization=acme, user=bob),
        role="owner",
    )
    services.remove_member(
        actor=alice_actor, membership=Membership.objects.get(organization=acme, user=alice)
    )

    assert set(acme.memberships.values_list("user__email", flat=True)) == {
        "bob@example.com",
        "bella@example.com",
    }
    assert AuditEvent.objects.filter(action="membership.left").count() == 1


def test_personal_organization_is_made_once(alice, alice_actor):
    first = services.ensure_personal_organization(actor=alice_actor, user=alice)
    second = services.ensure_personal_organization(actor=alice_actor, user=alice)

    assert first is not None
    assert first.name == "Alice's organization"
    assert second is None
    assert Organization.objects.count() == 1


def test_update_records_only_what_changed(acme, alice_actor):
    services.update_organization(
        actor=alice_actor, organization=acme, name="Acme", time_zone="Europe/Rome"
    )

    event = AuditEvent.objects.get(action="organization.updated")
    assert event.before == {"time_zone": "UTC"}
    assert event.after == {"time_zone": "Europe/Rome"}
