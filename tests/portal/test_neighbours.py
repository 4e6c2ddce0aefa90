"""Every address of the portal against the neighbour and against each role, from the URL conf.

An address under a place that these tables do not name fails here, so that it cannot be forgotten.
"""

import re
from decimal import Decimal

import pytest
from django.db import transaction
from django.urls import get_resolver, reverse

from apim.accounts.services import invite_member, issue_access_token
from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.core.ids import new_public_id
from apim.keys import services as keys
from billing.models import BillingPeriod, Checkout, Invoice, RatedLine
from billing.services import add_to_subscription, calls_meter, create_add_on
from tests.cast import client_for

pytestmark = pytest.mark.django_db

# Place in the address -> kind of the thing of an organization that stands there.
PLACES = {
    "apps/": "application",
    "keys/": "key",
    "subscriptions/": "subscription",
    "add-ons/": "held",
    "billing/invoices/": "invoice",
    "billing/lines/": "line",
    "checkouts/": "checkout",
    "organization/members/": "member",
    "organization/invitations/": "invitation",
    "organization/tokens/": "token",
}
EVERYBODYS = ("apis/", "try/", "products/", "guides/", "plans/")
# There is something to see or to do only in a state that the thing is not in.
IN_ANOTHER_STATE = {"subscription-resume", "subscription-keep"}

ALL, BUILD, PAY, OWN = "owner member billing", "owner member", "owner billing", "owner"
ROLES = {
    "applications": ALL,
    "application": ALL,
    "application-subscriptions": ALL,
    "application-limits": ALL,
    "application-limits-live": ALL,
    "application-usage": ALL,
    "application-create": BUILD,
    "application-edit": BUILD,
    "application-delete": BUILD,
    "keys": ALL,
    "key": ALL,
    "key-seen": ALL,
    "key-issue": BUILD,
    "keys-revoke": BUILD,
    "key-rules": BUILD,
    "key-rotate": BUILD,
    "key-rename": BUILD,
    "key-extend": BUILD,
    "key-end-grace": BUILD,
    "key-revoke": BUILD,
    "leaks": ALL,
    "leak-policy": OWN,
    "subscribe": BUILD,
    "subscription": ALL,
    "subscription-change": BUILD,
    "subscription-cancel": BUILD,
    "subscription-pause": BUILD,
    "subscription-resume": BUILD,
    "subscription-keep": BUILD,
    "subscription-add-ons": BUILD,
    "add-on-end": BUILD,
    "checkout": BUILD,
    "usage": ALL,
    "usage-live": ALL,
    "usage-export": ALL,
    "billing": PAY,
    "billing-export": PAY,
    "billing-line": PAY,
    "invoices": PAY,
    "invoice": PAY,
    "payment-method": PAY,
    "payment-method-added": PAY,
    "organization": ALL,
    "organization-invite": OWN,
    "organization-invitation-resend": OWN,
    "organization-invitation-revoke": OWN,
    "organization-member": OWN,
    "organization-member-remove": OWN,
    "organization-leave": ALL,
    "organization-settings": OWN,
    "organization-activity": OWN,
    "organization-tokens": ALL,
    "organization-token-issue": ALL,
    "organization-token-revoke": OWN,  # of another member's; one's own: test_organization.py
}


def _patterns():
    return [(str(p.pattern), p) for p in _flat(get_resolver("portal.urls").url_patterns)]


def _flat(entries):
    for entry in entries:
        if hasattr(entry, "url_patterns"):
            yield from _flat(entry.url_patterns)
        else:
            yield entry


def _kind(route):
    """Of the thing that the address names, or None; fails for an address of no known place."""
    if "<" not in route or route.startswith(EVERYBODYS):
        return None
    return PLACES[route[: route.index("<")]]


OF_THINGS = {p.name: _kind(r) for r, p in _patterns() if _kind(r)}
GUARDED = {p.name: r for r, p in _patterns() if p.callback.access_rule.startswith("member")}


@pytest.fixture
def things_of(free, paid):
    """`things_of(organization, owner)`: kind -> public id of one thing of every kind."""
    add_on = create_add_on(
        actor=SYSTEM, product=paid.product, name="Support", amounts={"EUR": Decimal(5)}
    )

    def made(organization, owner):
        name = organization.name
        application = keys.create_application(actor=SYSTEM, organization=organization, name=name)
        subscription = keys.subscribe(actor=SYSTEM, application=application, plan=paid)
        period = BillingPeriod.objects.create(
            organization=organization,
            subscription=subscription,
            currency="EUR",
            starts_at=clock.now(),
            ends_at=clock.now() + clock.ONE_DAY,
        )
        line = RatedLine.objects.create(
            period=period,
            organization=organization,
            currency="EUR",
            position=0,
            kind="usage",
            key="calls",
            meter=calls_meter(),
            amount_minor=1,
        )
        found = {
            "application": application,
            "key": keys.issue_key(actor=SYSTEM, application=application, name=name).key,
            "subscription": subscription,
            "held": add_to_subscription(actor=SYSTEM, subscription=subscription, add_on=add_on),
            "invoice": Invoice.objects.create(
                organization=organization, currency="EUR", ends_at=clock.now(), rated_minor=1
            ),
            "line": line,
            "checkout": Checkout.objects.create(
                organization=organization, application=application, plan=free
            ),
            "member": organization.memberships.get(user=owner),
            "invitation": invite_member(
                actor=SYSTEM,
                organization=organization,
                email=f"{owner.name}.friend@example.com",
                role="member",
            ),
            "token": issue_access_token(
                actor=SYSTEM,
                user=owner,
                organization=organization,
                name="ci",
                scopes=["catalog:read"],
            ).token,
            "organization": organization,
        }
        return {kind: thing.public_id for kind, thing in found.items()}

    return made


@pytest.fixture
def own(things_of, acme, alice):
    return things_of(acme, alice)


@pytest.fixture
def foreign(things_of, charlies, charlie):
    return things_of(charlies, charlie)


def _answers(client, name, *arguments):
    """To GET and to POST; nothing of what they did stays."""
    url = reverse(f"portal:{name}", args=arguments)
    found = []
    for send in (client.get, client.post):
        with transaction.atomic():
            found.append(send(url))
            transaction.set_rollback(True)
    return found


def _plain(response):
    """Without what differs from answer to answer."""
    return re.sub(r'value="\w{64}"|req_\w+', "", response.content.decode())


def test_a_neighbours_thing_is_missing_by_every_address(alice_client, own, foreign):
    for name, kind in OF_THINGS.items():
        missing = new_public_id(own[kind].split("_")[0])
        theirs = _answers(alice_client, name, foreign[kind])
        nobodys = _answers(alice_client, name, missing)
        assert {answer.status_code for answer in theirs} <= {404, 405}, name
        assert [*map(_plain, theirs)] == [*map(_plain, nobodys)], name
        statuses = {answer.status_code for answer in _answers(alice_client, name, own[kind])}
        assert (statuses <= {404, 405}) == (name in IN_ANOTHER_STATE), (name, statuses)


def test_no_list_and_no_filter_shows_a_neighbours_thing(alice_client, own, foreign):
    named = {kind: foreign[kind] for kind in ("application", "key", "subscription", "organization")}
    named |= {"q": foreign["key"], "search": foreign["key"], "page": foreign["key"]}
    for name, route in GUARDED.items():
        kind = _kind(route)
        if "<" in route and kind is None:
            continue
        url = reverse(f"portal:{name}", args=[own[kind]] if kind else [])
        for asked in ({}, named, {"of": foreign["application"]}):
            told = alice_client.get(url, asked).getvalue().decode()
            for text in asked.values():  # what was asked may come back
                told = told.replace(text, "")
            assert "Charlie&#x27;s" not in told, name
            assert not [i for i in foreign.values() if i in told], name


@pytest.mark.parametrize("role", ["owner", "member", "billing"])
def test_a_role_opens_what_is_listed_for_it_and_nothing_else(
    own, free, acme, alice, bob, bella, role
):
    """404 for the others, by GET and by POST."""
    client = client_for({"owner": alice, "member": bob, "billing": bella}[role], acme)
    opened = set()
    for name, route in GUARDED.items():
        kind = _kind(route)
        arguments = [own[kind] if kind else free.public_id] if "<" in route else []
        statuses = {answer.status_code for answer in _answers(client, name, *arguments)}
        if not statuses <= {404, 405}:
            opened.add(name)
    assert opened == {name for name, who in ROLES.items() if role in who} - IN_ANOTHER_STATE


def test_every_page_of_an_organization_says_which_roles_it_is_for():
    assert GUARDED.keys() == ROLES.keys()
