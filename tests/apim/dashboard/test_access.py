"""Who may open what: every URL of the dashboard against every kind of viewer."""

import pytest
from django.urls import reverse

from apim.dashboard.urls import urlpatterns

NAMES = [str(pattern.name) for pattern in urlpatterns]

MONEY = {
    "revenue",
    "revenue-export",
    "prices",
    "customers",
    "customer",
    "customer-credit",
    "customer-discount",
    "credit-void",
    "discount-end",
    "finance-subscriptions",
    "invoices",
    "invoice",
    "invoice-line",
    "reconciliation",
    "reconciliation-now",
    "reconciliation-run",
    "stripe",
    "webhooks",
    "webhook-replay",
}
PRICING = ("plan-version", "plan-sheet", "meter", "add-on")
EVERYBODY = {"overview", "organizations", "organization", "tokens", "token-new"}
FINANCE = {
    *MONEY,
    "plan",
    "plan-price",
    *(name for name in NAMES if name.startswith(PRICING)),
}
SUPPORT = {
    "subscriptions",
    "subscription-approve",
    "subscription-reject",
    "subscription-suspend",
    "subscription-resume",
    "organization-suspend",
    "organization-activate",
    "keys",
    "key",
    "key-revoke",
    "keys-revoke",
    "leaks",
    "usage",
    "usage-export",
    "quarantine",
    "quarantine-replay",
    "quarantined-record",
    "quarantined-record-replay",
    "unmatched",
    "mapping-accept",
    "mappings",
    "mapping-new",
    "mapping-edit",
    "mapping-remove",
    "gateways",
    "gateway-new",
    "gateway",
    "gateway-rotate",
    "gateway-disable",
    "gateway-enable",
    "gateway-sync",
    "jobs",
    "job-retry",
}
NOT_FOR_PUBLISHERS = {
    "keys-import",
    "audit",
    "staff",
    "staff-role",
    "token-revoke",  # of an admin's token; one's own see test_access_tokens.py
    *MONEY,
}
# These change something only by POST or ask about what was chosen; a bare GET goes to the list.
REDIRECTS = {
    "reconciliation-now",
    "webhook-replay",
    "keys-revoke",
    "gateway-sync",
    "job-retry",
    "mapping-accept",
    "quarantine-replay",
    "quarantined-record-replay",
}

ALLOWED = {
    "olga": set(NAMES),
    "pia": set(NAMES) - NOT_FOR_PUBLISHERS,
    "fiona": EVERYBODY | FINANCE,
    "sam": EVERYBODY | SUPPORT | {"audit"},
    "charlie": set(),
    "alice": set(),
}


@pytest.mark.parametrize("person", ALLOWED)
def test_each_person_opens_exactly_what_the_role_allows(installation, request, person):
    client = request.getfixturevalue(f"{person}_client")
    statuses = {name: client.get(installation.url(name)).status_code for name in NAMES}
    expected = {
        name: (302 if name in REDIRECTS else 200) if name in ALLOWED[person] else 404
        for name in NAMES
    }
    assert statuses == expected


def test_a_visitor_is_asked_to_sign_in_everywhere(installation, visitor_client):
    for name in NAMES:
        url = installation.url(name)
        answer = visitor_client.get(url)
        assert (answer.status_code, answer.url) == (302, f"{reverse('account_login')}?next={url}")


def test_an_outsider_cannot_change_anything_by_posting(installation, charlie_client):
    for name in NAMES:
        assert charlie_client.post(installation.url(name)).status_code == 404
    installation.pending.refresh_from_db()
    installation.key.refresh_from_db()
    installation.gateway.refresh_from_db()
    assert installation.pending.state == "pending"
    assert installation.key.is_usable
    assert installation.gateway.state == "active"


def test_a_forbidden_page_looks_like_a_missing_one(installation, sam_client):
    forbidden = sam_client.get(installation.url("api"))
    missing = sam_client.get(reverse("dashboard:organization", args=["org_nobody"]))
    assert forbidden.status_code == missing.status_code == 404
    assert forbidden.content == missing.content


@pytest.mark.parametrize("person", ["pia", "fiona", "sam", "olga"])
def test_the_menu_and_the_overview_only_link_to_pages_that_open(installation, request, person):
    client = request.getfixturevalue(f"{person}_client")
    installation.call(3)
    page = client.get(reverse("dashboard:overview")).content.decode()
    links = {part.split('"')[0] for part in page.split('href="')[1:]}
    inside = {link for link in links if link.startswith("/dashboard/")}
    assert len(inside) >= 3
    assert {link: client.get(link).status_code for link in inside} == dict.fromkeys(inside, 200)
