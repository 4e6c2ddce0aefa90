import pytest

from apim.accounts import services
from apim.accounts.models import User
from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.core.errors import Conflict, InvalidInput


def test_first_admin_can_sign_in_at_once(db, client):
    services.create_person(
        actor=SYSTEM,
        email="Root@Example.com",
        name="Root",
        password="a-long-enough-password",
        staff_role="admin",
    )

    answer = client.post(
        "/accounts/login/", {"login": "root@example.com", "password": "a-long-enough-password"}
    )
    assert answer.status_code == 302
    assert "_auth_user_id" in client.session


def test_taken_address_is_a_conflict(alice):
    with pytest.raises(Conflict):
        services.create_person(actor=SYSTEM, email="ALICE@example.com")
    assert User.objects.count() == 1


def test_staff_role_change_says_before_and_after(pia, olga, olga_actor):
    services.set_staff_role(actor=olga_actor, user=pia, role="finance")

    event = AuditEvent.objects.get(action="user.staff_role_changed")
    assert (event.before, event.after) == ({"staff_role": "publisher"}, {"staff_role": "finance"})
    assert event.actor_id == olga.public_id


def test_last_admin_stays(olga, olga_actor):
    with pytest.raises(Conflict):
        services.set_staff_role(actor=olga_actor, user=olga, role="")
    olga.refresh_from_db()
    assert olga.staff_role == "admin"


def test_unknown_staff_role_is_refused(pia, olga_actor):
    with pytest.raises(InvalidInput):
        services.set_staff_role(actor=olga_actor, user=pia, role="emperor")


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("language", "xx"), ("time_zone", "Mars/Olympus"), ("theme", "neon")],
)
def test_unknown_profile_values_are_refused_beside_their_field(alice, alice_actor, field, value):
    with pytest.raises(InvalidInput) as refused:
        services.update_profile(actor=alice_actor, user=alice, **{field: value})
    assert list(refused.value.fields) == [field]


def test_profile_change_without_a_difference_writes_no_event(alice, alice_actor):
    services.update_profile(actor=alice_actor, user=alice, name="Alice", theme="system")
    assert not AuditEvent.objects.filter(action="user.updated").exists()
