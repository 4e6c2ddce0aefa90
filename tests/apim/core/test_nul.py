"""A NUL in an address is the caller's mistake, not ours."""

import pytest

from apim.accounts.models import Membership
from tests.cast import client_for


@pytest.mark.parametrize("url", ["/apis/?q=a%00b", "/apps/a%00b/"])
def test_address_with_a_nul_is_refused_as_a_bad_request(visitor_client, url):
    assert visitor_client.get(url).status_code == 400


def test_cookie_with_a_nul_counts_as_not_sent(visitor_client):
    answer = visitor_client.get("/", headers={"Cookie": 'sessionid="\\000aaaaaaaa"'})
    assert answer.status_code == 200


def test_form_with_a_nul_names_nothing(alice_client):
    answer = alice_client.post("/organizations/switch/", {"organization": "org_\0"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("/keys/revoke/", "key"),
        ("/dashboard/keys/revoke/", "key"),
        ("/dashboard/keys/revoke/", "application"),
        ("/dashboard/usage/quarantine/replay/", "gateway"),
        ("/dashboard/unmatched/accept/", "gateway"),
    ],
)
def test_a_nul_that_no_field_of_a_form_has_refused_is_a_bad_request(olga, acme, url, field):
    make_member(olga, acme)
    answer = client_for(olga, acme).post(url, {field: "key_\0"})
    assert answer.status_code == 400


def make_member(user, organization):
    Membership.objects.create(organization=organization, user=user, role="owner")
