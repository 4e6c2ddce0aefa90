from datetime import timedelta

import pytest

from apim.accounts import scopes, selectors, services
from apim.accounts.errors import ScopeNotAllowed, TokenRevoked
from apim.accounts.models import AccessToken, Membership
from apim.accounts.secrets import is_well_formed
from apim.accounts.viewers import viewer_for_token
from apim.audit.models import AuditEvent
from apim.core import clock
from apim.core.checksums import crc32_base62
from apim.core.errors import InvalidInput, NotFound
from tests.cast import make_user


@pytest.fixture
def issue(acme, bob, alice_actor):
    def _issue(user=bob, organization=acme, wanted=("keys:read",), **more):
        return services.issue_access_token(
            actor=alice_actor,
            user=user,
            organization=organization,
            name="ci",
            scopes=wanted,
            **more,
        )

    return _issue


def test_checksum_matches_the_published_vector():
    assert crc32_base62("7Qm2VtYc9LpXa4RzKd81NsWbJh05Ge") == "2RDumf"


def test_secret_is_returned_once_and_stored_as_a_hash(issue):
    issued = issue()

    assert is_well_formed(issued.secret)
    assert issued.secret.startswith("apim_pat_")
    stored = AccessToken.objects.filter(pk=issued.token.pk).values().get()
    assert issued.secret not in str(stored)
    assert issued.secret not in repr(issued)
    assert selectors.access_token_by_secret(issued.secret) == issued.token
    event = AuditEvent.objects.get(action="access_token.issued")
    assert event.after["scopes"] == ["keys:read"]
    assert issued.secret not in str(event.after)


@pytest.mark.parametrize("secret", ["", "apim_pat_", "apim_pat_" + "0" * 36, "ak_live_x"])
def test_malformed_secret_costs_no_query(secret, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert selectors.access_token_by_secret(secret) is None


def test_mistyped_secret_fails_its_checksum(issue):
    secret = issue().secret
    wrong = secret[:-1] + ("0" if secret[-1] != "0" else "1")

    assert not is_well_formed(wrong)


def test_revoked_and_expired_tokens_find_nothing(issue, alice_actor, time_machine):
    revoked = issue()
    services.revoke_access_token(actor=alice_actor, token=revoked.token)
    expiring = issue(expires_at=clock.now() + timedelta(hours=1))

    assert selectors.access_token_by_secret(revoked.secret) is None
    assert selectors.access_token_by_secret(expiring.secret) is not None
    time_machine.move_to(clock.now() + timedelta(hours=1, seconds=1))
    assert selectors.access_token_by_secret(expiring.secret) is None
    with pytest.raises(TokenRevoked):
        services.revoke_access_token(actor=alice_actor, token=revoked.token)


@pytest.mark.parametrize(
    "scope", ["catalog:write", "organizations:write", "billing:read", "nonsense:x"]
)
def test_member_cannot_give_what_a_member_does_not_have(issue, scope):
    with pytest.raises(ScopeNotAllowed):
        issue(wanted=[scope])


def test_outsider_gets_no_token_for_the_organization(issue, charlie):
    with pytest.raises(NotFound):
        issue(user=charlie)


def test_only_staff_get_tokens_without_an_organization(issue, pia):
    with pytest.raises(NotFound):
        issue(organization=None)
    assert issue(user=pia, organization=None, wanted=["catalog:write"]).token.organization is None


def test_token_of_an_organization_carries_no_staff_rights(issue, acme, olga):
    Membership.objects.create(organization=acme, user=olga, role="member")

    with pytest.raises(ScopeNotAllowed):
        issue(user=olga, wanted=["gateways:write"])
    viewer = viewer_for_token(issue(user=olga).token)
    assert viewer.staff_role == ""


@pytest.mark.parametrize("wanted", [[], ()])
def test_token_without_scopes_is_refused(issue, wanted):
    with pytest.raises(InvalidInput):
        issue(wanted=wanted)


def test_token_that_would_start_expired_is_refused(issue):
    with pytest.raises(InvalidInput):
        issue(expires_at=clock.now())


def test_token_shrinks_with_its_owners_role(issue, acme, bob, alice_actor):
    token = issue(wanted=["keys:write", "usage:read"]).token
    membership = Membership.objects.get(organization=acme, user=bob)
    services.change_role(actor=alice_actor, membership=membership, role="billing")

    assert viewer_for_token(token).scopes == {"usage:read"}


def test_token_dies_with_membership_and_with_the_person(issue, acme, bob, alice_actor):
    issued = issue()
    bob.is_active = False
    bob.save()
    assert viewer_for_token(AccessToken.objects.get()) is None
    bob.is_active = True
    bob.save()

    membership = Membership.objects.get(organization=acme, user=bob)
    services.remove_member(actor=alice_actor, membership=membership)
    assert selectors.access_token_by_secret(issued.secret) is None


def test_staff_token_dies_with_the_staff_role(issue, pia, olga, olga_actor):
    token = issue(user=pia, organization=None, wanted=["catalog:write"]).token
    services.set_staff_role(actor=olga_actor, user=pia, role="")

    token = AccessToken.objects.get(pk=token.pk)
    assert viewer_for_token(token) is None


def test_viewer_of_a_token_acts_in_its_own_name(issue, acme, bob):
    token = issue().token
    viewer = viewer_for_token(token, ip_address="203.0.113.7", request_id="req_1")

    assert (viewer.user, viewer.organization, viewer.role) == (bob, acme, "member")
    assert (viewer.actor.kind, viewer.actor.id, viewer.actor.ip_address) == (
        "token",
        token.public_id,
        "203.0.113.7",
    )


def test_use_is_remembered_to_the_minute(issue, django_assert_num_queries):
    token = issue().token
    now = clock.now()
    AccessToken.objects.mark_used(token, at=now)
    token.refresh_from_db()
    assert token.last_used_at == now
    with django_assert_num_queries(0):
        AccessToken.objects.mark_used(token, at=now + timedelta(seconds=59))


def test_every_scope_is_open_to_somebody(db):
    admin = make_user("Ada", staff_role="admin")
    owner_scopes = scopes.grantable(role="owner", staff_role="")
    admin_scopes = scopes.grantable(role=None, staff_role=admin.staff_role)

    assert {s.name for s in owner_scopes} | {s.name for s in admin_scopes} == set(
        scopes.SCOPES_BY_NAME
    )
