"""The people of our tests, and their organization.

Alice owns "Acme", Bob is a member, Bella does its billing. Charlie owns another organization and
must never see Acme's things. Olga is admin, Pia publishes APIs, Fiona does finance, Sam supports.
"""

from dataclasses import dataclass, fields

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from apim.accounts.models import Membership, Organization, StaffRole, User
from apim.accounts.viewers import ORGANIZATION_SESSION_KEY, actor_for
from apim.audit.actors import SYSTEM, Actor

PASSWORD = "a-long-enough-password"


def make_user(name: str, *, staff_role: str = "", email: str | None = None) -> User:
    """A person with a verified address, `<name>@example.com`, and the password PASSWORD."""
    user = User.objects.create_user(
        email or f"{name.lower()}@example.com", PASSWORD, name=name, staff_role=staff_role
    )
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def make_organization(
    name: str, owner: User, *, members: tuple[User, ...] = (), billing: tuple[User, ...] = ()
) -> Organization:
    organization = Organization.objects.create(name=name, billing_email=owner.email)
    roles = {owner: "owner"} | dict.fromkeys(members, "member") | dict.fromkeys(billing, "billing")
    for user, role in roles.items():
        Membership.objects.create(organization=organization, user=user, role=role)
    return organization


def client_for(user: User | None, organization: Organization | None = None) -> Client:
    """A browser of the person (None: a visitor) that checks CSRF as little as Django's does."""
    client = Client()
    if user is None:
        return client
    client.force_login(user)
    if organization:
        session = client.session
        session[ORGANIZATION_SESSION_KEY] = organization.public_id
        session.save()
    return client


def session_cookie_for(user: User) -> str:
    """The session id of a signed-in person, for a real browser's `sessionid` cookie."""
    client = client_for(user)
    assert isinstance(client.session, SessionStore)
    key = client.session.session_key
    assert key
    return key


@dataclass
class Cast:
    """Everybody at once: `cast.alice`, `cast.acme`, `cast.client(cast.charlie)`."""

    alice: User
    bob: User
    bella: User
    charlie: User
    olga: User
    pia: User
    fiona: User
    sam: User
    acme: Organization
    charlies: Organization

    def client(self, user: User | None) -> Client:
        return client_for(user)

    def actor(self, user: User) -> Actor:
        return actor_for(user)


@pytest.fixture
def alice(db) -> User:
    return make_user("Alice")


@pytest.fixture
def bob(db) -> User:
    return make_user("Bob")


@pytest.fixture
def bella(db) -> User:
    return make_user("Bella")


@pytest.fixture
def charlie(db) -> User:
    return make_user("Charlie")


@pytest.fixture
def olga(db) -> User:
    return make_user("Olga", staff_role=StaffRole.ADMIN)


@pytest.fixture
def pia(db) -> User:
    return make_user("Pia", staff_role=StaffRole.PUBLISHER)


@pytest.fixture
def fiona(db) -> User:
    return make_user("Fiona", staff_role=StaffRole.FINANCE)


@pytest.fixture
def sam(db) -> User:
    return make_user("Sam", staff_role=StaffRole.SUPPORT)


@pytest.fixture
def acme(alice, bob, bella) -> Organization:
    """Alice owns it, Bob is a member, Bella does billing."""
    return make_organization("Acme", alice, members=(bob,), billing=(bella,))


@pytest.fixture
def charlies(charlie) -> Organization:
    """The outsider's own organization."""
    return make_organization("Charlie's", charlie)


@pytest.fixture
def cast(request) -> Cast:
    return Cast(**{field.name: request.getfixturevalue(field.name) for field in fields(Cast)})


@pytest.fixture
def visitor_client(db) -> Client:
    return client_for(None)


@pytest.fixture
def alice_client(alice, acme) -> Client:
    return client_for(alice)


@pytest.fixture
def bob_client(bob, acme) -> Client:
    return client_for(bob)


@pytest.fixture
def bella_client(bella, acme) -> Client:
    return client_for(bella)


@pytest.fixture
def charlie_client(charlie, charlies) -> Client:
    return client_for(charlie)


@pytest.fixture
def olga_client(olga) -> Client:
    return client_for(olga)


@pytest.fixture
def pia_client(pia) -> Client:
    return client_for(pia)


@pytest.fixture
def fiona_client(fiona) -> Client:
    return client_for(fiona)


@pytest.fixture
def sam_client(sam) -> Client:
    return client_for(sam)


@pytest.fixture
def alice_actor(alice) -> Actor:
    return actor_for(alice)


@pytest.fixture
def charlie_actor(charlie) -> Actor:
    return actor_for(charlie)


@pytest.fixture
def pia_actor(pia) -> Actor:
    return actor_for(pia)


@pytest.fixture
def olga_actor(olga) -> Actor:
    return actor_for(olga)


@pytest.fixture
def system_actor() -> Actor:
    return SYSTEM
