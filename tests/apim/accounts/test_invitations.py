from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.urls import reverse

from apim.accounts import services
from apim.accounts.errors import AlreadyMember, InvitationClosed, InvitationForAnother
from apim.accounts.models import Invitation, Membership, User
from apim.audit.models import AuditEvent
from apim.core import clock
from apim.core.errors import Conflict, InvalidInput
from tests.cast import PASSWORD, client_for, make_user


@pytest.fixture
def invite(acme, alice_actor, django_capture_on_commit_callbacks):
    def _invite(email="dora@example.com", role="member"):
        with django_capture_on_commit_callbacks(execute=True):
            return services.invite_member(
                actor=alice_actor, organization=acme, email=email, role=role
            )

    return _invite


def test_mail_carries_the_link_and_the_database_only_its_hash(invite, settings):
    invitation = invite()

    url = f"{settings.APIM_PUBLIC_URL}{reverse('invitation', args=[invitation.secret])}"
    message = mail.outbox[0]
    assert message.to == ["dora@example.com"]
    assert "Acme" in message.subject
    assert url in message.body
    assert url in message.alternatives[0][0]
    stored = Invitation.objects.filter(pk=invitation.pk).values().get()
    assert invitation.secret not in str(stored)


def test_mail_is_in_the_language_of_the_invited_person(invite, db):
    dora = make_user("Dora")
    dora.language = "de"
    dora.save()
    invite(dora.email)

    assert 'lang="de"' in mail.outbox[0].alternatives[0][0]


def test_accepting_makes_a_member_with_the_offered_role_once(invite, acme):
    invitation = invite(role="billing")
    dora = make_user("Dora")

    membership = services.accept_invitation(user=dora, secret=invitation.secret)

    assert (membership.organization, membership.role) == (acme, "billing")
    with pytest.raises(InvitationClosed):
        services.accept_invitation(user=dora, secret=invitation.secret)
    event = AuditEvent.objects.get(action="invitation.accepted")
    assert event.organization_id == acme.pk
    assert event.actor_id == dora.public_id


def test_invitation_is_for_the_invited_address_only(invite, charlie):
    invitation = invite()

    with pytest.raises(InvitationForAnother):
        services.accept_invitation(user=charlie, secret=invitation.secret)
    assert not charlie.memberships.exists()


def test_unverified_address_does_not_count(invite, db):
    invitation = invite()
    dora = make_user("Dora")
    dora.emailaddress_set.update(verified=False)

    with pytest.raises(InvitationForAnother):
        services.accept_invitation(user=dora, secret=invitation.secret)


def test_revoked_and_expired_invitations_are_closed(invite, alice_actor, time_machine):
    dora = make_user("Dora")
    revoked = invite()
    services.revoke_invitation(actor=alice_actor, invitation=revoked)
    expired = invite()

    with pytest.raises(InvitationClosed):
        services.accept_invitation(user=dora, secret=revoked.secret)
    time_machine.move_to(clock.now() + timedelta(days=7, seconds=1))
    with pytest.raises(InvitationClosed):
        services.accept_invitation(user=dora, secret=expired.secret)
    with pytest.raises(InvitationClosed):
        services.resend_invitation(actor=alice_actor, invitation=revoked)


def test_expired_invitation_can_be_sent_again_or_replaced(invite, alice_actor, time_machine):
    first = invite()
    time_machine.move_to(clock.now() + timedelta(days=8))

    services.resend_invitation(actor=alice_actor, invitation=first)
    assert not Invitation.objects.get().is_expired
    time_machine.move_to(clock.now() + timedelta(days=8))
    second = invite()
    assert second.secret != first.secret


def test_second_open_invitation_to_the_same_address_is_refused(invite):
    invite()
    with pytest.raises(Conflict):
        invite("DORA@example.com")


def test_member_cannot_be_invited_again(invite, bob):
    with pytest.raises(AlreadyMember):
        invite(bob.email)


def test_member_by_another_address_gains_no_second_membership(invite, acme, bob):
    EmailAddress.objects.create(user=bob, email="bob@elsewhere.example", verified=True)
    sent = invite("bob@elsewhere.example", role="owner")
    with pytest.raises(AlreadyMember):
        services.accept_invitation(user=bob, secret=sent.secret)
    assert acme.memberships.get(user=bob).role == "member"


@pytest.mark.parametrize(("email", "role"), [("no-address", "member"), ("d@example.com", "king")])
def test_impossible_invitation_is_refused(invite, email, role):
    with pytest.raises(InvalidInput):
        invite(email, role)


def test_newcomer_joins_through_the_link_without_a_second_mail(invite, acme, visitor_client):
    invitation = invite("nora@example.com")
    mail.outbox.clear()
    path = reverse("invitation", args=[invitation.secret])
    assert "Acme" in visitor_client.get(path).content.decode()

    sign_up_page = visitor_client.post(path)
    newcomer = {"name": "Nora", "email": "nora@example.com", "password1": PASSWORD, "next": path}
    answer = visitor_client.post(sign_up_page["Location"], newcomer)
    assert answer["Location"] == path
    visitor_client.post(path)

    nora = User.objects.get(email="nora@example.com")
    assert [m.organization for m in nora.memberships.all()] == [acme]  # no personal one besides
    assert not mail.outbox


def test_sign_up_from_a_link_takes_no_other_address(invite, visitor_client):
    invitation = invite("nora@example.com")
    sign_up_page = visitor_client.post(reverse("invitation", args=[invitation.secret]))
    mallory = {"name": "M", "email": "mallory@example.com", "password1": PASSWORD}
    visitor_client.post(sign_up_page["Location"], mallory)

    assert [user.email for user in User.objects.exclude(name__in=["Alice", "Bob", "Bella"])] == [
        "nora@example.com"
    ]


def test_outsider_sees_no_join_button_and_cannot_press_it(invite, charlie_client, charlie):
    path = reverse("invitation", args=[invite().secret])

    assert "signed in as charlie@example.com" in charlie_client.get(path).content.decode()
    assert charlie_client.post(path).status_code == 403
    assert charlie.memberships.count() == 1


def test_unknown_secret_and_used_secret_answer_alike(invite, acme):
    invitation = invite()
    dora = make_user("Dora")
    client = client_for(dora)
    client.post(reverse("invitation", args=[invitation.secret]))

    used = client_for(None).get(reverse("invitation", args=[invitation.secret]))
    unknown = client_for(None).get(reverse("invitation", args=["f" * 64]))
    assert used.status_code == unknown.status_code == 404
    assert used.content == unknown.content
    assert Membership.objects.filter(organization=acme, user=dora).exists()


def test_invitation_can_be_accepted_from_the_start_page(invite, acme):
    invitation = invite()
    dora = make_user("Dora")
    client = client_for(dora)

    assert "Join Acme" in client.get(reverse("start_organization")).content.decode()
    client.post(reverse("join_organization", args=[invitation.public_id]))
    assert dora.memberships.get().organization == acme


def test_outsider_cannot_join_by_the_invitations_id(invite, charlie_client, charlie):
    answer = charlie_client.post(reverse("join_organization", args=[invite().public_id]))

    assert answer.status_code == 404
    assert charlie.memberships.count() == 1
