"""A NUL in an address is the caller's mistake, not ours."""

import pytest


@pytest.mark.parametrize("url", ["/apis/?q=a%00b", "/apps/a%00b/"])
def test_address_with_a_nul_is_refused_as_a_bad_request(visitor_client, url):
    assert visitor_client.get(url).status_code == 400


def test_cookie_with_a_nul_counts_as_not_sent(visitor_client):
    answer = visitor_client.get("/", headers={"Cookie": 'sessionid="\\000aaaaaaaa"'})
    assert answer.status_code == 200


def test_form_with_a_nul_names_nothing(alice_client):
    answer = alice_client.post("/organizations/switch/", {"organization": "org_\0"})
    assert answer.status_code == 404
